//! What happens when Rust finds no memory: by default the process aborts, as it does for a bug.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an allocation has failed in this process.
static FAILED: AtomicBool = AtomicBool::new(false);

const MESSAGE: &[u8] =
    b"error: not enough memory; hint: less data, a smaller model or a smaller batch needs less\n";

/// An allocator that remembers whether an allocation failed, for [`exit_when_memory_runs_out`].
#[derive(Debug)]
pub struct Remembering<A>(pub A);

// SAFETY: every call is passed on unchanged to an allocator that keeps the contract.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Remembering<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        noted(unsafe { self.0.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        noted(unsafe { self.0.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`, which is the same.
        noted(unsafe { self.0.realloc(block, layout, size) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { self.0.dealloc(block, layout) }
    }
}

fn noted(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        FAILED.store(true, Ordering::Relaxed);
    }
    block
}

/// Makes an abort after a failed allocation print one line about the lack of memory and exit with 1. Without a failed allocation an
/// abort stays one. The process needs [`Remembering`] as its global allocator.
pub fn exit_when_memory_runs_out() {
    let handler: extern "C" fn(c_int) = on_abort;
    // SAFETY: the handler calls nothing that is forbidden in a signal handler, and stays for the whole life of the process.
    unsafe {
        libc::signal(libc::SIGABRT, handler as libc::sighandler_t);
    }
}

/// Returns after an abort for another reason, whereupon `abort` ends the process as it does without a handler.
extern "C" fn on_abort(_signal: c_int) {
    if FAILED.load(Ordering::Relaxed) {
        // SAFETY: `write` and `_exit` may be called in a signal handler; the message is a live constant of this length.
        unsafe {
            libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn a_failed_allocation_is_remembered() {
        let (allocator, layout) =
            (Remembering(System), Layout::from_size_align(isize::MAX as usize, 1).unwrap());
        // SAFETY: the layout is not empty, and nothing is done with a block that was not allocated.
        let block = unsafe { allocator.alloc(layout) };
        // The optimiser may otherwise leave the allocation out and suppose that it succeeded.
        assert!(std::hint::black_box(block).is_null());
        assert!(FAILED.load(Ordering::Relaxed));
    }
}
