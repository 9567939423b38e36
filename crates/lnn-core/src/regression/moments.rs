//! Mean and standard deviation of data that is read in blocks.

use crate::error::Error;
use tch::{Kind, Tensor};

/// Sums over blocks, in float64.
#[derive(Debug)]
pub struct Moments {
    over: Vec<i64>,
    count: f64,
    sums: Option<(Tensor, Tensor)>,
}

impl Moments {
    /// The sums of no data, for mean and deviation over the dimensions `over`, which are kept with extent 1.
    pub fn over(over: &[i64]) -> Self {
        Self { over: over.to_vec(), count: 0.0, sums: None }
    }

    /// Adds a block. Blocks differ in extent only along the dimensions that are summed over.
    ///
    /// # Errors
    /// [`Error::Torch`] if the block does not fit the earlier ones.
    pub fn add(&mut self, block: &Tensor) -> Result<(), Error> {
        let x = block.to_kind(Kind::Double);
        let sum = x.f_sum_dim_intlist(&self.over[..], true, Kind::Double)?;
        let squares = x.f_square()?.f_sum_dim_intlist(&self.over[..], true, Kind::Double)?;
        self.count += x.numel() as f64 / sum.numel() as f64;
        self.sums = Some(match self.sums.take() {
            None => (sum, squares),
            Some((sums, all_squares)) => (sums.f_add(&sum)?, all_squares.f_add(&squares)?),
        });
        Ok(())
    }

    /// Mean and deviation, float64; `None` before the first block. A deviation below `floor` becomes `otherwise`.
    pub fn mean_and_deviation(&self, floor: f64, otherwise: f64) -> Option<(Tensor, Tensor)> {
        let (sum, squares) = self.sums.as_ref()?;
        let mean = sum / self.count;
        let deviation = (squares / self.count - mean.square()).clamp_min(0.0).sqrt();
        let deviation = deviation.where_self(&deviation.gt(floor), &deviation.full_like(otherwise));
        Some((mean, deviation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{randn, seeded};
    use tch::Device;

    #[test]
    fn blocks_give_the_mean_and_deviation_of_the_whole() {
        let x = seeded(0, || randn([100, 3], (Kind::Double, Device::Cpu))) * 5.0 + 7.0;
        let mut moments = Moments::over(&[0]);
        assert!(moments.mean_and_deviation(0.0, 1.0).is_none());
        x.split(33, 0).iter().for_each(|block| moments.add(block).unwrap());
        let (mean, deviation) = moments.mean_and_deviation(0.0, 1.0).unwrap();
        assert!((mean - x.mean_dim(0, true, Kind::Double)).abs().max().double_value(&[]) < 1e-12);
        assert!((deviation - x.std_dim(0, false, true)).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn what_never_changes_gets_the_other_deviation() {
        let mut moments = Moments::over(&[0]);
        moments.add(&Tensor::ones([5, 2], (Kind::Float, Device::Cpu))).unwrap();
        let (_, deviation) = moments.mean_and_deviation(1e-6, 1.0).unwrap();
        assert_eq!(deviation, Tensor::ones([1, 2], (Kind::Double, Device::Cpu)));
    }
}
