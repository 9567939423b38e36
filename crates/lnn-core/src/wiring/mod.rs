//! Wirings: which units of a cell are joined by synapses, and with which polarity.

pub(crate) mod config;
pub(crate) mod graph;
pub(crate) mod ncp;

pub use config::WiringConfig;
pub use graph::{Layer, Synapse, Wiring};
pub use ncp::NcpConfig;
