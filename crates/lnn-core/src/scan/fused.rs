//! A whole time loop as one operation, with its backward pass written out.
//!
//! The stepwise loop in `cell.rs` is the reference. It makes a dozen small tensors a step and as many nodes of the graph; here a
//! sequence costs one node. The batch is cut into as many parts as there are threads, and a thread takes its rows through all
//! steps without waiting for another: the recurrent weights are packed once and stay in its cache, and what follows the product
//! runs on whole vectors while the numbers are near. The backward pass goes the same way back; the gradient of the weights is
//! one product over all steps and samples at the end.
//!
//! So it is on the CPU, in float32 and float64; elsewhere `device_scan.rs` does the same by operations of libtorch. Memory is
//! time first, `[T, B, ..]`, so that what a thread needs of a step lies together, and so that states and gradients of all steps
//! are one matrix.

use crate::error::Error;
use crate::kernels::panels::Panels;
use crate::kernels::real::Real;
use crate::recurrence::cell::{Cell, recur, unroll};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::device::DeviceScan;
use crate::scan::extents::Extents;
use crate::scan::inputs::ScanInputs;
use crate::scan::one_sample::{OneSample, UnitPart, run_units};
use crate::scan::passes::{BackwardPart, ForwardPart, pieces};
use crate::scan::pointwise::Pointwise;
use lnn_sys::{CustomFunction, Forward, PassError, Rows, apply, numbers, numbers_mut, parallel_each};
use tch::{Device, Kind, Tensor};

/// Runs a cell over a sequence: `pointwise` follows the product with `weights [P, H]`. `extra` is `[T, B, N]`, or `[1, 1, N]`
/// if it is the same for all steps and samples. Arguments were checked.
pub(crate) fn fused_scan<C: Cell, P: Pointwise>(
    cell: &C,
    pointwise: P,
    weights: &Tensor,
    extra: Option<&Tensor>,
    sequence: Sequence<'_>,
    initial: Option<&State>,
) -> Result<Run, Error> {
    let (batch, steps, _) = sequence.x.size3()?;
    if batch == 0 {
        return unroll(cell, sequence, initial);
    }
    let x = sequence.without_padding();
    // What is narrower is turned to time first: the input, or the drives that it becomes.
    let turns_input = x.size()[2] <= weights.size()[0];
    let x = if turns_input { x.transpose(0, 1).contiguous() } else { x };
    let mask = sequence.mask.map(|mask| mask.transpose(0, 1).to_kind(Kind::Bool).contiguous());
    let initial = initial.map(|state| Tensor::cat(state.tensors(), 1));
    let shared = extra.is_some_and(|extra| extra.size()[..2] == [1, 1] && (steps, batch) != (1, 1));
    let weights = weights.contiguous();
    let outputs = recur(cell, &x, |projected| {
        let projected = if turns_input { projected } else { projected.transpose(0, 1) };
        let inputs: Vec<&Tensor> = [&projected, &weights].into_iter().chain(&initial).chain(extra).collect();
        let given = ScanInputs { initial: initial.is_some(), extra: extra.is_some() };
        if on_numbers(&weights) {
            let mask = mask.map(|mask| Vec::<bool>::try_from(mask.view([-1]))).transpose()?;
            apply(FusedScan { pointwise, mask, given, shared }, &inputs)
        } else {
            let mask = mask.map(|mask| mask.unsqueeze(2));
            apply(DeviceScan { pointwise, mask, given }, &inputs)
        }
        .map_err(Error::from)
    })??;
    let last = outputs[1].chunk(P::EMITS as i64, 1);
    Ok(Run { outputs: outputs[0].transpose(0, 1), last: State::new(last) })
}

/// Whether the loops on plain numbers run on tensors like this one.
fn on_numbers(weights: &Tensor) -> bool {
    #[cfg(test)]
    if tests::BY_OPERATIONS.get() {
        return false;
    }
    weights.device() == Device::Cpu && matches!(weights.kind(), Kind::Float | Kind::Double)
}

/// The operation. Its inputs are the projected input `[T, B, P]`, the weights `[P, H]`, the initial state `[B, E H]` and the
/// further numbers of each step, if there are any; its outputs the states `[T, B, E H]` and the last of them.
#[derive(Debug)]
struct FusedScan<P> {
    pointwise: P,
    /// `[T, B]`: whether a step counts.
    mask: Option<Vec<bool>>,
    given: ScanInputs,
    /// Whether the further numbers are the same for all steps and samples.
    shared: bool,
}

