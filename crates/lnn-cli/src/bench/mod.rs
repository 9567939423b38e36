//! Benchmarks: named workloads, prepared once and then repeated for a fixed duration.
//!
//! Each workload is small enough to be implemented in another library with the same numbers; `scripts/compare` does this and
//! prints both results side by side.

mod collective;
mod continuous;
mod leaky;
mod liquid;
mod memory;
mod model;
mod pass;
mod prepared;
mod report;
mod run;
mod shape;
mod spiking;
mod timing;
mod training_step;
mod work;

pub use collective::{Exchange, exchange};
pub use pass::Pass;
pub use report::Report;
pub use run::run;
pub use shape::Shape;
pub use work::Work;
