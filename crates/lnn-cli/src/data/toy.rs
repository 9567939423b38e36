//! `toy`: the random sequences on which the LiquidTimeStep article trains.
//!
//! Four sequences of six steps with ten features, and one value each, all N(0, 1). There is nothing to generalise: the
//! article learns them by heart, so training, validation and test are the same four.

use super::sequence_set::{SequenceData, SequenceSet, SequenceSource};
use ndarray::{Array2, Array3};
use tch::{Device, Kind, Tensor};

/// The seed of the numbers: the set is the same for every run.
const SEED: u64 = 2024;

/// The four sequences.
pub fn open() -> SequenceData {
    let (inputs, targets) = lnn_core::seeded(SEED, || {
        let options = (Kind::Float, Device::Cpu);
        (Tensor::randn([4, 6, 10], options), Tensor::randn([4, 1], options))
    });
    let numbers = |tensor: Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).expect("float32");
    let inputs = Array3::from_shape_vec((4, 6, 10), numbers(inputs)).expect("240 numbers");
    let targets = Array2::from_shape_vec((4, 1), numbers(targets)).expect("4 numbers");
    SequenceData {
        name: "toy".into(),
        features: (0..10).map(|i| format!("x{i}")).collect(),
        values: vec!["y".into()],
        source: SequenceSource::ByHeart(SequenceSet { inputs, dt: None, targets }),
    }
}
