//! `toy`: the random sequences on which the `LiquidTimeStep` article trains.
//!
//! Four sequences of six steps with ten features and one target value each, all drawn from N(0, 1). The article memorizes them
//! and tests no generalisation, therefore training, validation and test are the same four sequences.

use crate::error::DataError;
use crate::source::{DataSource, Parts, SplitRequest};
use lnn_core::{Input, InputSpec, SampleSet, Samples};
use tch::{Device, Kind};

/// The seed of the random numbers: the set is the same for every run.
const SEED: u64 = 2024;

/// The four sequences.
#[derive(Debug)]
pub struct Toy(Samples);

/// Draws the four sequences.
pub fn open() -> Toy {
    let options = (Kind::Float, Device::Cpu);
    let (x, targets) = lnn_core::seeded(SEED, || {
        (lnn_core::random::randn([4, 6, 10], options), lnn_core::random::randn([4, 1], options))
    });
    Toy(Samples { input: Input::new(x), targets })
}

impl Toy {
    fn all(&self) -> SampleSet {
        SampleSet::Stored(self.0.shallow_clone())
    }
}

impl DataSource for Toy {
    fn spec(&self) -> InputSpec {
        InputSpec::sequences((0..10).map(|i| format!("x{i}")).collect(), vec!["y".into()])
    }

    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let parts = Parts::new(self.all(), self.all(), self.all());
        Ok(parts.limited_to_the_first(request))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        Ok(self.all())
    }
}
