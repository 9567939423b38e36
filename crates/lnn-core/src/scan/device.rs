//! The fused time loop by operations of libtorch, for devices on which the loops on plain numbers do not run.
//!
//! The passes are the same: one node of the graph for a sequence, the backward pass written out, one product over all steps for
//! the gradient of the weights. A step is the few operations of its [`Step`], with no graph behind them.

use crate::scan::inputs::ScanInputs;
use crate::scan::products::Passed;
use crate::scan::step::{Step, TensorStep};
use lnn_sys::{CustomFunction, Forward, PassError};
use tch::Tensor;

/// The operation, with the inputs and outputs of the fused loop on plain numbers.
#[derive(Debug)]
pub(crate) struct DeviceScan<S> {
    pub(crate) step: S,
    /// `[T, B, 1]`: whether a step counts.
    pub(crate) mask: Option<Tensor>,
    pub(crate) given: ScanInputs,
}

impl<S: Step> DeviceScan<S> {
    /// The state before the first step, `[B, E H]`; `like` is `[T, B, ..]`.
    fn start(&self, initial: Option<&Tensor>, like: &Tensor) -> Tensor {
        let shape = [like.size()[1], (S::EMITS * self.given.units) as i64];
        let zeros = || Tensor::zeros(shape, (like.kind(), like.device()));
        initial.map_or_else(zeros, Tensor::shallow_clone)
    }
}

/// The further numbers of a step, `[B, N]` or `[1, N]`.
fn of_step(extra: Option<&Tensor>, t: i64) -> Option<Tensor> {
    extra.map(|extra| extra.get(if extra.size()[0] == 1 { 0 } else { t }))
}

impl<S: Step> CustomFunction for DeviceScan<S> {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let [projected, behind @ ..] = inputs else { return Err("expected the inputs of a scan".into()) };
        let keep = needs.contains(&true);
        let given = self.given.behind(behind)?;
        let mut state = self.start(given.initial, projected);
        let (mut states, mut saved) = (Vec::new(), Vec::new());
        for t in 0..projected.size()[0] {
            let extra = of_step(given.extra, t);
            let (kept, after) =
                self.step.forward_on_tensors(given.weights, &state, extra.as_ref(), &projected.get(t));
            state = match &self.mask {
                Some(mask) => after.where_self(&mask.get(t), &state),
                None => after,
            };
            states.push(state.shallow_clone());
            if keep {
                saved.push(kept);
            }
        }
        let states = Tensor::stack(&states, 0);
        let kept = if keep {
            let behind = behind.iter().map(Tensor::shallow_clone);
            [states.shallow_clone(), Tensor::stack(&saved, 0)].into_iter().chain(behind).collect()
        } else {
            Vec::new()
        };
        Ok(Forward { outputs: vec![states, state], saved: kept })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let [states, saved, behind @ ..] = saved else {
            return Err("expected the saved tensors of a scan".into());
        };
        let given = self.given.behind(behind)?;
        let asked = self.given.asks_for_extra(needs);
        let start = self.start(given.initial, states);
        let mut of_state = match &gradients[1] {
            Some(gradient) => gradient.copy(),
            None => start.zeros_like(),
        };
        let zero = Tensor::zeros([1, 1], (states.kind(), states.device()));
        let (mut of_z, mut of_extra) = (Vec::new(), Vec::new());
        for t in (0..states.size()[0]).rev() {
            if let Some(of_states) = &gradients[0] {
                of_state += of_states.get(t);
            }
            let before = if t > 0 { states.get(t - 1) } else { start.shallow_clone() };
            let row = self.step.backward_on_tensors(&TensorStep {
                weights: given.weights,
                before: &before,
                extra: of_step(given.extra, t).as_ref(),
                saved: &saved.get(t),
                of_state: &of_state,
                asked,
            });
            let mask = self.mask.as_ref().map(|mask| mask.get(t));
            let counted = |gradient: Tensor, otherwise: &Tensor| match &mask {
                Some(mask) => gradient.where_self(mask, otherwise),
                None => gradient,
            };
            of_z.push(counted(row.z, &zero));
            of_extra.extend(row.extra.map(|gradient| counted(gradient, &zero)));
            of_state = counted(row.state, &of_state);
        }
        of_z.reverse();
        of_extra.reverse();
        let of_z = Tensor::stack(&of_z, 0);
        let passed = Passed { states, initial: given.initial, saved, of_z: &of_z };
        let of_weights = passed.weight_gradients(&self.step.products(), given.weights, &needs[1..])?;
        let of_extra = given.extra.filter(|_| asked).map(|extra| match extra.size()[..2] {
            [1, 1] => Tensor::stack(&of_extra, 0).sum_dim_intlist(&[0i64, 1][..], true, extra.kind()),
            _ => Tensor::stack(&of_extra, 0),
        });
        Ok(self.given.gradients(needs[0].then_some(of_z), of_weights, of_state, of_extra))
    }
}
