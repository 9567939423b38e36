//! How a recurrent network computes: whole sequences, and step by step.

use crate::error::Error;
use crate::networks::network::{Network, Stepping};
use crate::networks::recurrent::network::Recurrent;
use crate::networks::recurrent::script;
use crate::networks::state::ModelState;
use crate::output::{Mode, Output};
use crate::parts::readout::Readout;
use crate::parts::running_mean::running_mean;
use crate::parts::summary::Summary;
use lnn_core::random::dropout;
use lnn_core::{Input, Per, Run, Script, Sequence, State, Wiring};
use tch::Tensor;

impl Recurrent {
    /// The steps `[.., I]` and `dt [..]` as the first layer takes them: where its cells have no time, `dt` is the last input.
    fn with_time<'a>(&self, steps: Tensor, dt: Option<&'a Tensor>) -> (Tensor, Option<&'a Tensor>) {
        if !self.time_is_an_input {
            return (steps, dt);
        }
        let time = match dt {
            Some(dt) => dt.unsqueeze(-1),
            None => steps.narrow(-1, 0, 1).ones_like(),
        };
        (Tensor::cat(&[steps, time], -1), None)
    }

    /// The states of the layers, and the sums of the mean.
    fn layers_and_sums<'a>(&self, state: &'a ModelState) -> (Vec<State>, &'a [Tensor]) {
        let mut rest = state.tensors();
        let layers = self.branches[0].layers.iter().map(|(_, cell)| {
            let (own, after) = rest.split_at(cell.state_sizes().len());
            rest = after;
            State::new(own.iter().map(Tensor::shallow_clone).collect())
        });
        (layers.collect(), rest)
    }

    /// Standardised input to predictions, for images without their mirror images.
    fn predict(&self, input: &Input, mode: Mode) -> Result<Output, Error> {
        let map = match &self.front {
            Some(front) => front.forward(&input.x, mode.training())?,
            None => input.x.shallow_clone(),
        };
        let mask = input.mask.as_ref();
        let mut seen = Vec::new();
        let mut entered = None;
        for branch in &self.branches {
            let (steps, dt) = self.with_time(branch.steps(&map), input.dt.as_ref());
            let steps = mode.trace(&steps, branch.kind());
            let sequence = Sequence::new(&steps).with_dt(dt).with_mask(mask).with_training(mode.training());
            let (outputs, last) = branch.run(sequence, None, self.truncation.filter(|_| mode.training()))?;
            let run = Run { outputs, last: State::new(vec![branch.emit(&last)]) };
            seen.extend(match self.per {
                Per::Sequence => self.summaries.of(&run, mask),
                Per::Step => self.summaries.at_each_step(&run, mask),
            });
            entered.get_or_insert(steps);
        }
        let seen = dropout(&Tensor::cat(&seen, -1), self.dropout, mode.training(), 0)?;
        let steps = entered.expect("there is at least one branch");
        Ok(Output::new(self.readout.forward(&seen)).traced(mode, &steps))
    }
}

impl Network for Recurrent {
    fn fit(&self, inputs: &dyn Fn() -> Tensor) -> Result<(), Error> {
        if self.front.is_none() && self.branches.iter().all(|branch| branch.whitening.is_none()) {
            return Ok(());
        }
        let inputs = inputs();
        if let Some(front) = &self.front {
            front.fit(&inputs)?;
        }
        self.branches.iter().try_for_each(|branch| branch.fit(&inputs))
    }

    fn head(&self, features: &Input, mode: Mode) -> Result<Output, Error> {
        let mut output = self.predict(features, mode)?;
        if self.mirror && !mode.training() {
            let mirrored = self.predict(&Input::new(features.x.flip([-1])), mode)?;
            output.prediction = (output.prediction + mirrored.prediction) / 2.0;
        }
        Ok(output)
    }

    fn truncate(&mut self, steps: Option<i64>) -> bool {
        self.truncation = steps;
        true
    }

    fn has_time(&self) -> bool {
        self.time_is_an_input || (self.steps && self.branches[0].has_time())
    }

    fn wirings(&self) -> Vec<&Wiring> {
        let cells = self.branches.iter().flat_map(|branch| &branch.layers);
        cells.filter_map(|(_, cell)| cell.wiring()).collect()
    }

    fn stiffness(&self) -> Option<[f64; 2]> {
        let cells = self.branches.iter().flat_map(|branch| &branch.layers);
        cells.filter_map(|(_, cell)| cell.stiffness()).max_by(|a, b| a[0].total_cmp(&b[0]))
    }

    fn stepping(&self) -> Stepping {
        match (self.steps, self.branches[0].order) {
            (false, _) => Stepping::Whole,
            (true, Some(order)) => Stepping::Images(order),
            (true, None) => Stepping::Sequences,
        }
    }

    fn start(&self, batch: i64) -> Option<ModelState> {
        let states = self.steps.then(|| self.branches[0].start(batch))?;
        let mut tensors: Vec<Tensor> =
            states.iter().flat_map(|state| state.tensors().iter().map(Tensor::shallow_clone)).collect();
        if self.summaries.have_mean() {
            let like = states.last()?.output();
            let zeros = |width| like.new_zeros([batch, width], (like.kind(), like.device()));
            let (total, steps) = (zeros(self.branches[0].outputs()), zeros(1));
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
        let branch = &self.branches[0];
        let (before, sums) = self.layers_and_sums(state);
        let (x, dt) = self.with_time(branch.whitened(x), dt);
        let (last, after) = branch.step(&x, dt, &before);
        let mean = match sums {
            [total, steps] => Some((total + &last, steps + 1.0)),
            _ => None,
        };
        let seen = self.summaries.kinds.iter().map(|kind| match (kind, &mean) {
            (Summary::Mean, Some((total, steps))) => total / steps,
            _ => last.shallow_clone(),
        });
        let prediction = self.readout.forward(&Tensor::cat(&seen.collect::<Vec<_>>(), 1));
        let mut tensors: Vec<Tensor> =
            after.iter().flat_map(|state| state.tensors().iter().map(Tensor::shallow_clone)).collect();
        if let Some((total, steps)) = mean {
            tensors.extend([total, steps]);
        }
        Ok((prediction, ModelState::new(tensors)))
    }

    fn advance(&self, rows: &Input, state: &ModelState) -> Result<(Tensor, ModelState), Error> {
        let branch = &self.branches[0];
        let (before, sums) = self.layers_and_sums(state);
        let (steps, dt) = self.with_time(branch.whitened(&rows.x), rows.dt.as_ref());
        let (states, after) = branch.run(Sequence::new(&steps).with_dt(dt), Some(&before), None)?;
        let mut tensors: Vec<Tensor> =
            after.iter().flat_map(|state| state.tensors().iter().map(Tensor::shallow_clone)).collect();
        let means = match sums {
            [total, steps] => {
                let (means, sums) = running_mean(&states, [total, steps], 0);
                tensors.extend(sums);
                Some(means)
            }
            _ => None,
        };
        let seen = self.summaries.kinds.iter().map(|kind| match (kind, &means) {
            (Summary::Mean, Some(means)) => means.shallow_clone(),
            _ => states.shallow_clone(),
        });
        Ok((Tensor::cat(&seen.collect::<Vec<_>>(), 2), ModelState::new(tensors)))
    }

    fn last_layer(&self) -> Option<&Readout> {
        Some(&self.readout)
    }

    fn sums(&self) -> usize {
        if self.summaries.have_mean() { 2 } else { 0 }
    }

    fn script(&self) -> Script {
        script::of(self)
    }
}
