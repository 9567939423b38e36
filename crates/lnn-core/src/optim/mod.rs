//! Optimisers.

pub(crate) mod adamw;
pub(crate) mod clipping;
pub(crate) mod muon;
pub(crate) mod optimizer;
pub(crate) mod step_clock;

pub use adamw::{AdamW, AdamWConfig};
pub use clipping::clip_global_norm;
pub use muon::{Muon, MuonConfig};
pub use optimizer::{Optimizer, OptimizerConfig};
