//! The step of a closed-form continuous-time unit.
//!
//! The row is the layers of the backbone and behind them the heads, (f₁, f₂, a, b), or in the pure form (f, w, A). The step leaves in it
//! the layers with their functions applied, and (f₁, f₂, a, s), or (f, w, A) as they were. The further numbers are the time of the step and
//! the factors of dropout.

use crate::cells::closed_form_config::{BackboneActivation, ClosedFormMode};
use crate::kernels::functions::{exp, sigmoid, tanh};
use crate::kernels::real::Real;
use crate::scan::step::{Gradients, Product, Step, TensorGradients, TensorStep};
use tch::Tensor;

/// The step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedFormStep {
    pub(crate) mode: ClosedFormMode,
    pub(crate) activation: BackboneActivation,
    /// Number of layers of the backbone.
    pub(crate) layers: usize,
    /// Number of units of a layer.
    pub(crate) backbone: usize,
    /// Whether the further numbers contain the factors of dropout.
    pub(crate) dropout: bool,
}

impl ClosedFormStep {
    /// The columns of a layer.
    fn layer(&self, layer: usize) -> std::ops::Range<usize> {
        layer * self.backbone..(layer + 1) * self.backbone
    }

    /// Where the heads begin.
    fn heads(&self) -> usize {
        self.layers * self.backbone
    }

    fn activate(&self, y: &Tensor) -> Tensor {
        let [outer, inner] = BackboneActivation::LECUN;
        match self.activation {
            BackboneActivation::LecunTanh => (y * inner).tanh() * outer,
            BackboneActivation::Tanh => y.tanh(),
            BackboneActivation::Relu => y.relu(),
            BackboneActivation::Silu => y.silu(),
            BackboneActivation::Gelu => y.gelu("none"),
        }
    }

    /// The slope of the function at the argument whose value is `y`.
    fn slope(&self, y: &Tensor) -> Tensor {
        let [outer, inner] = BackboneActivation::LECUN;
        match self.activation {
            BackboneActivation::LecunTanh => y * y * (-inner / outer) + outer * inner,
            BackboneActivation::Tanh => -(y * y) + 1.0,
            BackboneActivation::Relu => y.gt(0.0).to_kind(y.kind()),
            BackboneActivation::Silu | BackboneActivation::Gelu => unreachable!("they run step by step"),
        }
    }

    /// The time of the step, `[B, 1]`, and the factors of dropout of a layer.
    fn time(extra: Option<&Tensor>, like: &Tensor) -> Tensor {
        match extra {
            Some(extra) => extra.narrow(-1, 0, 1),
            None => like.new_ones([1, 1], (like.kind(), like.device())),
        }
    }

    fn factors(&self, extra: Option<&Tensor>, layer: usize) -> Option<Tensor> {
        let extra = extra.filter(|_| self.dropout)?;
        Some(extra.narrow(-1, 1 + self.layer(layer).start as i64, self.backbone as i64))
    }
}

/// The function of a row of a layer.
#[inline(always)]
fn activate<R: Real>(activation: BackboneActivation, row: &mut [R]) {
    let [outer, inner] = BackboneActivation::LECUN.map(R::from_f64);
    match activation {
        BackboneActivation::LecunTanh => row.iter_mut().for_each(|y| *y = outer * tanh(inner * *y)),
        BackboneActivation::Tanh => row.iter_mut().for_each(|y| *y = tanh(*y)),
        BackboneActivation::Relu => {
            for y in row {
                *y = if *y < R::ZERO { R::ZERO } else { *y };
            }
        }
        BackboneActivation::Silu => row.iter_mut().for_each(|y| *y = *y * sigmoid(*y)),
        BackboneActivation::Gelu => unreachable!("it runs step by step"),
    }
}

/// Multiplies gradients by the slope at the argument whose value is in `row`.
#[inline(always)]
fn multiply_by_slope<R: Real>(activation: BackboneActivation, row: &[R], gradients: &mut [R]) {
    let [outer, inner] = BackboneActivation::LECUN.map(R::from_f64);
    let all = gradients.iter_mut().zip(row);
    match activation {
        BackboneActivation::LecunTanh => {
            let ratio = -inner / outer;
            all.for_each(|(g, y)| *g = *g * (*y * *y).mul_add(ratio, outer * inner));
        }
        BackboneActivation::Tanh => all.for_each(|(g, y)| *g = *g * (R::ONE - *y * *y)),
        BackboneActivation::Relu => all.for_each(|(g, y)| *g = if *y > R::ZERO { *g } else { R::ZERO }),
        BackboneActivation::Silu | BackboneActivation::Gelu => unreachable!("they run step by step"),
    }
}

/// The four parts of a row.
#[inline(always)]
fn four<R>(row: &[R], units: usize) -> [&[R]; 4] {
    let (first, rest) = row.split_at(units);
    let (second, rest) = rest.split_at(units);
    let (third, fourth) = rest.split_at(units);
    [first, second, third, fourth]
}

