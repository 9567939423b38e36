//! Work on the threads of libtorch's pool, so that its operations and those of this project never compete for cores.

use crate::ffi;
use std::ffi::c_void;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// Number of threads of libtorch's pool, at least 1.
pub fn threads() -> usize {
    let mut count = 1;
    // SAFETY: the pointer is to a live number, which is written at most once before the call returns.
    let read = ffi::check(unsafe { ffi::lnn_threads(&raw mut count) });
    // Without an answer one thread is the safe number.
    read.ok().and_then(|()| usize::try_from(count).ok()).unwrap_or(1).max(1)
}

/// Splits `0..count` into ranges of about the same length, at most one per thread.
pub fn shares(count: usize) -> Vec<Range<usize>> {
    let size = count.div_ceil(threads()).max(1);
    (0..count).step_by(size).map(|from| from..count.min(from + size)).collect()
}

/// Calls `work` on each of `items`, on the threads of libtorch's pool; a single item runs on the calling thread. No more items run at
/// the same time than [`threads`] says, so an item must not wait for another one.
///
/// # Panics
/// With the panic of an item, after all others have ended; or if libtorch throws.
pub fn parallel_each<I: Send, W: Fn(I) + Sync>(items: Vec<I>, work: W) {
    if items.len() < 2 {
        items.into_iter().for_each(work);
        return;
    }
    let panicked = Mutex::new(None);
    let items: Vec<_> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let run = |i: usize| {
        let item = items[i].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(item) = item
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(item)))
        {
            *panicked.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
        }
    };
    let run: &(dyn Fn(usize) + Sync) = &run;
    // SAFETY: the context is the reference above, which outlives the call; `call` never unwinds, since `run` catches panics.
    let done = ffi::check(unsafe { ffi::lnn_parallel(items.len(), call, (&raw const run).cast()) });
    if let Some(panic) = panicked.into_inner().unwrap_or_else(PoisonError::into_inner) {
        resume_unwind(panic);
    }
    done.unwrap_or_else(|error| panic!("work on several threads: {error}"));
}

unsafe extern "C" fn call(context: *const c_void, index: usize) {
    // SAFETY: `parallel_each` passes a pointer to a live reference of this type.
    unsafe { (*context.cast::<&(dyn Fn(usize) + Sync)>())(index) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_item_is_worked_on_once() {
        for count in [0, 1, 2, 7] {
            let mut found = vec![0; count];
            let calls = AtomicUsize::new(0);
            parallel_each(found.iter_mut().enumerate().collect(), |(i, place)| {
                *place = i + 1;
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(found, (1..=count).collect::<Vec<_>>());
            assert_eq!(calls.into_inner(), count);
        }
    }

    #[test]
    fn shares_follow_each_other_and_leave_nothing_out() {
        for count in [0, 1, 2, 7, 100] {
            let shares = shares(count);
            assert!(shares.len() <= threads() && shares.iter().all(|share| !share.is_empty()));
            assert_eq!(shares.into_iter().flatten().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_of_an_item_comes_out_after_the_others_have_ended() {
        let done = AtomicUsize::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            parallel_each(vec![0, 1, 2], |item| {
                assert!(item != 0, "item {item} fails");
                done.fetch_add(1, Ordering::Relaxed);
            });
        }));
        let panic = outcome.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "item 0 fails");
        assert_eq!(done.into_inner(), 2);
    }
}
