//! Mean and standard deviation of data that is read in blocks.

use crate::error::Error;
use tch::{Device, Kind, Tensor};

/// Count, mean, sum of squared distances from the mean, minimum and maximum of the data so far, in float64. NaN is left out.
///
/// Each block is centred on its own mean before it is squared, and blocks are joined by the formula of Chan, Golub and `LeVeque`
/// (1979), therefore an offset of many deviations loses no digits of the deviation.
#[derive(Debug)]
pub struct Moments {
    over: Vec<i64>,
    sums: Option<Sums>,
}

#[derive(Debug)]
struct Sums {
    count: Tensor,
    mean: Tensor,
    squares: Tensor,
    minimum: Tensor,
    maximum: Tensor,
}

/// Mean and standard deviation, with the summed dimensions kept as extent 1.
#[derive(Debug)]
pub struct Statistics {
    /// The mean, float64. That of a constant is the constant itself, that of no number NaN.
    pub mean: Tensor,
    /// The standard deviation, float64; 0 for a constant and for no number, and above 0 otherwise.
    pub deviation: Tensor,
}

impl Moments {
    /// The moments of no data, over the dimensions `over`, which are kept with extent 1.
    pub fn over(over: &[i64]) -> Self {
        Self { over: over.to_vec(), sums: None }
    }

    /// Adds a block. Blocks differ in extent only along the dimensions that are summed over; one without elements adds nothing.
    ///
    /// # Errors
    /// [`Error::Torch`] if the block does not fit the earlier ones.
    pub fn add(&mut self, block: &Tensor) -> Result<(), Error> {
        if block.numel() == 0 {
            return Ok(());
        }
        let x = block.to_kind(Kind::Double);
        let absent = x.f_isnan()?;
        let sum = |x: &Tensor| x.f_sum_dim_intlist(&self.over[..], true, Kind::Double);
        let count = sum(&absent.logical_not())?;
        let mean = sum(&x.f_masked_fill(&absent, 0.0)?)? / count.clamp_min(1.0);
        let squares = sum(&(&x - &mean).f_square()?.f_masked_fill(&absent, 0.0)?)?;
        let found = Sums {
            count,
            mean,
            squares,
            minimum: x.f_masked_fill(&absent, f64::INFINITY)?.f_amin(&self.over[..], true)?,
            maximum: x.f_masked_fill(&absent, f64::NEG_INFINITY)?.f_amax(&self.over[..], true)?,
        };
        self.sums = Some(match self.sums.take() {
            None => found,
            Some(before) => {
                let all = before.count.f_add(&found.count)?;
                let share = &found.count / all.clamp_min(1.0);
                let distance = found.mean.f_sub(&before.mean)?;
                let between = distance.square() * (&before.count * &share);
                Sums {
                    count: all,
                    mean: before.mean + distance * share,
                    squares: before.squares + found.squares + between,
                    minimum: before.minimum.minimum(&found.minimum),
                    maximum: before.maximum.maximum(&found.maximum),
                }
            }
        });
        Ok(())
    }