impl Step for ClosedFormStep {
    fn products(&self) -> Vec<Product> {
        let behind = |layer: usize| {
            let into = if layer < self.layers { self.layer(layer).start } else { self.heads() };
            Product { from: Some(self.layer(layer - 1).start), into }
        };
        std::iter::once(Product { from: None, into: 0 }).chain((1..=self.layers).map(behind)).collect()
    }

    #[inline(always)]
    fn forward<R: Real>(&self, stage: usize, before: &[R], extra: &[R], z: &mut [R], out: &mut [R]) {
        let units = before.len();
        if stage < self.layers {
            let columns = self.layer(stage);
            let row = &mut z[columns.clone()];
            activate(self.activation, row);
            if self.dropout {
                for (y, factor) in row.iter_mut().zip(&extra[1 + columns.start..]) {
                    *y = *y * *factor;
                }
            }
            return;
        }
        let dt = extra.first().copied().unwrap_or(R::ONE);
        let heads = &mut z[self.heads()..];
        if self.mode == ClosedFormMode::Pure {
            let [f, w, amplitude, _] = four(heads, units);
            for (((out, f), w), a) in out.iter_mut().zip(f).zip(w).zip(amplitude) {
                let decay = exp(-(dt * (w.abs() + f.abs())));
                *out = *a - *a * decay * *f;
            }
            return;
        }
        let (states, gates) = heads.split_at_mut(2 * units);
        for f in states.iter_mut() {
            *f = tanh(*f);
        }
        let (slopes, offsets) = gates.split_at_mut(units);
        for (s, a) in offsets.iter_mut().zip(slopes) {
            *s = sigmoid(a.mul_add(dt, *s));
        }
        let (first, second) = states.split_at(units);
        let gated = self.mode == ClosedFormMode::Default;
        for (((out, f1), f2), s) in out.iter_mut().zip(first).zip(second).zip(offsets) {
            *out = s.mul_add(if gated { *f2 - *f1 } else { *f2 }, *f1);
        }
    }

    #[inline(always)]
    fn backward<R: Real>(&self, stage: usize, before: &[R], extra: &[R], saved: &[R], row: Gradients<'_, R>) {
        let units = before.len();
        if stage < self.layers {
            let columns = self.layer(stage);
            let gradients = &mut row.z[columns.clone()];
            let values = &saved[columns.clone()];
            if !self.dropout {
                multiply_by_slope(self.activation, values, gradients);
                return;
            }
            // A value that was not left out is its function times the factor.
            for ((g, y), factor) in gradients.iter_mut().zip(values).zip(&extra[1 + columns.start..]) {
                let own = if *factor > R::ZERO { *y / *factor } else { R::ZERO };
                *g = *g * *factor;
                multiply_by_slope(self.activation, &[own], std::slice::from_mut(g));
            }
            return;
        }
        let dt = extra.first().copied().unwrap_or(R::ONE);
        let (of_layers, of_heads) = row.z.split_at_mut(self.heads());
        of_layers.fill(R::ZERO);
        let (mut of_dt, heads) = (R::ZERO, &saved[self.heads()..]);
        if self.mode == ClosedFormMode::Pure {
            let [f, w, amplitude, _] = four(heads, units);
            let (of_f, rest) = of_heads.split_at_mut(units);
            let (of_w, of_amplitude) = rest.split_at_mut(units);
            let gradients = of_f.iter_mut().zip(of_w).zip(of_amplitude);
            for ((((g, f), w), a), ((of_f, of_w), of_a)) in
                row.state.iter_mut().zip(f).zip(w).zip(amplitude).zip(gradients)
            {
                let rate = w.abs() + f.abs();
                let decay = exp(-(dt * rate));
                *of_a = *g * (R::ONE - decay * *f);
                let of_decay = -(*g * *a * *f) * decay;
                of_dt += -(of_decay * rate);
                let of_rate = -(of_decay * dt);
                *of_w = if *w == R::ZERO { R::ZERO } else { of_rate * R::ONE.copysign(*w) };
                *of_f =
                    -(*g * *a * decay) + if *f == R::ZERO { R::ZERO } else { of_rate * R::ONE.copysign(*f) };
                *g = R::ZERO;
            }
        } else {
            let [f1, f2, a, s] = four(heads, units);
            let (of_states, of_gates) = of_heads.split_at_mut(2 * units);
            let (of_first, of_second) = of_states.split_at_mut(units);
            let (of_slopes, of_offsets) = of_gates.split_at_mut(units);
            let gated = self.mode == ClosedFormMode::Default;
            let values = f1.iter().zip(f2).zip(a.iter().zip(s));
            let gradients = of_first.iter_mut().zip(of_second).zip(of_slopes.iter_mut().zip(of_offsets));
            for ((g, ((f1, f2), (a, s))), ((of_f1, of_f2), (of_a, of_b))) in
                row.state.iter_mut().zip(values).zip(gradients)
            {
                let (other, kept) = if gated { (*f2 - *f1, R::ONE - *s) } else { (*f2, R::ONE) };
                *of_f1 = *g * kept * (R::ONE - *f1 * *f1);
                *of_f2 = *g * *s * (R::ONE - *f2 * *f2);
                *of_b = *g * other * *s * (R::ONE - *s);
                *of_a = *of_b * dt;
                of_dt += *of_b * *a;
                *g = R::ZERO;
            }
        }
        if let Some(sum) = row.extra.first_mut() {
            *sum += of_dt;
        }
    }

