//! The contract of a recurrent cell: its input, its state, its step, and the time loop over its steps.

pub(crate) mod cell;
pub(crate) mod script;
pub(crate) mod sequence;
pub(crate) mod state;
pub(crate) mod truncated;

pub use cell::Cell;
pub use sequence::Sequence;
pub use state::{Run, State};
pub use truncated::scan_in_parts;
