//! The currents that inputs cause, for all steps of a sequence at once.

use crate::error::Error;
use crate::kernels::real::Real;
use crate::synapses::conductances::Conductances;
use crate::synapses::passes::{SAMPLES, Synapses};
use crate::synapses::plan::{KINDS, Plan};
use lnn_sys::{CustomFunction, Forward, PassError, apply, numbers, numbers_mut, parallel_each, shares};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// `num` and `den` of the inputs `x [.., I]`, side by side: `[.., 2N]`. `plan` is there where the fast form can run.
///
/// # Errors
/// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
pub(crate) fn sensory_currents(
    x: &Tensor,
    synapses: &Conductances,
    plan: Option<&Arc<Plan>>,
) -> Result<Tensor, Error> {
    let mut shape = x.size();
    let inputs = shape.pop().unwrap_or(0);
    let rows = x.reshape([-1, inputs]);
    shape.push(2 * synapses.slope.size()[1]);
    let currents = match plan {
        Some(plan) if rows.size()[0] > 0 => {
            let function = SensoryCurrents { plan: Arc::clone(plan) };
            let all: Vec<_> = [&rows].into_iter().chain(synapses.tensors()).collect();
            apply(function, &all)?.remove(0)
        }
        _ => Tensor::cat(&synapses.currents(&rows), 1),
    };
    Ok(currents.view(&shape[..]))
}

/// The numbers of the synapses as the passes take them.
pub(crate) fn pack<R: Real>(plan: &Plan, tensors: &[Tensor]) -> Result<Vec<R>, PassError> {
    let mut packed = vec![R::ZERO; plan.size()];
    let per_argument = R::from_f64(-std::f64::consts::LOG2_E);
    for (kind, tensor) in tensors.iter().enumerate().take(KINDS) {
        let factor = if kind < 2 { per_argument } else { R::ONE };
        plan.pack(kind, &numbers::<R>(&tensor.contiguous())?, factor, &mut packed);
    }
    Ok(packed)
}

/// The gradients of the four tensors from those of all parts.
pub(crate) fn unpack<R: Real>(
    plan: &Plan,
    parts: &[Vec<R>],
    like: &Tensor,
) -> Result<Vec<Tensor>, PassError> {
    let shape = [plan.sources as i64, plan.units as i64];
    let all = (0..KINDS).map(|kind| {
        let mut gradient = Tensor::zeros(shape, (like.kind(), Device::Cpu));
        let matrix = numbers_mut::<R>(&mut gradient)?;
        for part in parts {
            plan.unpack(kind, part, R::ONE, matrix);
        }
        Ok(gradient)
    });
    all.collect()
}

/// The operation. Its inputs are `x [R, I]` and the four matrices of the synapses.
#[derive(Debug)]
struct SensoryCurrents {
    plan: Arc<Plan>,
}

struct ForwardRows<'a, R> {
    synapses: Synapses<'a, R>,
    x: &'a [R],
    out: &'a mut [R],
}

impl<R: Real> WithSimd for ForwardRows<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Plan { sources, units, .. } = *self.synapses.plan;
        let width = self.synapses.plan.width();
        let (mut by_lane, mut scratch) = (vec![R::ZERO; SAMPLES * 2 * width], Vec::new());
        for (x, out) in self.x.chunks(SAMPLES * sources).zip(self.out.chunks_mut(SAMPLES * 2 * units)) {
            let samples = x.len() / sources;
            self.synapses.currents(simd, (x, sources), &mut by_lane, samples, &mut scratch);
            for (by_lane, out) in by_lane.chunks(width).zip(out.chunks_mut(units)) {
                self.synapses.plan.collect(by_lane, out);
            }
        }
    }
}

struct BackwardRows<'a, R> {
    synapses: Synapses<'a, R>,
    x: &'a [R],
    of_out: &'a [R],
    of_x: &'a mut [R],
    of_numbers: &'a mut [R],
}