impl<P: Pointwise> FusedScan<P> {
    fn extents(projected: &Tensor, weights: &Tensor) -> Result<Extents, PassError> {
        let (steps, batch, drives) = projected.size3()?;
        let units = weights.size2()?.1;
        let [steps, batch, drives, units] = [steps, batch, drives, units].map(|extent| extent as usize);
        Ok(Extents { steps, batch, drives, units, width: P::EMITS * units })
    }

    /// The initial state and the further numbers, the latter spread over all steps and samples, from the inputs behind the
    /// weights.
    fn optional(&self, rest: &[Tensor], extents: Extents) -> (Option<Tensor>, Option<Tensor>) {
        let (initial, extra) = self.given.optional(rest);
        let initial = initial.map(Tensor::contiguous);
        let extra = extra.map(|extra| {
            let extra = if extra.size()[2] > 1 && extra.stride()[2] != 1 {
                extra.contiguous()
            } else {
                extra.shallow_clone()
            };
            extra.expand(extents.shape(extra.size()[2] as usize), true)
        });
        (initial, extra)
    }

    fn run_forward<R: Real>(&self, inputs: &[Tensor], keep: bool) -> Result<Forward, PassError> {
        let (projected, weights) = (&inputs[0], &inputs[1]);
        let extents = Self::extents(projected, weights)?;
        let Extents { steps, batch, drives, units, width } = extents;
        let (initial, extra) = self.optional(&inputs[2..], extents);
        let panels = Panels::<R>::transposed(numbers(weights)?, drives, units);
        let options = (projected.kind(), Device::Cpu);
        let mut states = Tensor::empty(extents.shape(width), options);
        let mut saved = Tensor::empty(if keep { extents.shape(drives) } else { [0, 0, 0] }, options);
        let unit_parts = panels.cut_columns(extents.unit_parts::<P>());
        if unit_parts.len() > 1 {
            let states = pieces(numbers_mut(&mut states)?, units, 1, &unit_parts);
            let saved = pieces(numbers_mut(&mut saved)?, units, 1, &unit_parts);
            let sample = OneSample {
                pointwise: self.pointwise,
                units,
                panels: &panels,
                projected: Rows::new(projected)?,
                extra: extra.as_ref().map(Rows::new).transpose()?,
                initial: initial.as_ref().map(numbers).transpose()?,
                mask: self.mask.as_deref(),
            };
            let parts = unit_parts.into_iter().zip(states.into_iter().zip(saved));
            let parts = parts.map(|(units, (states, saved))| UnitPart { units, states, saved });
            run_units(sample, parts.collect());
        } else {
            let parts = extents.parts();
            let projected = Rows::new(projected)?;
            let extra = extra.as_ref().map(Rows::new).transpose()?;
            let initial = initial.as_ref().map(numbers::<R>).transpose()?;
            let states = pieces(numbers_mut(&mut states)?, batch, width, &parts);
            let saved = pieces(numbers_mut(&mut saved)?, batch, drives, &parts);
            let items =
                parts.into_iter().zip(states.into_iter().zip(saved)).map(|(samples, (states, saved))| {
                    let initial = initial.map(|numbers| &numbers[samples.start * width..samples.end * width]);
                    let pointwise = self.pointwise;
                    let mask = self.mask.as_deref();
                    ForwardPart {
                        pointwise,
                        extents,
                        samples,
                        panels: &panels,
                        projected,
                        extra,
                        initial,
                        mask,
                        states,
                        saved,
                    }
                });
            parallel_each(items.collect(), |part| pulp::Arch::new().dispatch(part));
        }
        let last = states.select(0, steps as i64 - 1).copy();
        let kept = if keep {
            let rest = inputs[1..].iter().map(Tensor::shallow_clone);
            [states.shallow_clone(), saved].into_iter().chain(rest).collect()
        } else {
            Vec::new()
        };
        Ok(Forward { outputs: vec![states, last], saved: kept })
    }

