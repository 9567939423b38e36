//! The two passes of the loop over sub-steps for some samples, on one thread.

use crate::kernels::real::Real;
use crate::scan::passes::counts;
use crate::synapses::passes::{SAMPLES, Synapses};
use crate::synapses::plan::Plan;
use lnn_sys::Rows;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Extents of a loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoopExtents {
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) unfolds: usize,
    /// Whether the gradient of time is asked for, which needs one more number per unit.
    pub(crate) timed: bool,
}

impl LoopExtents {
    /// Numbers that are kept of a sample in a sub-step, each as many as lanes: the potential behind it, the reciprocal of the
    /// denominator, and num - den v' for the gradient of time.
    pub(crate) fn saved(self, plan: &Plan) -> usize {
        (2 + usize::from(self.timed)) * plan.width()
    }

    /// Δ of step `t` and sample `b`.
    #[inline(always)]
    fn duration<R: Real>(self, dt: Option<&[R]>, t: usize, b: usize) -> R {
        dt.map_or(R::ONE, |dt| dt[t * self.batch + b]) / R::from_f64(self.unfolds as f64)
    }
}

/// The forward pass of some samples.
pub(crate) struct ForwardPart<'a, R> {
    pub(crate) synapses: Synapses<'a, R>,
    /// By lane.
    pub(crate) capacitance: &'a [R],
    pub(crate) extents: LoopExtents,
    pub(crate) samples: Range<usize>,
    pub(crate) sensed: Rows<'a, R>,
    pub(crate) dt: Option<&'a [R]>,
    pub(crate) initial: Option<&'a [R]>,
    pub(crate) mask: Option<&'a [bool]>,
    /// Out, one piece per step.
    pub(crate) states: Vec<&'a mut [R]>,
    /// Out, one piece per sub-step; none if no gradient will be asked for.
    pub(crate) saved: Vec<&'a mut [R]>,
}

impl<R: Real> WithSimd for ForwardPart<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let plan = self.synapses.plan;
        let (width, units) = (plan.width(), plan.units);
        let LoopExtents { steps, batch, unfolds, .. } = self.extents;
        let saved_width = self.extents.saved(plan);
        let mut scratch = Vec::new();
        let mut v = vec![R::ZERO; SAMPLES * width];
        // The currents of inputs and leak, by lane, and those of all.
        let [mut sensed, mut all] = [(); 2].map(|()| vec![R::ZERO; SAMPLES * 2 * width]);
        for first in self.samples.clone().step_by(SAMPLES) {
            let samples = first..self.samples.end.min(first + SAMPLES);
            let offset = first - self.samples.start;
            v.fill(R::ZERO);
            if let Some(initial) = self.initial {
                for (v, b) in v.chunks_mut(width).zip(samples.clone()) {
                    plan.spread(&initial[b * units..(b + 1) * units], v);
                }
            }
            for t in 0..steps {
                for (sensed, b) in sensed.chunks_mut(2 * width).zip(samples.clone()) {
                    let (num, den) = self.sensed.row(t, b).split_at(units);
                    let (num_by_lane, den_by_lane) = sensed.split_at_mut(width);
                    plan.spread(num, num_by_lane);
                    plan.spread(den, den_by_lane);
                }
                for u in 0..unfolds {
                    self.synapses.currents(simd, (&v, width), &mut all, samples.len(), &mut scratch);
                    for (r, b) in samples.clone().enumerate() {
                        let v = &mut v[r * width..(r + 1) * width];
                        let counted = counts(self.mask, t * batch + b);
                        let saved = self.saved.get_mut(t * unfolds + u);
                        let saved = saved.map_or(&mut [][..], |saved| {
                            &mut saved[(offset + r) * saved_width..][..saved_width]
                        });
                        if counted {
                            let currents = [&all, &sensed]
                                .map(|of| of[r * 2 * width..(r + 1) * 2 * width].split_at(width));
                            let duration = self.extents.duration(self.dt, t, b);
                            sub_step(v, self.capacitance, duration, currents, saved);
                        } else if !saved.is_empty() {
                            saved[..width].copy_from_slice(v);
                        }
                    }
                }
                for (r, v) in v.chunks(width).enumerate().take(samples.len()) {
                    plan.collect(v, &mut self.states[t][(offset + r) * units..][..units]);
                }
            }
        }
    }
}

