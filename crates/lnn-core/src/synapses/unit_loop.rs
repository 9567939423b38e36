//! The time loop of units that are joined by synapses, by semi-implicit sub-steps, as one node of the graph.
//!
//! On the CPU the samples are divided among the threads, and each thread goes through all steps of a few samples at a time without
//! waiting for the others. What is kept for the backward pass is the potential after each sub-step and the reciprocal of its denominator.

use crate::error::Error;
use crate::kernels::real::Real;
use crate::synapses::conductances::Conductances;
use crate::synapses::device_loop::DeviceLoop;
use crate::synapses::loop_inputs::Given;
use crate::synapses::loop_passes::{BackwardPart, ForwardPart, LoopExtents};
use crate::synapses::passes::Synapses;
use crate::synapses::plan::Plan;
use crate::synapses::sensory::{pack, unpack};
use lnn_sys::{
    CustomFunction, Forward, PassError, apply, numbers, numbers_mut, parallel_each, row_numbers, shares,
};
use pulp::Arch;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// Units with the numbers of their synapses.
#[derive(Debug)]
pub(crate) struct UnitLoop<'a> {
    pub(crate) synapses: &'a Conductances,
    /// C `[N]`
    pub(crate) capacitance: &'a Tensor,
    /// Number of sub-steps of a step.
    pub(crate) unfolds: i64,
    /// The layout of the synapses, where the loop on plain numbers can run.
    pub(crate) plan: Option<&'a Arc<Plan>>,
}

impl UnitLoop<'_> {
    /// The potentials `[T, B, N]` after each step and `[B, N]` after the last one, from the currents of inputs and leak `sensed [T, B,
    /// 2N]`, the state `initial [B, N]` or rest, `dt [T, B]` or 1, and a `mask [T, B]` of the steps that count.
    ///
    /// # Errors
    /// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
    pub(crate) fn run(
        &self,
        sensed: &Tensor,
        initial: Option<&Tensor>,
        dt: Option<&Tensor>,
        mask: Option<Tensor>,
    ) -> Result<[Tensor; 2], Error> {
        let given = Given { initial: initial.is_some(), dt: dt.is_some() };
        let capacitance = self.capacitance;
        let synapses = self.synapses.tensors();
        let inputs: Vec<_> =
            [sensed, capacitance].into_iter().chain(synapses).chain(initial).chain(dt).collect();
        let unfolds = self.unfolds;
        let outputs = match self.plan {
            Some(plan) => {
                let mask =
                    mask.map(|mask| Vec::<bool>::try_from(mask.contiguous().view([-1]))).transpose()?;
                apply(RowLoop { plan: Arc::clone(plan), unfolds: unfolds as usize, mask, given }, &inputs)?
            }
            None => apply(DeviceLoop { unfolds, mask: mask.map(|mask| mask.unsqueeze(2)), given }, &inputs)?,
        };
        let [states, last] = [0, 1].map(|i| outputs[i].shallow_clone());
        Ok([states, last])
    }
}

/// The operation on plain numbers. Its outputs are the states `[T, B, N]` and the last of them.
#[derive(Debug)]
struct RowLoop {
    plan: Arc<Plan>,
    unfolds: usize,
    /// `[T, B]`
    mask: Option<Vec<bool>>,
    given: Given,
}

impl RowLoop {
    fn extents(&self, sensed: &Tensor, timed: bool) -> Result<LoopExtents, PassError> {
        let (steps, batch, _) = sensed.size3()?;
        Ok(LoopExtents { steps: steps as usize, batch: batch as usize, unfolds: self.unfolds, timed })
    }

    /// The capacitance by lane; 1 at empty lanes, so that nothing there is divided by zero.
    fn by_lane<R: Real>(&self, capacitance: &Tensor) -> Result<Vec<R>, PassError> {
        let mut by_lane = vec![R::ONE; self.plan.width()];
        self.plan.spread(&numbers::<R>(&capacitance.contiguous())?, &mut by_lane);
        Ok(by_lane)
    }

    fn run_forward<R: Real>(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let plan = &*self.plan;
        let sensed = &inputs[0];
        let keep = needs.contains(&true);
        let extents = self.extents(sensed, self.given.asks_for_dt(needs))?;
        let LoopExtents { steps, batch, .. } = extents;
        let packed = pack::<R>(plan, &inputs[2..])?;
        let capacitance = self.by_lane::<R>(&inputs[1])?;
        let (initial, dt) = (
            self.given.initial(inputs).map(Tensor::contiguous),
            self.given.dt(inputs).map(Tensor::contiguous),
        );
        let options = (sensed.kind(), Device::Cpu);
        let mut states = Tensor::empty([steps as i64, batch as i64, plan.units as i64], options);
        let saved_shape = [(steps * self.unfolds) as i64, batch as i64, extents.saved(plan) as i64];
        let mut saved = Tensor::empty(if keep { saved_shape } else { [0; 3] }, options);
        {
            let sensed = row_numbers::<R>(sensed)?;
            let initial = initial.as_ref().map(numbers::<R>).transpose()?;
            let dt = dt.as_ref().map(numbers::<R>).transpose()?;
            let shares = shares(batch);
            let states = crate::scan::passes::pieces(numbers_mut(&mut states)?, batch, plan.units, &shares);
            let saved =
                crate::scan::passes::pieces(numbers_mut(&mut saved)?, batch, extents.saved(plan), &shares);
            let items =
                shares.into_iter().zip(states.into_iter().zip(saved)).map(|(samples, (states, saved))| {
                    ForwardPart {
                        synapses: Synapses { plan, numbers: &packed },
                        capacitance: &capacitance,
                        extents,
                        samples,
                        sensed: sensed.rows(),
                        dt: dt.as_deref(),
                        initial: initial.as_deref(),
                        mask: self.mask.as_deref(),
                        states,
                        saved,
                    }
                });
            parallel_each(items.collect(), |part| Arch::new().dispatch(part));
        }
        let last = states.select(0, steps as i64 - 1).copy();
        let kept = if keep {
            [saved].into_iter().chain(inputs.iter().map(Tensor::shallow_clone)).collect()
        } else {
            Vec::new()
        };
        Ok(Forward { outputs: vec![states, last], saved: kept })
    }

