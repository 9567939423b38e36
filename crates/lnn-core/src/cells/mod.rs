//! The recurrent cells, one file each: its equation, its symbols, its source, and its TorchScript.

pub(crate) mod approach;
pub(crate) mod closed_form;
pub(crate) mod closed_form_config;
pub(crate) mod closed_form_step;
pub(crate) mod gru;
pub(crate) mod gru_step;
pub(crate) mod leaky_reservoir;
pub(crate) mod linear_liquid;
pub(crate) mod liquid_config;
pub(crate) mod liquid_time_constant;
pub(crate) mod liquid_time_constant_script;
pub(crate) mod liquid_time_step;
pub(crate) mod lstm;
pub(crate) mod mixed_memory;
pub(crate) mod moving_rate;
pub(crate) mod reservoir_config;
pub(crate) mod sparse_reservoir;
pub(crate) mod sparse_sample;
pub(crate) mod sparse_synapses;
pub(crate) mod spike_encoding;
pub(crate) mod spiking_config;
pub(crate) mod spiking_pass;
pub(crate) mod spiking_reservoir;
pub(crate) mod surrogate;
pub(crate) mod wired_closed_form;

pub use closed_form::ClosedForm;
pub use closed_form_config::{Backbone, BackboneActivation, ClosedFormConfig, ClosedFormMode};
pub use gru::Gru;
pub use leaky_reservoir::LeakyReservoir;
pub use linear_liquid::LinearLiquid;
pub use liquid_config::{LiquidTimeStepConfig, Solver, TauForm, TimeConstants};
pub use liquid_time_constant::{LiquidTimeConstant, LiquidTimeConstantConfig};
pub use liquid_time_step::LiquidTimeStep;
pub use lstm::Lstm;
pub use mixed_memory::MixedMemory;
pub use reservoir_config::ReservoirConfig;
pub use spike_encoding::{encode_current, encode_delta, encode_latency, encode_rate};
pub use spiking_config::SpikingConfig;
pub use spiking_reservoir::SpikingReservoir;
pub use surrogate::Surrogate;
pub use wired_closed_form::WiredClosedForm;

#[cfg(test)]
mod fused_test_cells;
#[cfg(test)]
mod fused_tests;