    fn forward_on_tensors(
        &self,
        weights: &[Tensor],
        before: &Tensor,
        extra: Option<&Tensor>,
        z: &Tensor,
    ) -> (Tensor, Tensor) {
        let units = before.size()[1];
        let mut kept = Vec::new();
        let mut y = before.shallow_clone();
        for (layer, weights) in weights.iter().enumerate().take(self.layers) {
            let own = z.narrow(1, self.layer(layer).start as i64, self.backbone as i64);
            y = self.activate(&own.addmm(&y, &weights.tr()));
            if let Some(factors) = self.factors(extra, layer) {
                y *= factors;
            }
            kept.push(y.shallow_clone());
        }
        let weights = &weights[self.layers];
        let heads = z.narrow(1, self.heads() as i64, weights.size()[0]).addmm(&y, &weights.tr());
        let dt = Self::time(extra, z);
        let after = if self.mode == ClosedFormMode::Pure {
            let part = |i: i64| z.narrow(1, self.heads() as i64 + i * units, units);
            let (w, amplitude) = (part(1), part(2));
            let decay = (-dt * (w.abs() + heads.abs())).exp();
            let after = &amplitude - &amplitude * decay * &heads;
            kept.extend([heads, w, amplitude]);
            after
        } else {
            let parts = heads.chunk(4, 1);
            let (f1, f2) = (parts[0].tanh(), parts[1].tanh());
            let s = parts[3].addcmul(&parts[2], &dt.expand_as(&parts[2])).sigmoid();
            let other = if self.mode == ClosedFormMode::Default { &f2 - &f1 } else { f2.shallow_clone() };
            let after = f1.addcmul(&s, &other);
            kept.extend([f1, f2, parts[2].shallow_clone(), s]);
            after
        };
        (Tensor::cat(&kept, 1), after)
    }

    fn backward_on_tensors(&self, step: &TensorStep<'_>) -> TensorGradients {
        let TensorStep { weights, before, extra, saved, of_state: g, asked } = *step;
        let units = before.size()[1];
        let part = |i: i64| saved.narrow(1, self.heads() as i64 + i * units, units);
        let dt = Self::time(extra, saved);
        let (of_heads, of_fixed, of_dt) = if self.mode == ClosedFormMode::Pure {
            let [f, w, amplitude] = [0, 1, 2].map(part);
            let rate = w.abs() + f.abs();
            let decay = (-&dt * &rate).exp();
            let of_decay = -(g * &amplitude * &f) * &decay;
            let of_rate = -(&of_decay * &dt);
            let of_f = &of_rate * f.sign() - g * &amplitude * &decay;
            let fixed = vec![&of_rate * w.sign(), g * (-(&decay * &f) + 1.0)];
            (of_f, fixed, -(of_decay * rate))
        } else {
            let [f1, f2, a, s] = [0, 1, 2, 3].map(part);
            let gated = self.mode == ClosedFormMode::Default;
            let (other, kept) =
                if gated { (&f2 - &f1, -&s + 1.0) } else { (f2.shallow_clone(), s.ones_like()) };
            let of_f1 = Tensor::tanh_backward(&(g * kept), &f1);
            let of_f2 = Tensor::tanh_backward(&(g * &s), &f2);
            let of_b = Tensor::sigmoid_backward(&(g * other), &s);
            let of_dt = &of_b * a;
            (Tensor::cat(&[of_f1, of_f2, &of_b * &dt, of_b], 1), Vec::new(), of_dt)
        };
        let mut of_y = of_heads.mm(&weights[self.layers]);
        let mut of_layers = Vec::new();
        for layer in (0..self.layers).rev() {
            let y = saved.narrow(1, self.layer(layer).start as i64, self.backbone as i64);
            let of_z = match self.factors(extra, layer) {
                Some(factors) => {
                    let kept = factors.gt(0.0);
                    let own = (&y / &factors).where_self(&kept, &y.zeros_like());
                    of_y * factors * self.slope(&own)
                }
                None => of_y * self.slope(&y),
            };
            of_y = of_z.mm(&weights[layer]);
            of_layers.push(of_z);
        }
        of_layers.reverse();
        let parts: Vec<_> = of_layers.iter().chain([&of_heads]).chain(&of_fixed).collect();
        let extra = asked.then(|| {
            let of_dt = of_dt.sum_dim_intlist(&[1i64][..], true, of_dt.kind());
            match self.dropout {
                // The factors of dropout collect no gradients.
                true => of_dt.constant_pad_nd([0, self.heads() as i64]),
                false => of_dt,
            }
        });
        TensorGradients { state: of_y, z: Tensor::cat(&parts, 1), extra }
    }
}
