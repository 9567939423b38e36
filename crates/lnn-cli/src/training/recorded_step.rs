//! A training step on CUDA, recorded once in a graph and replayed for every batch of the same shape.
//!
//! Recorded are the forward pass, the loss, the backward pass and the optimiser. What is drawn on the host, the changes of the
//! images, comes before, and is copied into the tensors that the graph reads.

use super::batch::{Batch, StepResult};
use super::trainer::TrainError;
use lnn_sys::CudaGraph;

/// Steps that run one operation at a time before one is recorded: libraries set themselves up in them.
const STEPS_BEFORE: u64 = 3;

/// How far a run is with recording.
#[derive(Debug)]
pub(super) enum Recording {
    /// So many steps ran without a graph.
    Coming(u64),
    /// There is one.
    Made(RecordedStep),
    /// There will be none: it was not asked for, or the device cannot record the step, and why.
    Off(Option<String>),
}

impl Recording {
    /// Takes `step` on the batch: by the graph where there is one for batches of this shape, and else directly.
    ///
    /// # Errors
    /// Those of the step, and [`lnn_core::Error::Sys`] if the device fails.
    pub(super) fn step(
        &mut self,
        batch: &Batch,
        mut step: impl FnMut(&Batch) -> Result<StepResult, TrainError>,
    ) -> Result<StepResult, TrainError> {
        match self {
            Self::Coming(STEPS_BEFORE..) => match RecordedStep::record(batch, &mut step) {
                Ok(mut recorded) => {
                    let result = recorded.replay(batch);
                    *self = Self::Made(recorded);
                    result
                }
                Err(error) => {
                    *self = Self::Off(Some(error.to_string()));
                    step(batch)
                }
            },
            Self::Coming(steps) => {
                *steps += 1;
                step(batch)
            }
            Self::Made(recorded) if recorded.batch.is_like(batch) => recorded.replay(batch),
            Self::Made(_) | Self::Off(_) => step(batch),
        }
    }

    /// Forgets the graph, since the step is another one from now on.
    pub(super) fn forget(&mut self) {
        if let Self::Made(_) = self {
            *self = Self::Coming(0);
        }
    }

    /// Why there is no graph, told once.
    pub(super) fn take_refusal(&mut self) -> Option<String> {
        match self {
            Self::Off(reason) => reason.take(),
            Self::Coming(_) | Self::Made(_) => None,
        }
    }
}

/// The recorded step, with the tensors that it reads and writes.
#[derive(Debug)]
pub(super) struct RecordedStep {
    graph: CudaGraph,
    batch: Batch,
    result: StepResult,
}

impl RecordedStep {
    /// Records `step` on a copy of `batch`, and runs nothing of it.
    fn record(
        batch: &Batch,
        step: impl FnOnce(&Batch) -> Result<StepResult, TrainError>,
    ) -> Result<Self, TrainError> {
        let batch = batch.copy();
        let mut result = None;
        let graph = CudaGraph::record(batch.targets.device(), || -> Result<(), TrainError> {
            result = Some(step(&batch)?);
            Ok(())
        })?;
        let result = result.unwrap_or_else(|| unreachable!("a recording that ended well has run the step"));
        Ok(Self { graph, batch, result })
    }

    fn replay(&mut self, batch: &Batch) -> Result<StepResult, TrainError> {
        self.batch.fill_from(batch);
        self.graph.replay()?;
        // The next replay writes to the same tensors.
        Ok(self.result.copy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Form;
    use lnn_core::{AdamWConfig, Init, Optimizer, OptimizerConfig, Parameters};
    use lnn_models::Input;
    use tch::{Device, Kind, Tensor};

    const ADAMW: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.1 };

    /// Twelve steps of a regression, the last on a smaller batch: the losses and the weights.
    fn train(recording: &mut Recording, device: Device) -> (Vec<f64>, Tensor) {
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
            let batch = Batch { input: Input::new(x), targets, form: Form::Features };
            optimizer.set_rate(0.1 / (number + 1) as f64);
            let result = recording.step(&batch, |batch| {
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
        let (expected, expected_weight) = train(&mut Recording::Off(None), device);
        let mut recording = Recording::Coming(0);
        let (found, weight) = train(&mut recording, device);
        assert!(found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-6));
        assert!((weight - expected_weight).abs().max().double_value(&[]) < 1e-6);
        let recorded = matches!(recording, Recording::Made(_));
        assert_eq!(recorded, device.is_cuda() && CudaGraph::built_in());
    }

    #[test]
    fn where_nothing_can_be_recorded_the_run_goes_on_and_says_why_once() {
        let mut recording = Recording::Coming(0);
        let (losses, _) = train(&mut recording, Device::Cpu);
        assert_eq!(losses, train(&mut Recording::Off(None), Device::Cpu).0);
        assert!(recording.take_refusal().unwrap().contains("on CUDA, not on Cpu"));
        assert!(recording.take_refusal().is_none());
    }
}
