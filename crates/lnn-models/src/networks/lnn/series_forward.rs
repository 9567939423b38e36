//! How the LNN of series computes: whole series, and step by step.

use crate::error::Error;
use crate::networks::lnn::config::refuse;
use crate::networks::lnn::series::LnnOfSeries;
use crate::networks::lnn::series_script;
use crate::networks::network::{Network, Stepping};
use crate::networks::state::ModelState;
use crate::output::{Mode, Output};
use crate::parts::readout::Readout;
use crate::parts::running_mean::running_mean;
use crate::parts::summary::{Summary, last_of_counted, mean_of_counted, running_mean_of_counted};
use crate::parts::washout::after_washout;
use lnn_core::{Input, Per, Script, Sequence};
use tch::{Kind, Tensor};

/// Number of states that are computed at a time where only their summary is kept, which bounds the memory.
const STATES_AT_A_TIME: i64 = 1 << 26;

impl LnnOfSeries {
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
        let (states, _) = self.reservoirs.scan(Sequence::new(&steps).with_mask(mask.as_ref()), None)?;
        let seen = if self.readout_input { Tensor::cat(&[states, steps], 2) } else { states };
        Ok(match (self.per, self.summary) {
            (Per::Sequence, Summary::Last) => last_of_counted(&seen, mask.as_ref()),
            (Per::Step, Summary::Last) => seen,
            (Per::Sequence, Summary::Mean) => {
                mean_of_counted(&seen, self.after_washout(&seen, mask).as_ref())
            }
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
        let extents = [0, 1].map(|axis| seen.size()[axis]);
        Some(after_washout(mask.as_ref(), extents, (self.washout, seen.device())))
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
                    .map(|start| {
                        self.features(&input.map(|tensor| tensor.narrow(0, start, part.min(batch - start))))
                    })
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
        refuse(format!(
            "washout must be below {steps}, the number of steps of the series, found {}",
            self.washout
        ))
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
            let zeros =
                |width| tensors[0].new_zeros([batch, width], (tensors[0].kind(), tensors[0].device()));
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

    fn advance(&self, rows: &Input, state: &ModelState) -> Result<(Tensor, ModelState), Error> {
        let x = self.with_time(&rows.x, rows.dt.as_ref());
        let (before, sums) = state.tensors().split_at(self.reservoirs.len());
        let (states, mut after) = self.reservoirs.scan(Sequence::new(&x), Some(before))?;
        let mut seen = if self.readout_input { Tensor::cat(&[states, x], 2) } else { states };
        if let [total, steps] = sums {
            let (means, sums) = running_mean(&seen, [total, steps], self.washout);
            seen = means;
            after.extend(sums);
        }
        Ok((seen, ModelState::new(after)))
    }

    fn sums(&self) -> usize {
        if self.summary == Summary::Mean { 2 } else { 0 }
    }

    fn script(&self) -> Script {
        series_script::of(self)
    }
}
