//! A training step on CUDA, recorded once in a graph and replayed for every batch of the same shape.
//!
//! The graph contains the forward pass, the loss, the backward pass and the optimiser. The augmentation, whose random numbers are
//! drawn on the host, runs before; its result is copied into the tensors that the graph reads.

use super::descent::Descent;
use super::{Step, StepResult};
use crate::error::Error;
use lnn_core::random::seed_device;
use lnn_core::{Samples, Share};
use lnn_models::Mode;
use lnn_sys::CudaGraph;

/// The number of steps without a graph before one is recorded, in which libraries initialise themselves.
const STEPS_BEFORE: u64 = 3;

/// Training steps that are recorded in a CUDA graph and replayed.
#[derive(Debug)]
pub(crate) struct Recorded(Recording);

/// The state of the recording.
#[derive(Debug)]
enum Recording {
    /// Not yet recorded; this number of steps ran without a graph.
    Coming(u64),
    /// The recorded step.
    Made(RecordedStep),
    /// Recording failed, and why: the step runs without a graph.
    Off(Option<String>),
}

impl Recorded {
    /// Creates the state before recording.
    pub(crate) fn new() -> Self {
        Self(Recording::Coming(0))
    }

    /// Runs `step` on the batch: by the graph if there is one for batches of this shape, otherwise directly.
    ///
    /// # Errors
    /// Those of the step, and [`lnn_core::Error::Sys`] if the device fails.
    fn step(
        &mut self,
        batch: &Samples,
        mut step: impl FnMut(&Samples) -> Result<StepResult, Error>,
    ) -> Result<StepResult, Error> {
        match &mut self.0 {
            Recording::Coming(STEPS_BEFORE..) => match RecordedStep::record(batch, &mut step) {
                Ok(mut recorded) => {
                    let result = recorded.replay(batch);
                    self.0 = Recording::Made(recorded);
                    result
                }
                Err(error) => {
                    self.0 = Recording::Off(Some(error.to_string()));
                    step(batch)
                }
            },
            Recording::Coming(steps) => {
                *steps += 1;
                step(batch)
            }
            Recording::Made(recorded) if recorded.batch.has_shapes_of(batch) => recorded.replay(batch),
            Recording::Made(_) | Recording::Off(_) => step(batch),
        }
    }
}

impl Step for Recorded {
    fn take(
        &mut self,
        descent: &mut Descent<'_>,
        batch: &Samples,
        _share: Share,
    ) -> Result<StepResult, Error> {
        self.step(batch, |batch| descent.step(batch, Mode::Training))
    }

    /// Drops the graph.
    fn network_changed(&mut self) {
        if let Recording::Made(_) = self.0 {
            self.0 = Recording::Coming(0);
        }
    }

    /// Returns the reason why there is no graph.
    fn take_notice(&mut self) -> Option<String> {
        let Recording::Off(reason) = &mut self.0 else { return None };
        let reason = reason.take()?;
        Some(format!("warning: the training step is not recorded in a CUDA graph: {reason}"))
    }
}

/// The recorded step, with the tensors that it reads and writes.
#[derive(Debug)]
struct RecordedStep {
    graph: CudaGraph,
    batch: Samples,
    result: StepResult,
}

impl RecordedStep {
    /// Records `step` on a copy of `batch` without executing it.
    fn record(
        batch: &Samples,
        step: impl FnOnce(&Samples) -> Result<StepResult, Error>,
    ) -> Result<Self, Error> {
        let batch = batch.copy();
        seed_device(batch.targets.device())?;
        let mut result = None;
        let graph = CudaGraph::record(batch.targets.device(), || -> Result<(), Error> {
            result = Some(step(&batch)?);
            Ok(())
        })?;
        let result = result.unwrap_or_else(|| unreachable!("a recording that ended well has run the step"));
        Ok(Self { graph, batch, result })
    }

    fn replay(&mut self, batch: &Samples) -> Result<StepResult, Error> {
        self.batch.copy_from(batch);
        // A replay uses the random generator of the device, which no call inside the graph seeds.
        seed_device(batch.targets.device())?;
        self.graph.replay()?;
        // The result is copied, because the next replay writes to the same tensors.
        Ok(self.result.copy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::{AdamWConfig, Init, Input, Optimizer, OptimizerConfig, Parameters};
    use tch::{Device, Kind, Tensor};

    const ADAMW: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.1 };

    /// Runs twelve steps of a regression, the last on a smaller batch, and returns the losses and the weights.
    fn train(recorded: &mut Recorded, device: Device) -> (Vec<f64>, Tensor) {
        let mut parameters = Parameters::drawn(1, Kind::Float, device);
        let weight =
            parameters.root().trainable("weight", &[3, 5], &Init::Normal { deviation: 1.0 }).unwrap();
        let config = OptimizerConfig { adamw: ADAMW, muon: None };
        let mut optimizer = Optimizer::new(&parameters, config).unwrap();
        let mut losses = Vec::new();
        for number in 0..12 {
            let samples = if number == 11 { 4 } else { 8 };
            let x =
                (Tensor::arange(samples * 5, (Kind::Float, device)) * (number + 1)).sin().view([samples, 5]);
            let targets = x.narrow(1, 0, 3).cos();
            let batch = Samples { input: Input::new(x), targets };
            optimizer.set_rate(0.1 / (number + 1) as f64);
            let result = recorded.step(&batch, |batch| {
                let error = batch.input.x.linear(&weight, None::<&Tensor>) - &batch.targets;
                let loss = error.square().mean(Kind::Float);
                loss.backward();
                optimizer.descend()?;
                Ok(StepResult { loss: loss.detach(), correct: None, activity: None, norms: None })
            });
            losses.push(result.unwrap().loss.double_value(&[]));
        }
        (losses, weight.detach())
    }

    #[test]
    fn a_recorded_step_gives_the_numbers_of_the_direct_one() {
        let device = Device::cuda_if_available();
        let (expected, expected_weight) = train(&mut Recorded(Recording::Off(None)), device);
        let mut recorded = Recorded::new();
        let (found, weight) = train(&mut recorded, device);
        assert!(found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-6));
        assert!((weight - expected_weight).abs().max().double_value(&[]) < 1e-6);
        let made = matches!(recorded.0, Recording::Made(_));
        assert_eq!(made, device.is_cuda() && CudaGraph::built_in());
    }

    #[test]
    fn where_nothing_can_be_recorded_the_run_goes_on_and_says_why_once() {
        let mut recorded = Recorded::new();
        let (losses, _) = train(&mut recorded, Device::Cpu);
        assert_eq!(losses, train(&mut Recorded(Recording::Off(None)), Device::Cpu).0);
        assert!(recorded.take_notice().unwrap().contains("on CUDA, not on Cpu"));
        assert!(recorded.take_notice().is_none());
    }
}
