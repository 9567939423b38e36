//! The step of a spiking unit.
//!
//! ```text
//! u = v + a (tanh z - v)      s = [u > θ]      v' = u - θ s
//! ds/du := slope(u - θ), of the surrogate
//! ```

use crate::cells::approach::approach;
use crate::cells::surrogate::Surrogate;
use crate::kernels::functions::tanh;
use crate::kernels::real::Real;
use crate::scan::step::{Gradients, Step, TensorGradients, TensorStep};
use tch::Tensor;

/// The step; the state is v followed by s.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpikingPass {
    pub(crate) leak_rate: f64,
    pub(crate) threshold: f64,
    pub(crate) surrogate: Surrogate,
    pub(crate) sharpness: f64,
}

impl Step for SpikingPass {
    const EMITS: usize = 2;

    #[inline(always)]
    fn forward<R: Real>(&self, _stage: usize, before: &[R], _extra: &[R], z: &mut [R], out: &mut [R]) {
        let [a, threshold] = [self.leak_rate, self.threshold].map(R::from_f64);
        let (membrane, spikes) = out.split_at_mut(z.len());
        for (((v, z), membrane), spike) in before.iter().zip(z).zip(membrane).zip(spikes) {
            *z = tanh(*z);
            let u = approach(*v, a, *z);
            *spike = if u > threshold { R::ONE } else { R::ZERO };
            *membrane = u - *spike * threshold;
        }
    }

    #[inline(always)]
    fn backward<R: Real>(
        &self,
        _stage: usize,
        before: &[R],
        _extra: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
    ) {
        let k = R::from_f64(self.sharpness);
        match self.surrogate {
            Surrogate::FastSigmoid => self.backward_with(before, saved, row, |u: R| {
                let root = u.abs().mul_add(k, R::ONE);
                R::ONE / (root * root)
            }),
            Surrogate::Arctan => {
                self.backward_with(before, saved, row, |u: R| R::ONE / (k * u).mul_add(k * u, R::ONE));
            }
            Surrogate::StraightThrough => {
                let half = R::from_f64(0.5 / self.sharpness);
                self.backward_with(before, saved, row, |u: R| if u.abs() <= half { R::ONE } else { R::ZERO });
            }
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        _extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let v = before.narrow(1, 0, z.size()[1]);
        let y = z.addmm(&v, &weights[0].tr()).tanh();
        let u = v.lerp(&y, self.leak_rate);
        let spikes = self.surrogate.spike(&(&u - self.threshold), self.sharpness);
        (y, Tensor::cat(&[u - &spikes * self.threshold, spikes], 1))
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, before, saved, of_state, .. } = *step;
        let units = saved.size()[1];
        let (of_membrane, of_spikes) = (of_state.narrow(1, 0, units), of_state.narrow(1, units, units));
        let above = before.narrow(1, 0, units).lerp(saved, self.leak_rate) - self.threshold;
        let k = self.sharpness;
        let slope = match self.surrogate {
            Surrogate::FastSigmoid => (above.abs() * k + 1.0).square().reciprocal(),
            Surrogate::Arctan => ((above * k).square() + 1.0).reciprocal(),
            Surrogate::StraightThrough => above.abs().le(0.5 / k).to_kind(saved.kind()),
        };
        let of_u = &of_membrane + (of_spikes - &of_membrane * self.threshold) * slope;
        let through = &of_u * self.leak_rate;
        let z = Tensor::tanh_backward(&through, saved);
        let of_v = (of_u - through).addmm(&z, &weights[0]);
        TensorGradients { z, state: Tensor::cat(&[&of_v, &of_membrane.zeros_like()], 1), extra: None }
    }
}

impl SpikingPass {
    #[inline(always)]
    fn backward_with<R: Real>(
        &self,
        before: &[R],
        saved: &[R],
        row: Gradients<'_, R>,
        slope: impl Fn(R) -> R,
    ) {
        let [a, threshold] = [self.leak_rate, self.threshold].map(R::from_f64);
        let (of_membrane, of_spikes) = row.state.split_at_mut(saved.len());
        let gradients = of_membrane.iter_mut().zip(of_spikes).zip(row.z);
        for (((dv, ds), dz), (v, y)) in gradients.zip(before.iter().zip(saved)) {
            let u = approach(*v, a, *y);
            let du = *dv + (*ds - threshold * *dv) * slope(u - threshold);
            let through = a * du;
            *dz = through * (R::ONE - *y * *y);
            *dv = du - through;
            *ds = R::ZERO;
        }
    }
}
