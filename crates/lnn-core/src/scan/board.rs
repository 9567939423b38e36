//! Where threads that share a time loop exchange their results after each step.
//!
//! After each step every thread needs the results of the others, so the threads wait for each other in a busy loop: waking a thread takes as
//! long as the step. All parts must run at the same time, which libtorch's own threads do not guarantee; therefore they have threads of
//! their own.

use crate::kernels::real::Real;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// How often a thread checks for the others before it yields its core.
const LOOKS: u32 = 1 << 12;
/// More than all arrivals of a sequence.
const ALL: usize = usize::MAX / 2;

/// Where the parts exchange their results of a step. There are two sets of places, used in turns: a part that is one step ahead
/// does not write where another still reads.
pub(crate) struct Board<R> {
    places: [Vec<RwLock<Vec<R>>>; 2],
    arrived: AtomicUsize,
}

impl<R: Real> Board<R> {
    pub(crate) fn new(widths: &[usize]) -> Self {
        let places = || widths.iter().map(|width| RwLock::new(vec![R::ZERO; *width])).collect();
        Self { places: [places(), places()], arrived: AtomicUsize::new(0) }
    }

    /// Writes the result `made` of part `index` for step `t`, and reads those of all parts.
    pub(crate) fn exchange(&self, t: usize, index: usize, made: &[R], all: &mut [R]) {
        let places = &self.places[t % 2];
        places[index].write().unwrap_or_else(PoisonError::into_inner).copy_from_slice(made);
        self.arrived.fetch_add(1, Ordering::Release);
        let mut looks = 0;
        while self.arrived.load(Ordering::Acquire) < (t + 1) * places.len() {
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        let mut rest = all;
        for place in places {
            let made = place.read().unwrap_or_else(PoisonError::into_inner);
            let (piece, behind) = rest.split_at_mut(made.len());
            piece.copy_from_slice(&made);
            rest = behind;
        }
    }
}

/// Runs all parts of a sample at the same time, the first one on the calling thread; `width` is the number of units of a part.
pub(crate) fn run_together<R: Real, P: Send>(
    parts: Vec<P>,
    width: impl Fn(&P) -> usize,
    run: impl Fn(P, usize, &Board<R>) + Sync,
) {
    let widths: Vec<_> = parts.iter().map(width).collect();
    let board = Board::new(&widths);
    let (board, run) = (&board, &run);
    std::thread::scope(|scope| {
        for (index, part) in parts.into_iter().enumerate().rev() {
            if index == 0 {
                run(part, index, board);
            } else {
                scope.spawn(move || run(part, index, board));
            }
        }
    });
}

/// Lets the other parts go on when one panics.
pub(crate) struct Leaving<'a, R>(pub(crate) &'a Board<R>);

impl<R> Drop for Leaving<'_, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.arrived.fetch_add(ALL, Ordering::Release);
        }
    }
}
