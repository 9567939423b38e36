//! The benchmark of a spiking reservoir that trains and does not grow: 10 classes are predicted from the mean spikes.

use super::pass::Pass;
use super::prepared::Prepared;
use super::shape::Shape;
use super::training_step::{CLASSES, inference, labels, of_core, prepare as training};
use crate::failure::Failure;
use lnn_core::{Cell, Dense, Parameters, Role, Sequence, SpikingConfig, SpikingReservoir, Surrogate};
use tch::{Device, Kind};

pub(super) fn prepare(
    Shape([batch, steps, inputs, units]): Shape,
    pass: Pass,
    device: Device,
) -> Result<Prepared, Failure> {
    let mut parameters = Parameters::drawn(0, Kind::Float, device);
    let config = SpikingConfig {
        units,
        most_units: units,
        spectral_radius: 1.0,
        leak_rate: 0.3,
        // The drive of inputs in 0..1 has a deviation of about 1 for any number of inputs, so that some units spike and
        // others do not.
        input_scale: (3.0 / inputs as f64).sqrt(),
        threshold: 0.5,
        surrogate: Surrogate::FastSigmoid,
        sharpness: 5.0,
        bias: true,
        role: Role::Trainable,
    };
    let reservoir =
        SpikingReservoir::new(&mut parameters.root().child("reservoir"), inputs, &config).map_err(of_core)?;
    let readout = Dense::new(&mut parameters.root().child("readout"), units, CLASSES).map_err(of_core)?;
    let x = lnn_core::random::rand([batch, steps, inputs], (Kind::Float, device));
    let features = move || {
        let outputs = reservoir.scan(Sequence::new(&x), None)?.outputs;
        // The outputs are the membranes, followed by the spikes.
        let spikes = outputs.narrow(2, units, units);
        Ok(spikes.mean_dim(&[1i64][..], false, Kind::Float))
    };
    match pass {
        Pass::Train => training(steps, &parameters, readout, labels(batch, device), features),
        Pass::Inference => Ok(inference(steps, readout, features)),
    }
}
