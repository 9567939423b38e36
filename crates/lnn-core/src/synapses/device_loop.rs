//! The time loop of units that are joined by synapses by operations of libtorch, for devices on which the loop on plain numbers does
//! not run. The passes are the same; nothing of the size of the synapses is kept.

use crate::synapses::conductances::Conductances;
use crate::synapses::loop_inputs::Given;
use crate::synapses::sub_steps::{OdeSolver, SubStep};

use lnn_sys::{CustomFunction, Forward, PassError};
use tch::Tensor;

/// The operation, with the inputs and outputs of the loop on plain numbers.
#[derive(Debug)]
pub(crate) struct DeviceLoop {
    pub(crate) unfolds: i64,
    /// `[T, B, 1]`
    pub(crate) mask: Option<Tensor>,
    pub(crate) given: Given,
}

impl DeviceLoop {
    fn start(&self, inputs: &[Tensor]) -> Tensor {
        let (sensed, capacitance) = (&inputs[0], &inputs[1]);
        let zeros =
            || sensed.new_zeros([sensed.size()[1], capacitance.size()[0]], (sensed.kind(), sensed.device()));
        self.given.initial(inputs).map_or_else(zeros, Tensor::shallow_clone)
    }

    /// Δ of step `t`, `[B, 1]`.
    fn duration(&self, inputs: &[Tensor], t: i64) -> Tensor {
        let sensed = &inputs[0];
        match self.given.dt(inputs) {
            Some(dt) => dt.get(t).unsqueeze(1) / self.unfolds as f64,
            None => sensed.new_full([1, 1], 1.0 / self.unfolds as f64, (sensed.kind(), sensed.device())),
        }
    }
}

impl CustomFunction for DeviceLoop {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let (sensed, capacitance) = (&inputs[0], &inputs[1]);
        let synapses = &Conductances::of_tensors(&inputs[2..]);
        let step = SubStep { solver: OdeSolver::SemiImplicit, synapses, capacitance };
        let mut v = self.start(inputs);
        let (mut states, mut kept) = (Vec::new(), vec![v.shallow_clone()]);
        for t in 0..sensed.size()[0] {
            let (sensed, duration) = (sensed.get(t), self.duration(inputs, t));
            for _ in 0..self.unfolds {
                let after = step.of(&v, &sensed, &duration);
                v = match &self.mask {
                    Some(mask) => after.where_self(&mask.get(t), &v),
                    None => after,
                };
                kept.push(v.shallow_clone());
            }
            states.push(v.shallow_clone());
        }
        let saved = if needs.contains(&true) {
            [Tensor::stack(&kept, 0)].into_iter().chain(inputs.iter().map(Tensor::shallow_clone)).collect()
        } else {
            Vec::new()
        };
        Ok(Forward { outputs: vec![Tensor::stack(&states, 0), v.copy()], saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let [kept, inputs @ ..] = saved else { return Err("expected the saved tensors of a loop".into()) };
        let (sensed, capacitance) = (&inputs[0], &inputs[1]);
        let synapses = &Conductances::of_tensors(&inputs[2..]);
        let step = SubStep { solver: OdeSolver::SemiImplicit, synapses, capacitance };
        let timed = self.given.asks_for_dt(needs);
        let mut g = match &gradients[1] {
            Some(gradient) => gradient.copy(),
            None => kept.get(0).zeros_like(),
        };
        let mut of_capacitance = capacitance.zeros_like();
        let mut of_synapses = synapses.tensors().map(Tensor::zeros_like);
        let (mut of_sensed, mut of_dt) = (Vec::new(), Vec::new());
        for t in (0..sensed.size()[0]).rev() {
            if let Some(of_states) = &gradients[0] {
                g += of_states.get(t);
            }
            let (sensed, duration) = (sensed.get(t), self.duration(inputs, t));
            let mut of_step = sensed.zeros_like();
            let mut of_duration = g.narrow(1, 0, 1).zeros_like();
            let mask = self.mask.as_ref().map(|mask| mask.get(t));
            for u in (0..self.unfolds).rev() {
                let sub = t * self.unfolds + u;
                let (before, after) = (kept.get(sub), kept.get(sub + 1));
                let [num, den] = step.currents(&before, &sensed);
                let scale = (capacitance + &duration * &den).reciprocal();
                let counted = match &mask {
                    Some(mask) => &g * mask,
                    None => g.shallow_clone(),
                };
                let scaled = &counted * &scale;
                let of_num = &scaled * &duration;
                let of_den = -(&of_num * &after);
                of_capacitance +=
                    (&scaled * (&before - &after)).sum_dim_intlist(&[0i64][..], false, g.kind());
                if timed {
                    of_duration +=
                        (&scaled * (num - den * &after)).sum_dim_intlist(&[1i64][..], true, g.kind());
                }
                let (of_before, of_numbers) = synapses.backward(&before, [&of_num, &of_den]);
                for (sum, gradient) in of_synapses.iter_mut().zip(of_numbers) {
                    *sum += gradient;
                }
                of_step += Tensor::cat(&[of_num, of_den], 1);
                g = (&g - counted) + scaled * capacitance + of_before;
            }
            of_sensed.push(of_step);
            of_dt.push(of_duration.squeeze_dim(1) / self.unfolds as f64);
        }
        of_sensed.reverse();
        of_dt.reverse();
        let of_dt = timed.then(|| Tensor::stack(&of_dt, 0));
        Ok(self.given.gradients([Tensor::stack(&of_sensed, 0), of_capacitance], of_synapses, g, of_dt))
    }
}
