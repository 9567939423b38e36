//! The mathematics of liquid neural networks on libtorch tensors: recurrent cells, their time loops, layers, initialisers,
//! named parameters, optimisers and ridge regression.
//!
//! Shapes are batch first: `x [B,T,I]` is a batch of sequences, `dt [B,T]` the time between steps, `mask [B,T]` is true at
//! valid steps, `h [B,H]` is a state. The crate does not touch files, print, or know command-line flags.
//!
//! ```no_run
//! use lnn_core::{Cell, LeakyReservoir, Parameters, ReservoirConfig, Sequence};
//! use tch::{Device, Kind};
//!
//! # fn main() -> Result<(), lnn_core::Error> {
//! let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
//! let config = ReservoirConfig {
//!     units: 500, spectral_radius: 0.9, leak_rate: 0.3, input_scale: 0.1, bias_scale: 0.0,
//!     density: 1.0, leak_range: None,
//! };
//! let reservoir = LeakyReservoir::new(&mut parameters.root(), 28, &config)?;
//! let x = lnn_core::random::rand([64, 28, 28], (Kind::Float, Device::Cpu));
//! let run = reservoir.scan(Sequence::new(&x), None)?;
//! assert_eq!(run.outputs.size(), [64, 28, 500]);
//! # Ok(())
//! # }
//! ```

mod cells;
mod contract;
mod error;
mod kernels;
mod layers;
mod optim;
mod parameters;
pub mod random;
mod recurrence;
mod regression;
mod scan;
mod synapses;
mod wiring;

pub use cells::{
    Backbone, BackboneActivation, ClosedForm, ClosedFormConfig, ClosedFormMode, Gru, LeakyReservoir,
    LinearLiquid, LiquidTimeConstant, LiquidTimeConstantConfig, LiquidTimeStep, LiquidTimeStepConfig, Lstm,
    MixedMemory, ReservoirConfig, Solver, SpikingConfig, SpikingReservoir, Surrogate, TauForm, TimeConstants,
    WiredClosedForm, encode_current, encode_delta, encode_latency, encode_rate,
};
pub use contract::{
    ContractError, Criterion, Cut, Input, InputShape, InputSpec, Loss, Matching, Missing, Per, Rows,
    SampleSet, Samples, Task, Timing, Windows, last_known, nearest_name, steps_where,
};
pub use error::Error;
pub use layers::{
    Activation, BatchNorm, Convolution, ConvolutionConfig, Dense, SequenceWhitening, SharedBatch, Whitening,
    sharing_batches,
};
pub use optim::{AdamW, AdamWConfig, Muon, MuonConfig, Optimizer, OptimizerConfig, clip_global_norm};
pub use parameters::{Init, Parameter, Parameters, Role, Scope, Script, scale_to_radius, spectral_radius};
pub use random::{Share, derive_seed, seeded, seeded_share};
pub use recurrence::{Cell, Run, Sequence, State, scan_in_parts};
pub use regression::{
    Moments, OnlineRegression, OnlineRule, RidgeRegression, RidgeSolution, RidgeSystem, Statistics,
};
pub use synapses::OdeSolver;
pub use wiring::{Layer, NcpConfig, Synapse, Wiring, WiringConfig};
