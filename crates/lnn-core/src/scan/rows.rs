//! A whole time loop on plain numbers as one operation, with its backward pass.
//!
//! The batch is cut into as many parts as there are threads, and a thread takes its rows through all steps without waiting for
//! another: the weights are packed once and stay in its cache, and what follows a product runs on whole vectors while the
//! numbers are near. The backward pass goes the same way back; the gradient of the weights is one product over all steps and
//! samples at the end.

use crate::kernels::real::Real;
use crate::scan::extents::Extents;
use crate::scan::inputs::{Behind, ScanInputs};
use crate::scan::one_sample::{OneSample, UnitPart, run_units};
use crate::scan::passes::{BackwardPart, ForwardPart, pieces};
use crate::scan::products::{Packed, Passed};
use crate::scan::step::Step;
use lnn_sys::{
    CustomFunction, Forward, PassError, RowNumbers, numbers, numbers_mut, parallel_each, row_numbers,
};
use tch::{Device, Kind, Tensor};

/// The operation. Its inputs are the projected input `[T, B, P]`, the weights of the products, the initial state `[B, E H]` and
/// the further numbers of each step, if there are any; its outputs the states `[T, B, E H]` and the last of them.
#[derive(Debug)]
pub(crate) struct RowScan<S> {
    pub(crate) step: S,
    /// `[T, B]`: whether a step counts.
    pub(crate) mask: Option<Vec<bool>>,
    pub(crate) given: ScanInputs,
    /// Whether the further numbers are the same for all steps and samples.
    pub(crate) shared: bool,
}

impl<S: Step> RowScan<S> {
    /// Of a scan with rows like `projected [T, B, P]`.
    fn extents(&self, projected: &Tensor) -> Result<Extents, PassError> {
        let (steps, batch, drives) = projected.size3()?;
        let [steps, batch, drives] = [steps, batch, drives].map(|extent| extent as usize);
        Ok(Extents { steps, batch, drives, units: self.given.units, width: S::EMITS * self.given.units })
    }

    /// The initial state, and the further numbers spread over all steps and samples.
    fn optional(behind: &Behind<'_>, extents: Extents) -> (Option<Tensor>, Option<Tensor>) {
        let initial = behind.initial.map(Tensor::contiguous);
        let extra = behind.extra.map(|extra| {
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
        let [projected, behind @ ..] = inputs else { return Err("expected the inputs of a scan".into()) };
        let extents = self.extents(projected)?;
        let Extents { steps, batch, drives, units, width } = extents;
        let behind = self.given.behind(behind)?;
        let (initial, extra) = Self::optional(&behind, extents);
        let products = Packed::<R>::forward(&self.step.products(), behind.weights)?;
        let options = (projected.kind(), Device::Cpu);
        let mut states = Tensor::empty(extents.shape(width), options);
        let mut saved = Tensor::empty(if keep { extents.shape(drives) } else { [0, 0, 0] }, options);
        let unit_parts = match &products[..] {
            [product] => product.panels.cut_columns(extents.unit_parts::<S>()),
            _ => Vec::new(),
        };
        let projected = row_numbers::<R>(projected)?;
        let extra = extra.as_ref().map(row_numbers).transpose()?;
        let initial = initial.as_ref().map(numbers::<R>).transpose()?;
        if unit_parts.len() > 1 {
            let states = pieces(numbers_mut(&mut states)?, units, 1, &unit_parts);
            let saved = pieces(numbers_mut(&mut saved)?, units, 1, &unit_parts);
            let sample = OneSample {
                step: self.step,
                units,
                panels: &products[0].panels,
                projected: projected.rows(),
                extra: extra.as_ref().map(RowNumbers::rows),
                initial: initial.as_deref(),
                mask: self.mask.as_deref(),
            };
            let parts = unit_parts.into_iter().zip(states.into_iter().zip(saved));
            let parts = parts.map(|(units, (states, saved))| UnitPart { units, states, saved });
            run_units(sample, parts.collect());
        } else {
            let parts = extents.parts();
            let (projected, extra) = (projected.rows(), extra.as_ref().map(RowNumbers::rows));
            let initial = initial.as_deref();
            let states = pieces(numbers_mut(&mut states)?, batch, width, &parts);
            let saved = pieces(numbers_mut(&mut saved)?, batch, drives, &parts);
            let items =
                parts.into_iter().zip(states.into_iter().zip(saved)).map(|(samples, (states, saved))| {
                    let initial = initial.map(|numbers| &numbers[samples.start * width..samples.end * width]);
                    let mask = self.mask.as_deref();
                    ForwardPart {
                        step: self.step,
                        extents,
                        samples,
                        products: &products,
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
        let [states, drives, behind @ ..] = saved else {
            return Err("expected the saved tensors of a scan".into());
        };
        let extents = self.extents(drives)?;
        let Extents { batch, width, .. } = extents;
        let behind = self.given.behind(behind)?;
        let (initial, extra) = Self::optional(&behind, extents);
        let of_products = self.step.products();
        let options = (states.kind(), Device::Cpu);
        let parts = extents.parts();
        let products = Packed::<R>::backward(&of_products, behind.weights)?;
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
            let of_states = of_states.as_ref().map(row_numbers).transpose()?;
            let extra_rows = extra.as_ref().map(row_numbers).transpose()?;
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
                    step: self.step,
                    extents,
                    products: &products,
                    states: &states,
                    saved: &saved,
                    extra: extra_rows.as_ref().map(RowNumbers::rows),
                    initial: initial.as_deref(),
                    mask: self.mask.as_deref(),
                    of_states: of_states.as_ref().map(RowNumbers::rows),
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
        let passed = Passed { states, initial: initial.as_ref(), saved: drives, of_z: &of_drives };
        let of_weights = passed.weight_gradients(&of_products, behind.weights, &needs[1..])?;
        let of_extra = asked.then(|| match self.shared {
            true => of_extra.sum_dim_intlist([0].as_slice(), true, options.0),
            false => of_extra,
        });
        Ok(self.given.gradients(needs[0].then_some(of_drives), of_weights, of_initial, of_extra))
    }
}

impl<S: Step> CustomFunction for RowScan<S> {
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
