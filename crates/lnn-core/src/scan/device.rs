//! The fused time loop by operations of libtorch, for devices on which the loops of `fused_passes.rs` do not run.
//!
//! The passes are the same: one node of the graph for a sequence, the backward pass written out, one product over all steps for
//! the gradient of the weights. A step is a product and the few operations of its [`Pointwise`], with no graph behind them.

use crate::scan::fused::weight_gradient;
use crate::scan::inputs::ScanInputs;
use crate::scan::pointwise::{Pointwise, TensorStep};
use lnn_sys::{CustomFunction, Forward, PassError};
use tch::Tensor;

/// The operation, with the inputs and outputs of the fused scan on the CPU.
#[derive(Debug)]
pub(crate) struct DeviceScan<P> {
    pub(crate) pointwise: P,
    /// `[T, B, 1]`: whether a step counts.
    pub(crate) mask: Option<Tensor>,
    pub(crate) given: ScanInputs,
}

impl<P: Pointwise> DeviceScan<P> {
    /// The state before the first step, `[B, E H]`.
    fn start(initial: Option<&Tensor>, [batch, units]: [i64; 2], like: &Tensor) -> Tensor {
        let zeros = || Tensor::zeros([batch, P::EMITS as i64 * units], (like.kind(), like.device()));
        initial.map_or_else(zeros, Tensor::shallow_clone)
    }
}

/// The further numbers of a step, `[B, N]` or `[1, N]`.
fn of_step(extra: Option<&Tensor>, t: i64) -> Option<Tensor> {
    extra.map(|extra| extra.get(if extra.size()[0] == 1 { 0 } else { t }))
}

impl<P: Pointwise> CustomFunction for DeviceScan<P> {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let [projected, weights, rest @ ..] = inputs else {
            return Err("expected the inputs of a scan".into());
        };
        let keep = needs.contains(&true);
        let (steps, batch, _) = projected.size3()?;
        let units = weights.size2()?.1;
        let (initial, extra) = self.given.optional(rest);
        let mut state = Self::start(initial, [batch, units], projected);
        let (mut states, mut saved) = (Vec::new(), Vec::new());
        for t in 0..steps {
            let mut z = projected.get(t);
            if t > 0 || initial.is_some() {
                z = z.addmm(&state.narrow(1, 0, units), &weights.tr());
            }
            let (kept, after) = self.pointwise.forward_on_tensors(&state, of_step(extra, t).as_ref(), &z);
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
            let rest = inputs[1..].iter().map(Tensor::shallow_clone);
            [states.shallow_clone(), Tensor::stack(&saved, 0)].into_iter().chain(rest).collect()
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
        let [states, saved, weights, rest @ ..] = saved else {
            return Err("expected the saved tensors of a scan".into());
        };
        let (steps, batch, _) = states.size3()?;
        let units = weights.size2()?.1;
        let (initial, extra) = self.given.optional(rest);
        let asked = self.given.asks_for_extra(needs);
        let start = Self::start(initial, [batch, units], states);
        let mut of_state = match &gradients[1] {
            Some(gradient) => gradient.copy(),
            None => start.zeros_like(),
        };
        let zero = Tensor::zeros([1, 1], (states.kind(), states.device()));
        let (mut of_drives, mut of_extra) = (Vec::new(), Vec::new());
        for t in (0..steps).rev() {
            if let Some(of_states) = &gradients[0] {
                of_state += of_states.get(t);
            }
            let before = if t > 0 { states.get(t - 1) } else { start.shallow_clone() };
            let (further, saved) = (of_step(extra, t), saved.get(t));
            let row = self.pointwise.backward_on_tensors(&TensorStep {
                before: &before,
                extra: further.as_ref(),
                saved: &saved,
                of_state: &of_state,
                asked,
            });
            let mask = self.mask.as_ref().map(|mask| mask.get(t));
            let counted = |gradient: Tensor, otherwise: &Tensor| match &mask {
                Some(mask) => gradient.where_self(mask, otherwise),
                None => gradient,
            };
            let of_z = counted(row.z, &zero);
            of_extra.extend(row.extra.map(|gradient| counted(gradient, &zero)));
            of_state = counted(row.state, &of_state);
            if t > 0 || initial.is_some() {
                let _ = of_state.narrow(1, 0, units).addmm_(&of_z, weights);
            }
            of_drives.push(of_z);
        }
        of_drives.reverse();
        of_extra.reverse();
        let of_drives = Tensor::stack(&of_drives, 0);
        let of_weights = needs[1].then(|| weight_gradient(&of_drives, states, initial, units));
        let of_extra = extra.filter(|_| asked).map(|extra| match extra.size()[..2] {
            [1, 1] => Tensor::stack(&of_extra, 0).sum_dim_intlist(&[0i64, 1][..], true, extra.kind()),
            _ => Tensor::stack(&of_extra, 0),
        });
        Ok(self.given.gradients(needs[0].then_some(of_drives), of_weights, of_state, of_extra))
    }
}
