//! How fast the parts work on this machine: named works, made ready once and then repeated for a while.
//!
//! A work is small enough to be written down again for another library, number for number; `scripts/compare` does that and
//! sets both side by side.

mod leaky;
mod liquid;
mod memory;
mod model;
mod prepared;
mod report;
mod run;
mod shape;
mod spiking;
mod timing;
mod training_step;
mod work;

pub use report::Report;
pub use run::run;
pub use shape::Shape;
pub use work::{Pass, Work};
