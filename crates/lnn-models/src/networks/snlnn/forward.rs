//! How the network computes: whole sequences, and step by step.

use crate::error::Error;
use crate::networks::network::{Network, Stepping};
use crate::networks::snlnn::config::{Encoding, SpikeSummary};
use crate::networks::snlnn::network::Snlnn;
use crate::networks::snlnn::script;
use crate::networks::state::ModelState;
use crate::output::{Activity, Mode, Output};
use crate::parts::growth::{Grown, Growth};
use crate::parts::reading_order::Scan;
use crate::parts::summary::mean_of_counted;
use lnn_core::random::dropout;
use lnn_core::{Cell, Input, Script, Sequence, State, encode_delta};
use tch::Tensor;

impl Network for Snlnn {
    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let steps = mode.trace(&self.encode(&features.x, mode), self.reservoir.weight().kind());
        let run = self.reservoir.scan(Sequence::new(&steps), None)?;
        let [membranes, spikes] = <[Tensor; 2]>::try_from(run.outputs.chunk(2, 2)).expect("two halves");
        let summaries = self.summaries.iter().map(|summary| match summary {
            SpikeSummary::LastMembrane => run.last.output().shallow_clone(),
            SpikeSummary::MeanMembrane => mean_of_counted(&membranes, None),
            SpikeSummary::SpikeRate => mean_of_counted(&spikes, None),
        });
        let seen = Tensor::cat(&summaries.collect::<Vec<_>>(), 1);
        let seen = dropout(&seen, self.dropout, mode.training(), 0)?;
        let logits = self.read_out(&seen);
        let activity = Some(Activity::of(&membranes, &spikes));
        Ok(Output { activity, ..Output::new(logits).traced(mode, &steps) })
    }

    fn growth(&self) -> Option<&Growth> {
        Some(&self.growth)
    }

    fn grow(&self) -> Result<Option<Grown>, Error> {
        let before = self.reservoir.units();
        let added = self.reservoir.grow(self.growth.units)?;
        if added == 0 {
            return Ok(None);
        }
        let _ = self.columns(&self.weight.detach(), before).f_zero_()?;
        Ok(Some(Grown { added, active: self.reservoir.units(), capacity: self.capacity }))
    }

    fn active_units(&self) -> Option<i64> {
        Some(self.reservoir.units())
    }

    fn loaded(&self) {
        self.reservoir.recount();
    }

    fn stepping(&self) -> Stepping {
        Stepping::Images(match self.encoding {
            Encoding::Delta { scan, .. } | Encoding::Scan { scan } => scan,
            _ => Scan::Whole,
        })
    }

    fn start(&self, batch: i64) -> Option<ModelState> {
        let weight = self.reservoir.weight();
        let zeros = |width| Tensor::zeros([batch, width], (weight.kind(), weight.device()));
        let units = self.reservoir.units();
        let mut tensors = vec![zeros(units), zeros(units), zeros(units), zeros(units), zeros(1)];
        if matches!(self.encoding, Encoding::Delta { .. }) {
            tensors.push(zeros(self.reservoir.input_size()));
        }
        Some(ModelState::new(tensors))
    }

    fn step(
        &self,
        x: &Tensor,
        _dt: Option<&Tensor>,
        state: &ModelState,
    ) -> Result<(Tensor, ModelState), Error> {
        let [v, s, membranes, spikes, steps, last @ ..] = state.tensors() else {
            unreachable!("the model has checked the state")
        };
        let input = match (self.encoding, last) {
            // The change since the step before is that of a sequence of both.
            (Encoding::Delta { threshold, .. }, [last]) => {
                encode_delta(&Tensor::stack(&[last, x], 1), threshold).select(1, 1)
            }
            _ => x.shallow_clone(),
        };
        let before = State::new(vec![v.shallow_clone(), s.shallow_clone()]);
        let after = self.reservoir.step(&input, None, &before);
        let [v, s] = [0, 1].map(|i: usize| after.tensors()[i].shallow_clone());
        let (membranes, spikes, steps) = (membranes + &v, spikes + &s, steps + 1.0);
        let summaries = self.summaries.iter().map(|summary| match summary {
            SpikeSummary::LastMembrane => v.shallow_clone(),
            SpikeSummary::MeanMembrane => &membranes / &steps,
            SpikeSummary::SpikeRate => &spikes / &steps,
        });
        let prediction = self.read_out(&Tensor::cat(&summaries.collect::<Vec<_>>(), 1));
        let mut tensors = vec![v, s, membranes, spikes, steps];
        tensors.extend(last.iter().map(|_| x.shallow_clone()));
        Ok((prediction, ModelState::new(tensors)))
    }

    fn script(&self) -> Script {
        script::of(self)
    }
}