impl<R: Real> WithSimd for BackwardRows<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Plan { sources, units, .. } = *self.synapses.plan;
        let width = self.synapses.plan.width();
        let (mut by_lane, mut scratch) = (vec![R::ZERO; SAMPLES * 2 * width], Vec::new());
        let blocks = self.x.chunks(SAMPLES * sources).zip(self.of_out.chunks(SAMPLES * 2 * units));
        for ((x, of_out), of_x) in blocks.zip(self.of_x.chunks_mut(SAMPLES * sources)) {
            for (by_lane, of_out) in by_lane.chunks_mut(width).zip(of_out.chunks(units)) {
                self.synapses.plan.spread(of_out, by_lane);
            }
            let samples = x.len() / sources;
            let x = (x, sources);
            self.synapses.backward(simd, x, &by_lane, (of_x, &mut *self.of_numbers), (samples, &mut scratch));
        }
    }
}

/// The rows of each share.
fn cut<'a, R>(mut all: &'a mut [R], shares: &[Range<usize>], width: usize) -> Vec<&'a mut [R]> {
    let pieces =
        shares.iter().map(|share| all.split_off_mut(..share.len() * width).expect("a share of the rows"));
    pieces.collect()
}

impl SensoryCurrents {
    fn run_forward<R: Real>(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let plan = &*self.plan;
        let x = inputs[0].contiguous();
        let rows = x.size()[0] as usize;
        let packed = pack::<R>(plan, &inputs[1..])?;
        let synapses = Synapses { plan, numbers: &packed };
        let mut out = Tensor::empty([rows as i64, 2 * plan.units as i64], (x.kind(), Device::Cpu));
        {
            let x = numbers::<R>(&x)?;
            let shares = shares(rows);
            let pieces = cut(numbers_mut(&mut out)?, &shares, 2 * plan.units);
            let items = shares.iter().zip(pieces).map(|(share, out)| {
                let x = &x[share.start * plan.sources..share.end * plan.sources];
                ForwardRows { synapses, x, out }
            });
            parallel_each(items.collect(), |part| Arch::new().dispatch(part));
        }
        let saved = if needs.contains(&true) {
            [x].into_iter().chain(inputs[1..].iter().map(Tensor::shallow_clone)).collect()
        } else {
            Vec::new()
        };
        Ok(Forward { outputs: vec![out], saved })
    }

    fn run_backward<R: Real>(
        &self,
        saved: &[Tensor],
        of_out: &Tensor,
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let plan = &*self.plan;
        let (x, of_out) = (&saved[0], of_out.contiguous());
        let packed = pack::<R>(plan, &saved[1..])?;
        let synapses = Synapses { plan, numbers: &packed };
        let mut of_x = Tensor::zeros_like(x);
        let shares = shares(x.size()[0] as usize);
        let mut of_numbers = vec![vec![R::ZERO; plan.size()]; shares.len()];
        {
            let (numbers_x, numbers_out) = (numbers::<R>(x)?, numbers::<R>(&of_out)?);
            let pieces = cut(numbers_mut(&mut of_x)?, &shares, plan.sources);
            let items = shares.iter().zip(pieces).zip(&mut of_numbers).map(|((share, of_x), of_numbers)| {
                let part =
                    |all: &'_ [R], width: usize| share.start * width..(share.end * width).min(all.len());
                BackwardRows {
                    synapses,
                    x: &numbers_x[part(&numbers_x, plan.sources)],
                    of_out: &numbers_out[part(&numbers_out, 2 * plan.units)],
                    of_x,
                    of_numbers,
                }
            });
            parallel_each(items.collect(), |part| Arch::new().dispatch(part));
        }
        let of_synapses = unpack(plan, &of_numbers, x)?;
        Ok([of_x].into_iter().chain(of_synapses).map(Some).collect())
    }
}

impl CustomFunction for SensoryCurrents {
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
        let Some(of_out) = &gradients[0] else { return Ok(needs.iter().map(|_| None).collect()) };
        match saved[0].kind() {
            Kind::Double => self.run_backward::<f64>(saved, of_out),
            _ => self.run_backward::<f32>(saved, of_out),
        }
    }
}
