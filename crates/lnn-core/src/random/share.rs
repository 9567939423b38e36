//! Random numbers of a batch that several processes share.
//!
//! Each process draws the numbers of the whole batch and takes those of its samples, therefore the samples see the same numbers whatever
//! the number of processes.

use super::seeds::current_share;
use crate::error::Error;
use tch::Tensor;

/// The samples of a batch that this process computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The place of the first one in the batch.
    pub first: i64,
    /// Their number; it may be 0.
    pub count: i64,
    /// The number of samples of the batch.
    pub total: i64,
}

impl Share {
    /// All `total` samples of a batch.
    pub fn whole(total: i64) -> Self {
        Self { first: 0, count: total, total }
    }
}

/// The numbers of the `batch` samples of this process, along dimension `axis` of what `draw(samples)` draws for a number of samples.
///
/// # Errors
/// Those of `draw`.
pub fn of_share<E: From<Error>>(
    batch: i64,
    axis: i64,
    draw: impl FnOnce(i64) -> Result<Tensor, E>,
) -> Result<Tensor, E> {
    match current_share().filter(|share| share.count == batch && share.total > batch) {
        Some(Share { first, count, total }) => {
            Ok(draw(total)?.f_narrow(axis, first, count).map_err(Error::from)?)
        }
        None => draw(batch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{dropout, rand, seeded, seeded_share};
    use tch::{Device, Kind};

    #[test]
    fn shares_of_a_batch_have_the_numbers_of_the_whole() {
        let options = (Kind::Double, Device::Cpu);
        let draw = |samples: i64| -> [Tensor; 3] {
            let by_column = of_share(samples, 1, |samples| Ok::<_, Error>(rand([5, samples], options)));
            let rows = dropout(&Tensor::ones([samples, 7], options), 0.5, true, 0).unwrap();
            let steps = dropout(&Tensor::ones([3, samples, 7], options), 0.5, true, 1).unwrap();
            [by_column.unwrap(), rows, steps]
        };
        let whole = seeded(3, || draw(10));
        let parts = [(0, 4), (4, 3), (7, 3)]
            .map(|(first, count)| seeded_share(3, Share { first, count, total: 10 }, || draw(count)));
        for (i, axis) in [1, 0, 1].into_iter().enumerate() {
            let joined = Tensor::cat(&parts.each_ref().map(|part| &part[i]), axis);
            assert_eq!(joined, whole[i]);
        }
    }
}
