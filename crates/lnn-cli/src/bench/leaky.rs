//! The benchmark of a fixed leaky reservoir: computes all states of a sequence, without gradients.

use super::prepared::Prepared;
use super::shape::Shape;
use super::training_step::of_core;
use crate::failure::Failure;
use lnn_core::{Cell, LeakyReservoir, Parameters, ReservoirConfig, Sequence};
use tch::{Device, Kind};

pub(super) fn prepare(
    Shape([batch, steps, inputs, units]): Shape,
    device: Device,
) -> Result<Prepared, Failure> {
    let mut parameters = Parameters::drawn(0, Kind::Float, device);
    let config = ReservoirConfig {
        units,
        spectral_radius: 0.9,
        leak_rate: 0.3,
        input_scale: 1.0 / (inputs as f64).sqrt(),
        bias_scale: 0.1,
        density: 1.0,
        leak_range: None,
    };
    let reservoir = LeakyReservoir::new(&mut parameters.root(), inputs, &config).map_err(of_core)?;
    let x = lnn_core::random::randn([batch, steps, inputs], (Kind::Float, device));
    let repeat = move || {
        let _ = std::hint::black_box(reservoir.scan(Sequence::new(&x), None).map_err(of_core)?.outputs);
        Ok(())
    };
    Ok(Prepared { steps, repeat: Box::new(repeat) })
}