    fn run_backward<R: Real>(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let [states, drives, weights, rest @ ..] = saved else {
            return Err("expected the saved tensors of a scan".into());
        };
        let extents = Self::extents(drives, weights)?;
        let Extents { batch, units, width, .. } = extents;
        let (initial, extra) = self.optional(rest, extents);
        let options = (states.kind(), Device::Cpu);
        let parts = extents.parts();
        let panels = Panels::<R>::straight(numbers(weights)?, extents.drives, units);
        let of_states = gradients[0].as_ref().map(|gradient| match gradient.stride()[2] {
            1 => gradient.shallow_clone(),
            _ => gradient.contiguous(),
        });
        let extra_width = extra.as_ref().map_or(0, |extra| extra.size()[2] as usize);
        let mut of_drives = Tensor::empty(extents.shape(extents.drives), options);
        let mut of_initial = match &gradients[1] {
            Some(gradient) => gradient.copy().contiguous(),
            None => Tensor::zeros([batch as i64, width as i64], options),
        };
        let asked = self.given.asks_for_extra(needs);
        // Where all steps share the numbers each part has a sum of its own.
        let shape = match (asked, self.shared) {
            (false, _) => [0, 0, 0],
            (true, true) => [parts.len() as i64, 1, extra_width as i64],
            (true, false) => extents.shape(extra_width),
        };
        let mut of_extra = Tensor::zeros(shape, options);
        {
            let of_states = of_states.as_ref().map(Rows::new).transpose()?;
            let extra_rows = extra.as_ref().map(Rows::new).transpose()?;
            let initial = initial.as_ref().map(numbers::<R>).transpose()?;
            let (states, saved) = (numbers::<R>(states)?, numbers::<R>(drives)?);
            let mut of_drives =
                pieces(numbers_mut(&mut of_drives)?, batch, extents.drives, &parts).into_iter();
            let mut of_initial = pieces(numbers_mut(&mut of_initial)?, batch, width, &parts).into_iter();
            let of_extra = numbers_mut::<R>(&mut of_extra)?;
            let mut of_extra = if !asked {
                parts.iter().map(|_| Vec::new()).collect()
            } else if self.shared {
                of_extra.chunks_exact_mut(extra_width).map(|sum| vec![sum]).collect()
            } else {
                pieces(of_extra, batch, extra_width, &parts)
            }
            .into_iter();
            let mut items = Vec::with_capacity(parts.len());
            for samples in parts {
                items.push(BackwardPart {
                    pointwise: self.pointwise,
                    extents,
                    panels: &panels,
                    states,
                    saved,
                    extra: extra_rows,
                    initial,
                    mask: self.mask.as_deref(),
                    of_states,
                    shared: self.shared,
                    of_drives: of_drives.next().expect("a piece for each part"),
                    of_initial: of_initial
                        .next()
                        .and_then(|mut piece| piece.pop())
                        .expect("a piece for each part"),
                    of_extra: of_extra.next().expect("a piece for each part"),
                    samples,
                });
            }
            parallel_each(items, |part| pulp::Arch::new().dispatch(part));
        }
        let of_weights =
            needs[1].then(|| weight_gradient(&of_drives, states, initial.as_ref(), units as i64));
        let of_extra = asked.then(|| match self.shared {
            true => of_extra.sum_dim_intlist([0].as_slice(), true, options.0),
            false => of_extra,
        });
        Ok(self.given.gradients(needs[0].then_some(of_drives), of_weights, of_initial, of_extra))
    }
}

/// Σ over steps and samples of (gradient of z)ᵀ (state before): one product, since both are matrices of `T B` rows.
pub(crate) fn weight_gradient(
    of_drives: &Tensor,
    states: &Tensor,
    initial: Option<&Tensor>,
    units: i64,
) -> Tensor {
    let [steps, _, drives] = of_drives.size()[..] else { unreachable!("made with three dimensions") };
    let width = states.size()[2];
    let before = |tensor: &Tensor| tensor.reshape([-1, width]).narrow(1, 0, units);
    let later = of_drives.narrow(0, 1, steps - 1).reshape([-1, drives]);
    let sum = later.tr().mm(&before(&states.narrow(0, 0, steps - 1)));
    match initial {
        Some(initial) => sum.addmm(&of_drives.select(0, 0).tr(), &before(initial)),
        None => sum,
    }
}

impl<P: Pointwise> CustomFunction for FusedScan<P> {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let keep = needs.contains(&true);
        match inputs[0].kind() {
            Kind::Double => self.run_forward::<f64>(inputs, keep),
            _ => self.run_forward::<f32>(inputs, keep),
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

#[cfg(test)]
#[path = "fused_tests.rs"]
mod tests;
