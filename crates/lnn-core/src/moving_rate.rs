//! The liquid step whose time constants move with input and state, between two products.
//!
//! ```text
//! z = (u, g)      tau = floor + softplus(g)      q = dt / tau      r = q  or  1 - exp(-q)
//! h' = h + r (tanh u - h)
//! dr/dg = (1  or  exp(-q)) · (-q / tau) · softplus'(g)
//! ```

use crate::Solver;
use crate::pointwise::{Gradients, Pointwise};
use crate::vector_math::{Real, expm1, softplus, softplus_slope, tanh};

/// h' = h + r(g) (tanh u - h), where z is u and behind it g; `extra` is dt, or nothing where that is 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MovingRate {
    pub(crate) floor: f64,
    pub(crate) solver: Solver,
}

impl MovingRate {
    /// tau, q and r of one unit.
    #[inline(always)]
    fn rate<R: Real>(&self, g: R, dt: R) -> [R; 3] {
        let tau = softplus(g) + R::from_f64(self.floor);
        let q = dt / tau;
        let r = match self.solver {
            Solver::Euler => q,
            Solver::Exponential => -expm1(-q),
        };
        [tau, q, r]
    }
}

impl Pointwise for MovingRate {
    #[inline(always)]
    fn forward<R: Real>(&self, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        let dt = extra.first().copied().unwrap_or(R::ONE);
        let (drive, parameter) = z.split_at_mut(before.len());
        for (((h, u), g), out) in before.iter().zip(drive).zip(parameter).zip(out) {
            *u = tanh(*u);
            let [_, _, r] = self.rate(*g, dt);
            *out = r.mul_add(*u - *h, *h);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(&self, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>) {
        let dt = extra.first().copied().unwrap_or(R::ONE);
        let (drive, parameter) = saved.split_at(before.len());
        let (of_drive, of_parameter) = row.z.split_at_mut(before.len());
        let gradients = row.state.iter_mut().zip(of_drive).zip(of_parameter);
        for (((gradient, du), dg), ((h, y), g)) in gradients.zip(before.iter().zip(drive).zip(parameter)) {
            let [tau, q, r] = self.rate(*g, dt);
            let slope = match self.solver {
                Solver::Euler => R::ONE,
                Solver::Exponential => R::ONE - r,
            };
            let of_q = *gradient * (*y - *h) * slope;
            *dg = -(of_q * q / tau) * softplus_slope(*g);
            let through = *gradient * r;
            *du = through * (R::ONE - *y * *y);
            if let [of_dt] = &mut *row.extra {
                *of_dt += of_q / tau;
            }
            *gradient = *gradient - through;
        }
    }
}
