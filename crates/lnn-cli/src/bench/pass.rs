//! What is computed of a workload.

use clap::ValueEnum;
use serde::Serialize;

/// The computation of a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pass {
    /// A training step: forward, backward, optimiser
    Train,
    /// Forward, without gradients
    Inference,
}

impl Pass {
    /// Returns the name as on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
