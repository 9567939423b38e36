//! The forward pass of the fused time loop for a single sample: the units are cut into parts, since there are no samples to
//! distribute.
//!
//! A step of a thousand units reads megabytes of weights; each thread reads a part of them, and the threads exchange their results after
//! each step.

use crate::kernels::panels::Panels;
use crate::kernels::real::Real;
use crate::scan::board::{Board, Leaving, run_together};
use crate::scan::passes::counts;
use crate::scan::step::Step;
use lnn_sys::Rows;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// The input of all parts. `projected` and `extra` are `[T, 1, H]`.
#[derive(Clone, Copy)]
pub(crate) struct OneSample<'a, P, R> {
    pub(crate) step: P,
    pub(crate) units: usize,
    pub(crate) panels: &'a Panels<R>,
    pub(crate) projected: Rows<'a, R>,
    pub(crate) extra: Option<Rows<'a, R>>,
    pub(crate) initial: Option<&'a [R]>,
    pub(crate) mask: Option<&'a [bool]>,
}

/// A part of the units and its results, one piece per step.
pub(crate) struct UnitPart<'a, R> {
    pub(crate) units: Range<usize>,
    pub(crate) states: Vec<&'a mut [R]>,
    /// Empty if no gradient will be asked for.
    pub(crate) saved: Vec<&'a mut [R]>,
}

/// Runs all parts, each on a thread.
pub(crate) fn run_units<P: Step, R: Real>(sample: OneSample<'_, P, R>, parts: Vec<UnitPart<'_, R>>) {
    let width = |part: &UnitPart<'_, R>| part.units.len();
    run_together(parts, width, |part, index, board| {
        Arch::new().dispatch(UnitPass { sample, part, index, board });
    });
}

struct UnitPass<'a, P, R> {
    sample: OneSample<'a, P, R>,
    part: UnitPart<'a, R>,
    index: usize,
    board: &'a Board<R>,
}

impl<P: Step, R: Real> WithSimd for UnitPass<'_, P, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let OneSample { step, units: all, panels, projected, extra, initial, mask } = self.sample;
        let UnitPart { units, states, mut saved } = self.part;
        let _leaving = Leaving(self.board);
        let mut before = initial.map_or_else(|| vec![R::ZERO; all], <[R]>::to_vec);
        let mut scratch = vec![R::ZERO; if saved.is_empty() { units.len() } else { 0 }];
        for (t, out) in states.into_iter().enumerate() {
            let z = saved.get_mut(t).map_or(scratch.as_mut_slice(), |saved| saved);
            z.copy_from_slice(&projected.row(t, 0)[units.clone()]);
            if t > 0 || initial.is_some() {
                panels.add_row(simd, z, &before, units.clone());
            }
            let own = &before[units.clone()];
            if counts(mask, t) {
                let extra = extra.map_or(&[][..], |extra| &extra.row(t, 0)[units.clone()]);
                step.forward(0, own, extra, z, out);
            } else {
                out.copy_from_slice(own);
            }
            self.board.exchange(t, self.index, out, &mut before);
        }
    }
}