    fn run_backward<R: Real>(
        &self,
        kept: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let plan = &*self.plan;
        let [saved, inputs @ ..] = kept else { return Err("expected the saved tensors of a loop".into()) };
        let sensed = &inputs[0];
        let timed = self.given.asks_for_dt(needs);
        let extents = self.extents(sensed, timed)?;
        let LoopExtents { steps, batch, .. } = extents;
        let packed = pack::<R>(plan, &inputs[2..])?;
        let capacitance = self.by_lane::<R>(&inputs[1])?;
        let (initial, dt) = (
            self.given.initial(inputs).map(Tensor::contiguous),
            self.given.dt(inputs).map(Tensor::contiguous),
        );
        let options = (sensed.kind(), Device::Cpu);
        let of_states = gradients[0].as_ref().map(|gradient| match gradient.stride()[2] {
            1 => gradient.shallow_clone(),
            _ => gradient.contiguous(),
        });
        let mut of_initial = match &gradients[1] {
            Some(gradient) => gradient.copy().contiguous(),
            None => Tensor::zeros([batch as i64, plan.units as i64], options),
        };
        let mut of_sensed = Tensor::empty([steps as i64, batch as i64, 2 * plan.units as i64], options);
        let mut of_dt = Tensor::zeros(if timed { [steps as i64, batch as i64] } else { [0; 2] }, options);
        let shares = shares(batch);
        let mut of_numbers = vec![vec![R::ZERO; plan.size()]; shares.len()];
        let mut of_capacitance = vec![vec![R::ZERO; plan.width()]; shares.len()];
        {
            let of_states = of_states.as_ref().map(row_numbers::<R>).transpose()?;
            let initial = initial.as_ref().map(numbers::<R>).transpose()?;
            let dt = dt.as_ref().map(numbers::<R>).transpose()?;
            let saved = numbers::<R>(saved)?;
            let mut pieces =
                crate::scan::passes::pieces(numbers_mut(&mut of_sensed)?, batch, 2 * plan.units, &shares)
                    .into_iter();
            let mut of_initial =
                crate::scan::passes::pieces(numbers_mut(&mut of_initial)?, batch, plan.units, &shares)
                    .into_iter();
            let mut of_dt =
                crate::scan::passes::pieces(numbers_mut(&mut of_dt)?, batch, 1, &shares).into_iter();
            let sums = of_numbers.iter_mut().zip(&mut of_capacitance);
            let mut items = Vec::with_capacity(shares.len());
            for (samples, (of_numbers, of_capacitance)) in shares.iter().zip(sums) {
                items.push(BackwardPart {
                    synapses: Synapses { plan, numbers: &packed },
                    capacitance: &capacitance,
                    extents,
                    samples: samples.clone(),
                    saved: &saved,
                    dt: dt.as_deref(),
                    initial: initial.as_deref(),
                    mask: self.mask.as_deref(),
                    of_states: of_states.as_ref().map(lnn_sys::RowNumbers::rows),
                    of_sensed: pieces.next().expect("a piece for each share"),
                    of_initial: of_initial.next().expect("a piece for each share").pop().expect("one step"),
                    of_dt: of_dt.next().expect("a piece for each share"),
                    of_numbers,
                    of_capacitance,
                });
            }
            parallel_each(items, |part| Arch::new().dispatch(part));
        }
        let mut sum = Tensor::zeros([plan.units as i64], options);
        {
            let sum = numbers_mut::<R>(&mut sum)?;
            for part in &of_capacitance {
                for (number, unit) in part.iter().zip(&plan.order) {
                    if let Some(unit) = unit {
                        sum[*unit] += *number;
                    }
                }
            }
        }
        let of_synapses = unpack(plan, &of_numbers, sensed)?;
        Ok(self.given.gradients([of_sensed, sum], of_synapses, of_initial, timed.then_some(of_dt)))
    }
}

impl CustomFunction for RowLoop {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        match inputs[0].kind() {
            Kind::Double => self.run_forward::<f64>(inputs, needs),
            _ => self.run_forward::<f32>(inputs, needs),
        }
    }

    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        match saved[0].kind() {
            Kind::Double => self.run_backward::<f64>(saved, gradients, needs),
            _ => self.run_backward::<f32>(saved, gradients, needs),
        }
    }
}
