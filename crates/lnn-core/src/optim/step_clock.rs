//! The number of an optimiser's step and its learning rate, as tensors on its device.
//!
//! A training step that is recorded on the device contains no value of the host: what changes between steps must be read from a
//! tensor.

use tch::{Device, Kind, Tensor};

/// The clock of one optimiser.
#[derive(Debug)]
pub(crate) struct StepClock {
    /// The number of the step, from 1.
    pub(crate) step: Tensor,
    /// The learning rate: in float64 on the CPU, elsewhere in float32, which the kernels there need.
    pub(crate) rate: Tensor,
}

impl StepClock {
    /// A clock on the device of `parameters`, or on the CPU if there are none.
    pub(crate) fn beside<'a>(mut parameters: impl Iterator<Item = &'a Tensor>) -> Self {
        let device = parameters.next().map_or(Device::Cpu, Tensor::device);
        let of_rate = if device == Device::Cpu { Kind::Double } else { Kind::Float };
        Self { step: Tensor::zeros([], (Kind::Float, device)), rate: Tensor::zeros([], (of_rate, device)) }
    }

    /// Sets both, without waiting for the device.
    pub(crate) fn set(&mut self, step: u64, rate: f64) {
        let _ = self.step.fill_(step as f64);
        let _ = self.rate.fill_(rate);
    }
}
