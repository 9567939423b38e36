//! The step of a liquid unit whose time constant is computed from the row, too.
//!
//! ```text
//! z = (u, g)      tau = floor + softplus(g)  or  max(floor, g)      q = dt / tau      r = q  or  1 - exp(-q)
//! h' = h + r (tanh u - h)
//! dr/dg = (1  or  exp(-q)) · (-q / tau) · dtau/dg
//! ```

use crate::cells::approach::{
    approach, approach_backward, approach_backward_on_tensors, approach_on_tensors,
};
use crate::cells::liquid_config::{Rate, Solver, TauForm};
use crate::kernels::functions::{expm1, softplus, softplus_slope, tanh};
use crate::kernels::real::Real;
use crate::scan::step::{Gradients, Step, TensorGradients, TensorStep};
use tch::Tensor;

/// h' = h + r(g) (tanh u - h), where z is u followed by g; `extra` is dt, or empty where that is 1. The form of the rate is
/// known at compile time: a choice inside the loops would prevent vector instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MovingRate<const EXPONENTIAL: bool, const CLAMPED: bool = false> {
    pub(crate) floor: f64,
}

impl<const EXPONENTIAL: bool, const CLAMPED: bool> MovingRate<EXPONENTIAL, CLAMPED> {
    /// tau, q and r of one unit.
    #[inline(always)]
    fn rate<R: Real>(floor: R, g: R, dt: R) -> [R; 3] {
        let tau = match (CLAMPED, g < floor) {
            (false, _) => softplus(g) + floor,
            (true, true) => floor,
            (true, false) => g,
        };
        let q = dt / tau;
        [tau, q, if EXPONENTIAL { -expm1(-q) } else { q }]
    }

    /// The same for a batch.
    fn rate_on_tensors(self, g: &Tensor, dt: Option<&Tensor>) -> [Tensor; 3] {
        let solver = if EXPONENTIAL { Solver::Exponential } else { Solver::Euler };
        let form = if CLAMPED { TauForm::Clamped } else { TauForm::Softplus };
        Rate { form, floor: self.floor, solver }.on_tensors(g, dt)
    }

    /// dtau/dg.
    #[inline(always)]
    fn slope_of_tau<R: Real>(floor: R, g: R) -> R {
        match (CLAMPED, g < floor) {
            (false, _) => softplus_slope(g),
            (true, true) => R::ZERO,
            (true, false) => R::ONE,
        }
    }

    /// dr/dq.
    #[inline(always)]
    fn slope<R: Real>(r: R) -> R {
        if EXPONENTIAL { R::ONE - r } else { R::ONE }
    }
}

impl<const EXPONENTIAL: bool, const CLAMPED: bool> Step for MovingRate<EXPONENTIAL, CLAMPED> {
    #[inline(always)]
    fn forward<R: Real>(&self, _stage: usize, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        let (floor, dt) = (R::from_f64(self.floor), extra.first().copied().unwrap_or(R::ONE));
        let (drive, parameter) = z.split_at_mut(before.len());
        // Short loops over few slices, which the compiler vectorises; a row stays in the first-level cache.
        for u in drive.iter_mut() {
            *u = tanh(*u);
        }
        for (g, out) in parameter.iter().zip(out.iter_mut()) {
            let [_, _, r] = Self::rate(floor, *g, dt);
            *out = r;
        }
        for ((h, u), out) in before.iter().zip(drive).zip(out) {
            *out = approach(*h, *out, *u);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(
        &self,
        _stage: usize,
        before: &[R],
        extra: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
    ) {
        let (floor, dt) = (R::from_f64(self.floor), extra.first().copied().unwrap_or(R::ONE));
        let (drive, parameter) = saved.split_at(before.len());
        let (of_drive, of_parameter) = row.z.split_at_mut(before.len());
        // A sum is not vectorised: it has a loop of its own, so that the others are.
        if let [of_dt] = row.extra {
            for (((gradient, h), y), g) in row.state.iter().zip(before).zip(drive).zip(parameter) {
                let [tau, _, r] = Self::rate(floor, *g, dt);
                *of_dt += *gradient * (*y - *h) * Self::slope(r) / tau;
            }
        }
        for (g, du) in parameter.iter().zip(of_drive.iter_mut()) {
            let [_, _, r] = Self::rate(floor, *g, dt);
            *du = r;
        }
        for (g, dg) in parameter.iter().zip(of_parameter.iter_mut()) {
            let [tau, q, r] = Self::rate(floor, *g, dt);
            *dg = -(Self::slope(r) * q / tau) * Self::slope_of_tau(floor, *g);
        }
        for (((gradient, h), y), dg) in row.state.iter().zip(before).zip(drive).zip(of_parameter) {
            *dg = *dg * *gradient * (*y - *h);
        }
        for ((gradient, y), du) in row.state.iter_mut().zip(drive).zip(of_drive) {
            [*du, *gradient] = approach_backward(*gradient, *du, *y);
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let [u, g] = halves(&z.addmm(before, &weights[0].tr()));
        let y = u.tanh();
        let [_, _, r] = self.rate_on_tensors(&g, extra);
        let after = approach_on_tensors(before, &r, &y);
        (Tensor::cat(&[y, g], 1), after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, before, extra, saved, of_state, asked } = *step;
        let [y, g] = halves(saved);
        let [tau, q, r] = self.rate_on_tensors(&g, extra);
        let of_r = of_state * (&y - before);
        let of_q = if EXPONENTIAL { of_r * (1.0 - &r) } else { of_r } / tau;
        let of_tau = -(&of_q * q);
        let of_g = match CLAMPED {
            // As libtorch has it: linear above 20, where its softplus is.
            false => g.softplus_backward(&of_tau, 1.0, 20.0),
            true => of_tau * g.ge(self.floor),
        };
        let [of_u, of_before] = approach_backward_on_tensors(of_state, &r, &y);
        let of_z = Tensor::cat(&[of_u, of_g], 1);
        TensorGradients {
            state: of_before.addmm(&of_z, &weights[0]),
            z: of_z,
            extra: asked.then(|| of_q.sum_dim_intlist(&[1i64][..], true, of_q.kind())),
        }
    }
}

/// The part of the drive and that of tau's parameter.
fn halves(z: &Tensor) -> [Tensor; 2] {
    let units = z.size()[1] / 2;
    [z.narrow(1, 0, units), z.narrow(1, units, units)]
}
