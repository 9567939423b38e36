//! The contract of a recurrent cell: what it reads, what it keeps, its step, and the time loop over its steps.

pub(crate) mod cell;
pub(crate) mod sequence;
pub(crate) mod state;

pub use cell::Cell;
pub use sequence::Sequence;
pub use state::{Run, State};
