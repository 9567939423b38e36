//! `mnist-pixels` and `mnist-permuted`: the images of MNIST, one pixel per step, in the order of the rows or in one fixed random order.
//!
//! Source: Le, Jaitly and Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units" (2015). The permutation is another
//! one, drawn once; results on different permutations differ little.

use crate::error::DataError;
use crate::known::cache::Cache;
use crate::known::catalog;
use crate::opened::open_known;
use crate::progress::Progress;
use crate::source::{DataSource, Parts, SplitRequest, Trained};
use lnn_core::random::SplitMix64;
use lnn_core::{Input, InputShape, InputSpec, SampleSet, Samples};
use tch::Tensor;

/// The seed of the permutation: it is the same for every run.
const PERMUTATION: u64 = 2015;

/// The order in which the pixels are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Row by row.
    Rows,
    /// A fixed random order.
    Permuted,
}

/// Images as sequences of pixels.
#[derive(Debug)]
pub(crate) struct PixelSequences {
    images: Box<dyn DataSource>,
    order: Order,
}

/// Opens MNIST, and fetches missing files, for sequences in the given order.
///
/// # Errors
/// As those of `mnist`.
pub(crate) fn open(
    order: Order,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PixelSequences, DataError> {
    let mnist = catalog::find("mnist").expect("the catalogue has it");
    let images = open_known(&Cache::from_env()?, (mnist, ""), trained, progress)?;
    Ok(PixelSequences { images, order })
}

impl PixelSequences {
    /// Images `[N, C, H, W]` in bytes as sequences `[N, C·H·W, 1]`.
    fn sequences(&self, set: SampleSet) -> SampleSet {
        let SampleSet::Stored(Samples { input, targets }) = set else { return set };
        let pixels = input.x.flatten(1, -1);
        let pixels = match self.order {
            Order::Rows => pixels,
            Order::Permuted => {
                let order = SplitMix64::new(PERMUTATION).permutation(pixels.size()[1] as usize);
                let order: Vec<i64> = order.into_iter().map(|place| place as i64).collect();
                pixels.index_select(1, &Tensor::from_slice(&order))
            }
        };
        SampleSet::Stored(Samples { input: Input::new(pixels.unsqueeze(2)), targets })
    }
}

impl DataSource for PixelSequences {
    fn spec(&self) -> InputSpec {
        InputSpec { shape: InputShape::Sequences { features: vec!["pixel".into()] }, ..self.images.spec() }
    }

    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        Ok(self.images.parts(request)?.map(|set| self.sequences(set)))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        Ok(self.sequences(self.images.test()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{ImageData, ImageSet};
    use ndarray::{Array1, Array4};

    #[test]
    fn every_pixel_is_a_step_and_a_permutation_keeps_all_of_them() {
        let images = Array4::from_shape_fn((20, 1, 3, 4), |(n, _, y, x)| (n + 10 * (4 * y + x)) as u8);
        let set = ImageSet::new("here", images, Array1::from_shape_fn(20, |n| n as i64 % 2), 2).unwrap();
        let classes = vec!["even".into(), "odd".into()];
        let opened = |order| {
            let data = ImageData::new("tiny", set.clone(), set.clone(), classes.clone()).unwrap();
            PixelSequences { images: Box::new(data), order }
        };
        let rows = opened(Order::Rows);
        assert_eq!(rows.spec().shape, InputShape::Sequences { features: vec!["pixel".into()] });
        assert_eq!(rows.spec().task.names(), ["even", "odd"]);
        let numbers = |set: SampleSet| {
            let first = set.narrow(0, 1).input.x;
            assert_eq!(first.size(), [1, 12, 1]);
            Vec::<u8>::try_from(first.view(-1)).unwrap()
        };
        let in_order: Vec<u8> = (0..12).map(|i| 10 * i).collect();
        assert_eq!(numbers(rows.test().unwrap()), in_order);
        let mut permuted = numbers(opened(Order::Permuted).test().unwrap());
        assert_eq!(permuted, numbers(opened(Order::Permuted).test().unwrap()));
        assert_ne!(permuted, in_order);
        permuted.sort_unstable();
        assert_eq!(permuted, in_order);
        let parts = rows.parts(&SplitRequest::new(0.2, 0)).unwrap();
        assert_eq!([parts.train.len(), parts.validation.len(), parts.test.len()], [16, 4, 20]);
    }
}
