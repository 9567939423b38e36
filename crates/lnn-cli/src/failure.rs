//! The failures of a command, with their exit codes.

use crate::output::say_error;
use lnn_data::{DataError, NpyError};
use lnn_models::Error as ModelError;
use lnn_train::Error as TrainError;
use std::fmt::Display;

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request was invalid: exit code 2.
    #[error("{0:#}")]
    Request(anyhow::Error),
    /// The run failed: exit code 1.
    #[error("{0:#}")]
    Run(anyhow::Error),
    /// The user interrupted the run: exit code 130.
    #[error("{0:#}")]
    Interrupted(anyhow::Error),
    /// The run is saved and is to be started again: exit code 75.
    #[error("{0:#}")]
    StartAgain(anyhow::Error),
}

impl Failure {
    /// Returns the failure for an invalid request.
    pub fn request(reason: impl Display) -> Self {
        Self::Request(anyhow::Error::msg(reason.to_string()))
    }

    /// Returns the failure for a failed run.
    pub fn run(reason: impl Display) -> Self {
        Self::Run(anyhow::Error::msg(reason.to_string()))
    }

    /// Returns the failure for an interrupted run that is saved.
    pub fn interrupted() -> Self {
        Self::Interrupted(anyhow::Error::msg("interrupted; the run is saved"))
    }

    /// A run that SIGUSR1 has stopped; `again` says how to go on.
    pub fn start_again(again: &str) -> Self {
        Self::StartAgain(anyhow::Error::msg(format!("stopped by SIGUSR1; {again}")))
    }

    /// Returns the process exit code: 2, 1, 130 or 75.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Request(_) => 2,
            Self::Run(_) => 1,
            Self::Interrupted(_) => 130,
            Self::StartAgain(_) => 75,
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match &error {
            ModelError::Core(lnn_core::Error::Torch(_) | lnn_core::Error::Sys(_)) | ModelError::Diverged => {
                Self::run(error)
            }
            _ => Self::request(error),
        }
    }
}

impl From<lnn_sys::Error> for Failure {
    fn from(error: lnn_sys::Error) -> Self {
        ModelError::from(lnn_core::Error::from(error)).into()
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match &error {
            // The request was valid, but the network or the disk failed.
            DataError::AllSourcesFailed { .. } => Self::run(error),
            DataError::DataFolderNotWritable { source, .. } if lnn_models::lacks_room(source) => {
                Self::run(error)
            }
            _ => Self::request(error),
        }
    }
}

impl From<NpyError> for Failure {
    fn from(error: NpyError) -> Self {
        match &error {
            NpyError::Memory { .. } => Self::run(error),
            _ => Self::request(error),
        }
    }
}

impl From<lnn_core::Error> for Failure {
    fn from(error: lnn_core::Error) -> Self {
        ModelError::from(error).into()
    }
}

impl From<lnn_core::ContractError> for Failure {
    fn from(error: lnn_core::ContractError) -> Self {
        ModelError::from(error).into()
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Data(error) => error.into(),
            // A disk that fills up during the run is not an invalid request.
            TrainError::Model(error @ ModelError::Io { .. }) => Self::run(error),
            TrainError::Model(error) => error.into(),
            TrainError::Stopped(reason) => Self::Interrupted(anyhow::Error::msg(reason)),
            TrainError::Io { .. }
            | TrainError::NonFinite { .. }
            | TrainError::Memory { .. }
            | TrainError::Observer(_)
            | TrainError::Unrecorded(_) => Self::run(error),
            TrainError::Setting { .. } | TrainError::Configuration(_) | TrainError::Folder(_) => {
                Self::request(error)
            }
        }
    }
}

/// Reports panics as bugs in one line, without a stack trace, and exits with 1.
pub fn report_panics_as_bugs() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("no message");
        // The messages of libtorch contain a C++ stack trace after the first line.
        let text = text.lines().next().unwrap_or(text);
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if is_lack_of_memory(text) {
            let bytes = text.split_once("tried to allocate ").and_then(|(_, rest)| rest.split_once(" bytes"));
            let what = bytes.map_or_else(|| format!("({text})"), |(bytes, _)| format!("for {bytes} bytes"));
            say_error(&format!(
                "error: not enough memory {what}; hint: less data, a smaller model or a smaller batch needs less"
            ));
        } else {
            say_error(&format!("internal error: {text} ({place})"));
            say_error("hint: this is a bug; RUST_BACKTRACE=1 shows more");
        }
        // Not `std::process::exit`: its destructors crash while other threads still compute.
        signal_hook::low_level::exit(1);
    }));
}

/// Whether the message of a panic says that there was no memory, or no thread, to be had from the system.
fn is_lack_of_memory(text: &str) -> bool {
    const SIGNS: [&str; 7] = [
        "DefaultCPUAllocator",
        "allocate memory",
        "not enough memory",
        "out of memory",
        "bad_alloc",
        "OutOfMemory",
        "Resource temporarily unavailable",
    ];
    SIGNS.iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_allocation_of_libtorch_is_told_from_a_bug() {
        let text = "called `Result::unwrap()` on an `Err` value: Torch(\"[enforce fail at alloc_cpu.cpp:127] err == 0. \
                    DefaultCPUAllocator: can't allocate memory: you tried to allocate 36028797018963968 bytes.";
        assert!(is_lack_of_memory(text) && is_lack_of_memory("std::bad_alloc"));
        assert!(!is_lack_of_memory("index out of bounds: the len is 3 but the index is 4"));
    }
}