/// v' = (C v + Δ num) / (C + Δ den) in place of v.
#[inline(always)]
pub(super) fn sub_step<R: Real>(
    v: &mut [R],
    capacitance: &[R],
    duration: R,
    [(num, den), (sensed_num, sensed_den)]: [(&[R], &[R]); 2],
    saved: &mut [R],
) {
    let width = v.len();
    let currents = num.iter().zip(den).zip(sensed_num.iter().zip(sensed_den));
    if saved.is_empty() {
        for ((v, c), ((num, den), (sensed_num, sensed_den))) in v.iter_mut().zip(capacitance).zip(currents) {
            let scale = R::ONE / duration.mul_add(*den + *sensed_den, *c);
            *v = duration.mul_add(*num + *sensed_num, *c * *v) * scale;
        }
        return;
    }
    let (after, rest) = saved.split_at_mut(width);
    let (scales, slopes) = rest.split_at_mut(width);
    let kept = after.iter_mut().zip(scales);
    for (((v, c), ((num, den), (sensed_num, sensed_den))), (after, scale)) in
        v.iter_mut().zip(capacitance).zip(currents.clone()).zip(kept)
    {
        *scale = R::ONE / duration.mul_add(*den + *sensed_den, *c);
        *v = duration.mul_add(*num + *sensed_num, *c * *v) * *scale;
        *after = *v;
    }
    for ((slope, v), ((num, den), (sensed_num, sensed_den))) in slopes.iter_mut().zip(v.iter()).zip(currents)
    {
        *slope = *num + *sensed_num - (*den + *sensed_den) * *v;
    }
}

/// The backward pass of some samples.
pub(crate) struct BackwardPart<'a, R> {
    pub(crate) synapses: Synapses<'a, R>,
    /// By lane.
    pub(crate) capacitance: &'a [R],
    pub(crate) extents: LoopExtents,
    pub(crate) samples: Range<usize>,
    /// `[T U, B, saved]`
    pub(crate) saved: &'a [R],
    pub(crate) dt: Option<&'a [R]>,
    pub(crate) initial: Option<&'a [R]>,
    pub(crate) mask: Option<&'a [bool]>,
    pub(crate) of_states: Option<Rows<'a, R>>,
    /// Out, one piece per step.
    pub(crate) of_sensed: Vec<&'a mut [R]>,
    /// In: the gradient of the last state; out: that of the initial one.
    pub(crate) of_initial: &'a mut [R],
    /// Out, one piece per step; none if it is not asked for.
    pub(crate) of_dt: Vec<&'a mut [R]>,
    /// Added to.
    pub(crate) of_numbers: &'a mut [R],
    /// Added to, by lane.
    pub(crate) of_capacitance: &'a mut [R],
}

