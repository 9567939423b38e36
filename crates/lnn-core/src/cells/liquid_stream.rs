//! One liquid step of a stream, on plain numbers.
//!
//! A step of a small layer is some thousand multiplications, less than what libtorch spends on the ten operations that it is
//! made of. Where nothing collects gradients, on the CPU, this does the same in one pass; for more samples than a few
//! libtorch's matrix products are the faster way.

use crate::cells::time_constants::{Solver, TauForm};
use crate::kernels::functions::{expm1, softplus, tanh};
use crate::kernels::real::Real;
use lnn_sys::{Error, numbers, numbers_mut};
use pulp::{Arch, Simd, WithSimd};
use tch::{Device, Kind, Tensor};

/// Samples up to which this is the faster way.
const FEW: i64 = 4;

/// What a step reads.
pub(crate) struct LiquidStep<'a> {
    /// `[B, I]`
    pub(crate) x: &'a Tensor,
    /// `[B, H]`
    pub(crate) h: &'a Tensor,
    /// `[B]`, ones where it is not given.
    pub(crate) dt: Option<&'a Tensor>,
    pub(crate) input_weights: &'a Tensor,
    pub(crate) recurrent_weights: &'a Tensor,
    pub(crate) bias: &'a Tensor,
    pub(crate) tau: &'a Tensor,
    pub(crate) floor: f64,
    pub(crate) form: TauForm,
    pub(crate) solver: Solver,
}

impl LiquidStep<'_> {
    /// The state after the step, `[B, H]`; `None` where the general way is to be taken.
    pub(crate) fn take(&self) -> Option<Tensor> {
        if self.h.device() != Device::Cpu || lnn_sys::gradients_are_collected() || !self.fits() {
            return None;
        }
        match self.h.kind() {
            Kind::Float => self.on_numbers::<f32>().ok(),
            Kind::Double => self.on_numbers::<f64>().ok(),
            _ => None,
        }
    }

    /// Whether the batch is small and the shapes are those of the cell: the loops below would not notice.
    fn fits(&self) -> bool {
        let Ok((units, inputs)) = self.input_weights.size2() else { return false };
        let Ok((batch, _)) = self.h.size2() else { return false };
        let timed = self.dt.is_none_or(|dt| dt.size() == [batch]);
        batch <= FEW && self.h.size() == [batch, units] && self.x.size() == [batch, inputs] && timed
    }

    fn on_numbers<R: Real>(&self) -> Result<Tensor, Error> {
        let mut out = Tensor::empty_like(self.h);
        Arch::new().dispatch(Rows {
            x: numbers(self.x)?,
            h: numbers(self.h)?,
            dt: self.dt.map(numbers).transpose()?,
            input_weights: numbers(self.input_weights)?,
            recurrent_weights: numbers(self.recurrent_weights)?,
            bias: numbers(self.bias)?,
            tau: numbers::<R>(self.tau)?,
            floor: R::from_f64(self.floor),
            clamped: self.form == TauForm::Clamped,
            exponential: self.solver == Solver::Exponential,
            out: numbers_mut(&mut out)?,
        });
        Ok(out)
    }
}

struct Rows<'a, R> {
    x: &'a [R],
    h: &'a [R],
    dt: Option<&'a [R]>,
    input_weights: &'a [R],
    recurrent_weights: &'a [R],
    bias: &'a [R],
    tau: &'a [R],
    floor: R,
    clamped: bool,
    exponential: bool,
    out: &'a mut [R],
}

impl<R: Real> WithSimd for Rows<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let units = self.bias.len();
        let inputs = self.input_weights.len() / units;
        let samples = self.x.chunks_exact(inputs).zip(self.h.chunks_exact(units));
        for (b, ((x, h), out)) in samples.zip(self.out.chunks_exact_mut(units)).enumerate() {
            let rows =
                self.input_weights.chunks_exact(inputs).zip(self.recurrent_weights.chunks_exact(units));
            for ((out, bias), (w_x, w_h)) in out.iter_mut().zip(self.bias).zip(rows) {
                *out = *bias + dot::<R, S>(simd, x, w_x) + dot::<R, S>(simd, h, w_h);
            }
            let dt = self.dt.map_or(R::ONE, |dt| dt[b]);
            for ((out, h), tau) in out.iter_mut().zip(h).zip(self.tau) {
                let clamped = if *tau < self.floor { self.floor } else { *tau };
                let q = dt / if self.clamped { clamped } else { softplus(*tau) + self.floor };
                let r = if self.exponential { -expm1(-q) } else { q };
                *out = r.mul_add(tanh(*out) - *h, *h);
            }
        }
    }
}

/// Σ a b.
#[inline(always)]
fn dot<R: Real, S: Simd>(simd: S, a: &[R], b: &[R]) -> R {
    let (vectors_a, vectors_b) = (R::vectors::<S>(a), R::vectors::<S>(b));
    let mut sums = R::splat(simd, R::ZERO);
    for (a, b) in vectors_a.iter().zip(vectors_b) {
        sums = R::fused(simd, *a, *b, sums);
    }
    let lanes = size_of::<R::Vector<S>>() / size_of::<R>();
    let mut numbers = [R::ZERO; 16];
    R::vectors_mut::<S>(&mut numbers)[0] = sums;
    let mut sum = R::ZERO;
    for number in &numbers[..lanes] {
        sum += *number;
    }
    for (a, b) in a.iter().zip(b).skip(vectors_a.len() * lanes) {
        sum = a.mul_add(*b, sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{rand, seeded};

    #[test]
    fn what_does_not_fit_the_cell_is_left_to_the_general_way() {
        let random = |shape: &[i64]| seeded(0, || rand(shape, (Kind::Float, Device::Cpu)));
        let (input_weights, recurrent_weights) = (random(&[5, 3]), random(&[5, 5]));
        let (bias, tau) = (random(&[5]), random(&[5]));
        let taken = |x: &[i64], h: &[i64], dt: Option<&[i64]>| {
            let (x, h, dt) = (random(x), random(h), dt.map(random));
            let step = LiquidStep {
                x: &x,
                h: &h,
                dt: dt.as_ref(),
                input_weights: &input_weights,
                recurrent_weights: &recurrent_weights,
                bias: &bias,
                tau: &tau,
                floor: 0.1,
                form: TauForm::Softplus,
                solver: Solver::Euler,
            };
            tch::no_grad(|| step.take()).map(|out| out.size())
        };
        assert_eq!(taken(&[2, 3], &[2, 5], Some(&[2])), Some(vec![2, 5]));
        for (x, h, dt) in [
            (&[2, 4], &[2, 5], None),
            (&[1, 3], &[2, 5], None),
            (&[2, 3], &[2, 4], None),
            (&[5, 3], &[5, 5], None),
            (&[2, 3], &[2, 5], Some(&[1][..])),
        ] {
            assert_eq!(taken(x, h, dt), None, "x {x:?}, h {h:?}, dt {dt:?}");
        }
    }
}