    /// Joins the moments of several processes, each of which adds other blocks, all with statistics of `shape`. `sum` replaces a tensor by its
    /// sum over the processes, of which this one is number `rank` of `size`.
    ///
    /// # Errors
    /// Those of `sum`, and [`Error::Torch`] if the blocks do not have this shape.
    pub fn join<E: From<Error>>(
        &mut self,
        (shape, device): (&[i64], Device),
        [rank, size]: [i64; 2],
        sum: &mut dyn FnMut(&mut Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        let filled = |value: f64| Tensor::full(shape, value, (Kind::Double, device));
        let own = self.sums.take().unwrap_or_else(|| Sums {
            count: filled(0.0),
            mean: filled(0.0),
            squares: filled(0.0),
            minimum: filled(f64::INFINITY),
            maximum: filled(f64::NEG_INFINITY),
        });
        let mut first = Tensor::f_stack(&[&own.count, &(&own.count * &own.mean)], 0).map_err(Error::from)?;
        sum(&mut first)?;
        let (count, mean) = (first.get(0), first.get(1) / first.get(0).clamp_min(1.0));
        let mut squares = own.squares + (own.mean - &mean).square() * own.count;
        sum(&mut squares)?;
        // There is no maximum over processes: each writes into a row of its own.
        let mut extremes = |own: Tensor| {
            let mut rows = Tensor::zeros([&[size], shape].concat(), (Kind::Double, device));
            rows.get(rank).copy_(&own);
            sum(&mut rows).map(|()| rows)
        };
        let (minimum, maximum) = (extremes(own.minimum)?, extremes(own.maximum)?);
        let (minimum, maximum) = (minimum.amin(0_i64, false), maximum.amax(0_i64, false));
        self.sums = Some(Sums { count, mean, squares, minimum, maximum });
        Ok(())
    }

    /// Mean and deviation; `None` before the first block. What has the same minimum and maximum is a constant.
    pub fn statistics(&self) -> Option<Statistics> {
        let Sums { count, mean, squares, minimum, maximum } = self.sums.as_ref()?;
        let range = (maximum - minimum).clamp_min(0.0);
        let deviation = (squares / count.clamp_min(1.0)).sqrt();
        // Squares of tiny distances can become 0; half the range is then as good an estimate as any.
        let deviation = deviation.where_self(&deviation.gt(0.0), &(&range / 2.0));
        let constant = range.eq(0.0);
        Some(Statistics {
            mean: minimum.where_self(&constant, mean).masked_fill(&count.eq(0.0), f64::NAN),
            deviation: deviation.where_self(&constant.logical_not(), &deviation.zeros_like()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{randn, seeded};
    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn statistics(x: &Tensor) -> Statistics {
        let mut moments = Moments::over(&[0]);
        x.split(33, 0).iter().for_each(|block| moments.add(block).unwrap());
        moments.statistics().unwrap()
    }

    #[test]
    fn blocks_give_the_mean_and_deviation_of_the_whole() {
        let x = seeded(0, || randn([100, 3], DOUBLE)) * 5.0 + 7.0;
        assert!(Moments::over(&[0]).statistics().is_none());
        let Statistics { mean, deviation } = statistics(&x);
        assert!((mean - x.mean_dim(0, true, Kind::Double)).abs().max().double_value(&[]) < 1e-12);
        assert!((deviation - x.std_dim(0, false, true)).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn missing_numbers_are_left_out_of_each_column() {
        let x = seeded(2, || randn([100, 3], DOUBLE));
        let _ = x.narrow(0, 20, 50).narrow(1, 1, 1).fill_(f64::NAN);
        let _ = x.narrow(1, 2, 1).fill_(f64::NAN);
        let Statistics { mean, deviation } = statistics(&x);
        let present = Tensor::cat(&[x.narrow(0, 0, 20), x.narrow(0, 70, 30)], 0);
        for (column, expected) in [(0, x.select(1, 0)), (1, present.select(1, 1))] {
            assert!(
                (mean.double_value(&[0, column]) - expected.mean(Kind::Double).double_value(&[])).abs()
                    < 1e-12
            );
            assert!(
                (deviation.double_value(&[0, column]) - expected.std(false).double_value(&[])).abs() < 1e-12
            );
        }
        assert!(mean.double_value(&[0, 2]).is_nan() && deviation.double_value(&[0, 2]) <= 0.0);
    }

    #[test]
    fn an_offset_of_a_billion_deviations_and_any_unit_leave_the_deviation_precise() {
        let x = seeded(1, || randn([1000, 1], DOUBLE));
        let expected = x.std(false).double_value(&[]);
        for (scale, offset) in [(1.0, 1.7e9), (1e-15, 0.0), (1e-15, 1e-6), (1e15, 1e24), (1e-3, -1e6)] {
            let deviation = statistics(&(&x * scale + offset)).deviation.double_value(&[0, 0]);
            let error = (deviation / scale - expected).abs();
            assert!(error < 1e-6, "{scale} and {offset}: {deviation}, off by {error:.1e}");
        }
    }

    #[test]
    #[allow(clippy::float_cmp)] // a constant is its own mean
    fn only_what_never_changes_is_constant_and_its_mean_is_itself() {
        let constant = Tensor::full([100, 1], 0.1, DOUBLE);
        let Statistics { mean, deviation } = statistics(&constant);
        assert_eq!([mean.double_value(&[0, 0]), deviation.double_value(&[0, 0])], [0.1, 0.0]);
        // One unit in the last place of float64.
        let nearly = Tensor::from_slice(&[0.1, 0.1 + 2e-17]).view([2, 1]);
        assert!(statistics(&nearly).deviation.double_value(&[0, 0]) > 0.0);
        let tiny = Tensor::arange(100, DOUBLE).view([100, 1]) * 1e-200;
        assert!(statistics(&tiny).deviation.double_value(&[0, 0]) > 1e-199);
    }
}
