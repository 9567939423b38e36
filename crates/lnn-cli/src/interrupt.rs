//! Ctrl-C and SIGTERM: the first signal stops the run after its step, the second stops the process at once.

use crate::failure::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that the signal handler sets and the trainer reads.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Installs the handler, once per process.
    ///
    /// # Errors
    /// [`Failure::Run`] if a handler is already installed.
    pub fn install() -> Result<Self, Failure> {
        let flag = Self::default();
        let handler_flag = flag.clone();
        ctrlc::set_handler(move || {
            if handler_flag.0.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\ninterrupted: finishing the step and saving (once more to stop at once)");
        })
        .map_err(|error| Failure::run(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(flag)
    }

    /// Stops the run after its step, as Ctrl-C does.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the run should stop.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
