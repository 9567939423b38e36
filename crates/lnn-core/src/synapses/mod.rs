//! Chemical synapses: the currents that they cause, on tensors and on rows of plain numbers, and the time loop of units that are
//! joined by them.
//!
//! A synapse from a source of potential x to a unit has a conductance that saturates:
//!
//! ```text
//! s = σ(a x + c)        den = Σ p s        num = Σ q s        (sums over the synapses of a unit)
//! ```
//! with p its largest conductance, q = p E, where E is its reversal potential, a its slope and c = -a μ, where μ is the potential at
//! which it is half open. A synapse costs an exponential and as many sums as it has parameters, nothing of which is a matrix
//! product; `plan.rs` lays the synapses out for vectors, `passes.rs` computes with them.

pub(crate) mod conductances;
pub(crate) mod device_loop;
pub(crate) mod loop_inputs;
pub(crate) mod loop_passes;
pub(crate) mod passes;
pub(crate) mod plan;
pub(crate) mod sensory;
pub(crate) mod stream;
pub(crate) mod sub_steps;
pub(crate) mod unit_loop;

pub use sub_steps::OdeSolver;
