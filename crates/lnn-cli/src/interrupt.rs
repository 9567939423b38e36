//! SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal): a run that trains is saved after its step; before and after training the
//! process ends at once. SIGUSR1, which a scheduler sends before the time of a job is over, does the same and ends with the exit code
//! that asks to be started again.

use crate::failure::Failure;
use crate::output::say;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag::{register, register_conditional_shutdown};
use signal_hook::iterator::Signals;
use std::ffi::c_int;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a process that was interrupted.
const INTERRUPTED: c_int = 130;

/// The exit code of a process that asks to be started again, `EX_TEMPFAIL` of `sysexits.h`.
const START_AGAIN: c_int = 75;

/// The flags that signal handlers and the trainer share.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// Whether the run should stop after its step.
    requested: Arc<AtomicBool>,
    /// Whether there is nothing to save, so that the first signal ends the process.
    unsaved: Arc<AtomicBool>,
    /// Whether SIGUSR1 came.
    start_again: Arc<AtomicBool>,
}

impl Interrupt {
    /// Installs the handlers, once per process. Until [`Self::save_first`] is called, a signal ends the process with exit code 130, or
    /// 75 for SIGUSR1.
    ///
    /// A signal that the parent process ignores stays ignored, as by `nohup`.
    ///
    /// # Errors
    /// [`Failure::Run`] if the handlers cannot be installed.
    pub fn install() -> Result<Self, Failure> {
        Self::try_install().map_err(|error| Failure::run(format!("cannot listen for Ctrl-C: {error}")))
    }

    fn try_install() -> io::Result<Self> {
        let flags = Self::default();
        flags.end_at_once();
        let ignored = ignored_signals(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        let listened: Vec<c_int> = [SIGINT, SIGTERM, SIGHUP, SIGUSR1]
            .into_iter()
            .filter(|signal| ignored & bit(*signal) == 0)
            .collect();
        let pressed = Arc::new(AtomicBool::new(false));
        for &signal in &listened {
            let code = if signal == SIGUSR1 { START_AGAIN } else { INTERRUPTED };
            register_conditional_shutdown(signal, code, Arc::clone(&flags.unsaved))?;
            if signal == SIGUSR1 {
                register(signal, Arc::clone(&flags.start_again))?;
            }
            // A second SIGHUP is not a second request: the kernel and the shell may each send one for the same terminal. Likewise a
            // scheduler may send SIGUSR1 to a job and to each of its steps.
            if signal != SIGHUP && signal != SIGUSR1 {
                // The order matters: the first signal finds the flag unset.
                register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&pressed))?;
                register(signal, Arc::clone(&pressed))?;
            }
            register(signal, Arc::clone(&flags.requested))?;
        }
        let mut signals = Signals::new(listened)?;
        std::thread::Builder::new().name("signals".into()).spawn(move || match signals.forever().next() {
            Some(SIGUSR1) => say("\nSIGUSR1: finishing the step and saving"),
            Some(_) => say("\ninterrupted: finishing the step and saving (once more to stop at once)"),
            None => {}
        })?;
        Ok(flags)
    }

    /// From here on the first signal requests that the run stops and is saved; a second one ends the process.
    pub fn save_first(&self) {
        self.unsaved.store(false, Ordering::SeqCst);
    }

    /// From here on a signal ends the process with exit code 130, because there is nothing to save.
    pub fn end_at_once(&self) {
        self.unsaved.store(true, Ordering::SeqCst);
    }

    /// Returns the failure of work that was stopped, for a `reason`; `again` says how to go on after SIGUSR1.
    pub fn failure(&self, reason: anyhow::Error, again: &str) -> Failure {
        match self.starts_again() {
            true => Failure::start_again(again),
            false => Failure::Interrupted(reason),
        }
    }

    /// Whether SIGUSR1 came, so that a run that was stopped asks to be started again.
    pub fn starts_again(&self) -> bool {
        self.start_again.load(Ordering::SeqCst)
    }

    /// Whether the run should stop.
    pub fn requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }
}

/// Returns the signals that the parent process ignores, as bits, from the text of `/proc/self/status`; none if there is no such text.
fn ignored_signals(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Returns the bit of a signal in a mask of `/proc/self/status`.
fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let ignored = ignored_signals("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n");
        assert!(ignored & bit(SIGHUP) != 0 && ignored & bit(SIGINT) == 0 && ignored & bit(SIGTERM) == 0);
        assert_eq!(ignored_signals("Name:\tlnn-cli\n"), 0);
        assert_eq!(ignored_signals("SigIgn:\tnothing\n"), 0);
    }
}
