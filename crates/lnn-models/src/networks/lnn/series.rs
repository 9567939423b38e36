//! The LNN of series.
//!
//! The readout sees, of each series, the last or the mean of the states, or it predicts after each step. Steps that a mask does not count
//! change nothing. The first `washout` steps are part of no mean, and have no target in training.

use crate::error::Error;
use crate::networks::lnn::config::{LnnConfig, refuse};
use crate::networks::lnn::series_script;
use crate::networks::lnn::stack::Stack;
use crate::networks::network::{Network, Stepping};
use crate::networks::state::ModelState;
use crate::output::{Mode, Output};
use crate::parts::readout::Readout;
use crate::parts::summary::{Summary, last_of_counted, mean_of_counted, running_mean_of_counted};
use lnn_core::{Input, InputShape, InputSpec, Per, Scope, Script, Sequence};
use tch::{Kind, Tensor};

/// Number of states that are computed at a time where only their summary is kept, which bounds the memory.
const STATES_AT_A_TIME: i64 = 1 << 26;

/// The network of an LNN of series.
#[derive(Debug)]
pub(crate) struct LnnOfSeries {
    pub(super) reservoirs: Stack,
    pub(super) readout: Readout,
    pub(super) summary: Summary,
    pub(super) per: Per,
    pub(super) washout: i64,
    /// Whether the readout sees the input beside the states.
    pub(super) readout_input: bool,
    /// Whether the time between steps is an input, because the data have one; the reservoirs know none.
    pub(super) time_is_an_input: bool,
    /// Width of what a summary is taken of: states and, if the readout sees it, the input.
    seen: i64,
}

impl LnnOfSeries {
    /// A network for series; the configuration was checked by itself.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if a value is out of its range or is for images.
    pub(super) fn new(scope: &mut Scope<'_>, config: &LnnConfig, input: &InputSpec) -> Result<Self, Error> {
        let InputShape::Sequences { features } = &input.shape else {
            return refuse("expected series, found images".into());
        };
        let LnnConfig { scans, window, stretches, .. } = config;
        if scans.len() != 1 || *window != 1 || *stretches != 1 {
            return refuse(format!(
                "a series has one reading, so scans must have one entry, window and stretches must be 1, found {}, {window} and {stretches}; \
                 hint: --set 'model.scans=[\"rows\"]' --set model.window=1 --set model.stretches=1",
                scans.len()
            ));
        }
        let time_is_an_input = input.timing.is_some();
        let inputs = features.len() as i64 * input.missing.numbers_per_feature() + i64::from(time_is_an_input);
        let reservoirs = Stack::new(scope, "reservoir0", inputs, (&config.reservoir, config.layers))?;
        let seen = reservoirs.units() + if config.readout_input { inputs } else { 0 };
        Ok(Self {
            reservoirs,
            readout: Readout::new(&mut scope.child("readout"), seen, &input.task, config.standardize)?,
            summary: config.summary,
            per: input.per,
            washout: config.washout,
            readout_input: config.readout_input,
            time_is_an_input,
            seen,
        })
    }

    /// The steps `x [.., I]` with the time `dt [..]` as the last input, where the data have it.
    fn with_time(&self, x: &Tensor, dt: Option<&Tensor>) -> Tensor {
        if !self.time_is_an_input {
            return x.shallow_clone();
        }
        let time = dt.map_or_else(|| x.narrow(-1, 0, 1).ones_like(), |dt| dt.unsqueeze(-1));
        Tensor::cat(&[x, &time], -1)
    }

    /// What the readout sees of standardised series `[B, T, I]`: features `[B, D]`, or `[B, T, D]` after each step.
    fn features(&self, input: &Input) -> Result<Tensor, Error> {
        let mask = input.mask.as_ref().map(|mask| mask.to_kind(Kind::Bool));
        let mut steps = self.with_time(&input.x, input.dt.as_ref());
        if let Some(mask) = &mask {
            // Padding may hold any number, even NaN.
            steps = steps.masked_fill(&mask.logical_not().unsqueeze(2), 0.0);
        }
        let states = self.reservoirs.scan(Sequence::new(&steps).with_mask(mask.as_ref()))?;
        let seen = if self.readout_input { Tensor::cat(&[states, steps], 2) } else { states };
        Ok(match (self.per, self.summary) {
            (Per::Sequence, Summary::Last) => last_of_counted(&seen, mask.as_ref()),
            (Per::Step, Summary::Last) => seen,
            (Per::Sequence, Summary::Mean) => mean_of_counted(&seen, self.after_washout(&seen, mask).as_ref()),
            (Per::Step, Summary::Mean) => {
                running_mean_of_counted(&seen, self.after_washout(&seen, mask).as_ref())
            }
        })
    }

