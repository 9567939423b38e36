//! The two passes of the fused time loop over one part of the batch, on one thread.

use crate::kernels::real::Real;
use crate::scan::extents::Extents;
use crate::scan::products::Packed;
use crate::scan::step::{Gradients, Step};
use lnn_sys::Rows;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Cuts `[T, B, width]` into the parts' samples: for each part one piece per step.
pub(crate) fn pieces<'a, R>(
    numbers: &'a mut [R],
    batch: usize,
    width: usize,
    parts: &[Range<usize>],
) -> Vec<Vec<&'a mut [R]>> {
    let mut pieces: Vec<Vec<_>> = parts.iter().map(|_| Vec::new()).collect();
    for step in numbers.chunks_exact_mut((batch * width).max(1)) {
        let mut rest = step;
        for (pieces, part) in pieces.iter_mut().zip(parts) {
            let (piece, behind) = rest.split_at_mut(part.len() * width);
            pieces.push(piece);
            rest = behind;
        }
    }
    pieces
}

/// Whether a step of a sample is not masked.
#[inline(always)]
pub(crate) fn counts(mask: Option<&[bool]>, index: usize) -> bool {
    mask.is_none_or(|mask| mask[index])
}

/// A part of the forward pass. Rows are those of `samples`.
pub(crate) struct ForwardPart<'a, P, R> {
    pub(crate) step: P,
    pub(crate) extents: Extents,
    pub(crate) samples: Range<usize>,
    pub(crate) products: &'a [Packed<R>],
    pub(crate) projected: Rows<'a, R>,
    pub(crate) extra: Option<Rows<'a, R>>,
    /// The part's rows of the initial state.
    pub(crate) initial: Option<&'a [R]>,
    pub(crate) mask: Option<&'a [bool]>,
    /// Out, one piece per step.
    pub(crate) states: Vec<&'a mut [R]>,
    /// Out, one piece per step; none if no gradient will be asked for.
    pub(crate) saved: Vec<&'a mut [R]>,
}

impl<P: Step, R: Real> WithSimd for ForwardPart<'_, P, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Extents { steps, batch, drives, width, .. } = self.extents;
        let rows = self.samples.len();
        let mut rest = vec![R::ZERO; if self.initial.is_none() { rows * width } else { 0 }];
        let mut scratch = vec![R::ZERO; if self.saved.is_empty() { rows * drives } else { 0 }];
        let (stages, mut source) = (self.products.len().max(1), Vec::new());
        for t in 0..steps {
            let (done, coming) = self.states.split_at_mut(t);
            let before = match (done.last(), self.initial) {
                (Some(before), _) => before,
                (None, Some(initial)) => initial,
                (None, None) => rest.as_mut_slice(),
            };
            let z = self.saved.get_mut(t).map_or(scratch.as_mut_slice(), |saved| saved);
            for (b, z) in self.samples.clone().zip(z.chunks_exact_mut(drives)) {
                z.copy_from_slice(self.projected.row(t, b));
            }
            let moment = (rows, t == 0 && self.initial.is_none());
            for stage in 0..stages {
                if let Some(product) = self.products.get(stage) {
                    product.add(simd, (z, drives), (before, width), moment, &mut source);
                }
                let states = before.chunks_exact(width).zip(coming[0].chunks_exact_mut(width));
                let rows = states.zip(z.chunks_exact_mut(drives));
                for (b, ((before, out), z)) in self.samples.clone().zip(rows) {
                    if counts(self.mask, t * batch + b) {
                        let extra = self.extra.map_or(&[][..], |extra| extra.row(t, b));
                        self.step.forward(stage, before, extra, z, out);
                    } else {
                        out.copy_from_slice(before);
                    }
                }
            }
        }
    }
}

/// A part of the backward pass. Slices of all samples are `[T, B, ..]`.
pub(crate) struct BackwardPart<'a, P, R> {
    pub(crate) step: P,
    pub(crate) extents: Extents,
    pub(crate) samples: Range<usize>,
    pub(crate) products: &'a [Packed<R>],
    /// All samples.
    pub(crate) states: &'a [R],
    /// All samples: the rows as the forward pass left them.
    pub(crate) saved: &'a [R],
    pub(crate) extra: Option<Rows<'a, R>>,
    /// All samples.
    pub(crate) initial: Option<&'a [R]>,
    pub(crate) mask: Option<&'a [bool]>,
    /// The gradient of the states, if there is one.
    pub(crate) of_states: Option<Rows<'a, R>>,
    /// Out, one piece per step: the gradient of z.
    pub(crate) of_drives: Vec<&'a mut [R]>,
    /// In: the gradient of the last state; out: that of the initial one.
    pub(crate) of_initial: &'a mut [R],
    /// Whether all steps share their further numbers, and therefore the sum of their gradients.
    pub(crate) shared: bool,
    /// Added to: one piece per step, or one for all steps.
    pub(crate) of_extra: Vec<&'a mut [R]>,
}

impl<P: Step, R: Real> WithSimd for BackwardPart<'_, P, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Extents { steps, batch, drives, width, .. } = self.extents;
        let rows = self.samples.len();
        let zeros = vec![R::ZERO; if self.initial.is_none() { width } else { 0 }];
        let (stages, mut source) = (self.products.len().max(1), Vec::new());
        for t in (0..steps).rev() {
            let of_drives = &mut *self.of_drives[t];
            let moment = (rows, t == 0 && self.initial.is_none());
            for stage in (0..stages).rev() {
                let last = stage + 1 == stages;
                let gradients =
                    self.of_initial.chunks_exact_mut(width).zip(of_drives.chunks_exact_mut(drives));
                for (r, (b, (of_state, of_z))) in self.samples.clone().zip(gradients).enumerate() {
                    if let Some(of_states) = self.of_states.filter(|_| last) {
                        for (sum, gradient) in of_state.iter_mut().zip(of_states.row(t, b)) {
                            *sum += *gradient;
                        }
                    }
                    let at = t * batch + b;
                    if !counts(self.mask, at) {
                        of_z.fill(R::ZERO);
                        continue;
                    }
                    let before = match self.initial {
                        _ if t > 0 => &self.states[(at - batch) * width..][..width],
                        Some(initial) => &initial[b * width..][..width],
                        None => &zeros,
                    };
                    let saved = &self.saved[at * drives..][..drives];
                    let extra = self.extra.map_or(&[][..], |extra| extra.row(t, b));
                    let of_extra = match self.of_extra.len() {
                        0 => &mut [][..],
                        _ if self.shared => &mut *self.of_extra[0],
                        _ => &mut self.of_extra[t][r * extra.len()..][..extra.len()],
                    };
                    let row = Gradients { state: of_state, z: of_z, extra: of_extra };
                    self.step.backward(stage, before, extra, saved, row);
                }
                if let Some(product) = self.products.get(stage) {
                    let of_state = (&mut *self.of_initial, width);
                    product.add_gradient(simd, (&mut *of_drives, drives), of_state, moment, &mut source);
                }
            }
        }
    }
}