impl<R: Real> WithSimd for BackwardPart<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let plan = self.synapses.plan;
        let (width, units) = (plan.width(), plan.units);
        let LoopExtents { steps, batch, unfolds, .. } = self.extents;
        let saved_width = self.extents.saved(plan);
        let saved = self.saved;
        let kept = |sub: usize, b: usize| &saved[(sub * batch + b) * saved_width..][..saved_width];
        let mut scratch = Vec::new();
        // Potentials before the sub-step, the gradient of those behind it, and that of the currents.
        let [mut before, mut g] = [(); 2].map(|()| vec![R::ZERO; SAMPLES * width]);
        let [mut of_currents, mut of_sensed] = [(); 2].map(|()| vec![R::ZERO; SAMPLES * 2 * width]);
        for first in self.samples.clone().step_by(SAMPLES) {
            let samples = first..self.samples.end.min(first + SAMPLES);
            let offset = first - self.samples.start;
            for (r, g) in g.chunks_mut(width).enumerate().take(samples.len()) {
                plan.spread(&self.of_initial[(offset + r) * units..][..units], g);
            }
            for t in (0..steps).rev() {
                if let Some(of_states) = self.of_states {
                    for (g, b) in g.chunks_mut(width).zip(samples.clone()) {
                        let of_state = of_states.row(t, b);
                        for (g, unit) in g.iter_mut().zip(&plan.order) {
                            if let Some(unit) = unit {
                                *g += of_state[*unit];
                            }
                        }
                    }
                }
                of_sensed.fill(R::ZERO);
                for u in (0..unfolds).rev() {
                    let sub = t * unfolds + u;
                    for (r, b) in samples.clone().enumerate() {
                        let before = &mut before[r * width..(r + 1) * width];
                        match (sub, self.initial) {
                            (1.., _) => before.copy_from_slice(&kept(sub - 1, b)[..width]),
                            (0, Some(initial)) => plan.spread(&initial[b * units..(b + 1) * units], before),
                            (0, None) => before.fill(R::ZERO),
                        }
                        let of_currents = &mut of_currents[r * 2 * width..(r + 1) * 2 * width];
                        if !counts(self.mask, t * batch + b) {
                            of_currents.fill(R::ZERO);
                            continue;
                        }
                        let duration = self.extents.duration(self.dt, t, b);
                        let g = &mut g[r * width..(r + 1) * width];
                        let step = SubStepBackward {
                            capacitance: self.capacitance,
                            duration,
                            before,
                            kept: kept(sub, b),
                        };
                        let of_duration = step.run(g, of_currents, self.of_capacitance);
                        if let Some(of_dt) = self.of_dt.get_mut(t) {
                            of_dt[offset + r] += of_duration / R::from_f64(unfolds as f64);
                        }
                    }
                    for (sum, gradient) in of_sensed.iter_mut().zip(&of_currents) {
                        *sum += *gradient;
                    }
                    let x = (&before[..], width);
                    self.synapses.backward(
                        simd,
                        x,
                        &of_currents,
                        (&mut g, &mut *self.of_numbers),
                        (samples.len(), &mut scratch),
                    );
                }
                for (by_lane, row) in of_sensed
                    .chunks(width)
                    .zip(self.of_sensed[t][offset * 2 * units..].chunks_mut(units))
                    .take(2 * samples.len())
                {
                    plan.collect(by_lane, row);
                }
            }
            for (r, g) in g.chunks(width).enumerate().take(samples.len()) {
                plan.collect(g, &mut self.of_initial[(offset + r) * units..][..units]);
            }
        }
    }
}

/// What the backward pass of one sub-step of one sample reads.
struct SubStepBackward<'a, R> {
    capacitance: &'a [R],
    duration: R,
    before: &'a [R],
    /// The potential behind the sub-step, the reciprocal of the denominator, and num - den v', if it was kept.
    kept: &'a [R],
}

impl<R: Real> SubStepBackward<'_, R> {
    /// Replaces the gradient `g` of v' by that of v without its way through the synapses, writes those of num and den, adds that of C,
    /// and returns that of Δ.
    #[inline(always)]
    fn run(&self, g: &mut [R], of_currents: &mut [R], of_capacitance: &mut [R]) -> R {
        let width = g.len();
        let (after, rest) = self.kept.split_at(width);
        let (scales, slopes) = rest.split_at(width);
        let mut of_duration = R::ZERO;
        for ((g, scale), slope) in g.iter().zip(scales).zip(slopes) {
            of_duration += *g * *scale * *slope;
        }
        let (of_num, of_den) = of_currents.split_at_mut(width);
        let potentials = self.before.iter().zip(after);
        for ((((g, scale), (before, after)), c), ((of_num, of_den), of_c)) in (g.iter_mut().zip(scales))
            .zip(potentials)
            .zip(self.capacitance)
            .zip(of_num.iter_mut().zip(of_den).zip(of_capacitance))
        {
            let scaled = *g * *scale;
            *of_num = scaled * self.duration;
            *of_den = -(*of_num * *after);
            *of_c += scaled * (*before - *after);
            *g = scaled * *c;
        }
        of_duration
    }
}