    /// The steps of `seen [B, T, D]` that are part of a mean, bool `[B, T]`; all of them where it is none.
    fn after_washout(&self, seen: &Tensor, mask: Option<Tensor>) -> Option<Tensor> {
        if self.washout == 0 {
            return mask;
        }
        let [batch, steps] = [0, 1].map(|axis| seen.size()[axis]);
        let late = Tensor::arange(steps, (Kind::Int64, seen.device())).ge(self.washout).expand([batch, steps], false);
        Some(mask.map_or_else(|| late.shallow_clone(), |mask| mask.logical_and(&late)))
    }
}

impl Network for LnnOfSeries {
    fn front(&self, input: Input) -> Result<Input, Error> {
        // Nothing before the readout is trainable, therefore no gradients are needed.
        tch::no_grad(|| match self.per {
            Per::Step => Ok(Input { x: self.features(&input)?, dt: None, mask: input.mask }),
            Per::Sequence => {
                let [batch, steps] = [0, 1].map(|axis| input.x.size()[axis]);
                let part = (STATES_AT_A_TIME / (steps * self.seen).max(1)).max(1);
                if batch <= part {
                    return Ok(Input::new(self.features(&input)?));
                }
                let parts: Result<Vec<_>, Error> = (0..batch)
                    .step_by(part as usize)
                    .map(|start| self.features(&input.map(|tensor| tensor.narrow(0, start, part.min(batch - start)))))
                    .collect();
                Ok(Input::new(Tensor::cat(&parts?, 0)))
            }
        })
    }

    fn fit(&self, inputs: &dyn Fn() -> Tensor) -> Result<(), Error> {
        if self.washout == 0 {
            return Ok(());
        }
        let steps = inputs().size()[1];
        if self.washout < steps {
            return Ok(());
        }
        refuse(format!("washout must be below {steps}, the number of steps of the series, found {}", self.washout))
    }

    fn head(&self, features: &Input, _mode: Mode) -> Result<Output, Error> {
        Ok(Output::new(self.readout.forward(&features.x)))
    }

    fn readout(&self) -> Option<&Readout> {
        Some(&self.readout)
    }

    fn washout(&self) -> i64 {
        self.washout
    }

    fn has_time(&self) -> bool {
        self.time_is_an_input
    }

    fn stepping(&self) -> Stepping {
        Stepping::Sequences
    }

    fn start(&self, batch: i64) -> Option<ModelState> {
        let mut tensors = self.reservoirs.start(batch);
        if self.summary == Summary::Mean {
            let zeros = |width| tensors[0].new_zeros([batch, width], (tensors[0].kind(), tensors[0].device()));
            let (total, steps) = (zeros(self.seen), zeros(1));
            tensors.extend([total, steps]);
        }
        Some(ModelState::new(tensors))
    }

    fn step(
        &self,
        x: &Tensor,
        dt: Option<&Tensor>,
        state: &ModelState,
    ) -> Result<(Tensor, ModelState), Error> {
        let x = self.with_time(x, dt);
        let (before, sums) = state.tensors().split_at(self.reservoirs.len());
        let mut tensors = self.reservoirs.step(&x, before);
        let mut seen: Vec<Tensor> = tensors.iter().map(Tensor::shallow_clone).collect();
        if self.readout_input {
            seen.push(x);
        }
        let mut seen = Tensor::cat(&seen, 1);
        if let [total, steps] = sums {
            let washout = self.washout as f64;
            let steps = steps + 1.0;
            let total = total + &seen * steps.gt(washout).to_kind(seen.kind());
            seen = &total / (&steps - washout).clamp_min(1.0);
            tensors.extend([total, steps]);
        }
        Ok((self.readout.forward(&seen), ModelState::new(tensors)))
    }

    fn script(&self) -> Script {
        series_script::of(self)
    }
}
