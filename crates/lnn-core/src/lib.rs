//! The mathematics of liquid neural networks on libtorch tensors: cells, time loops, reservoirs, initialisers and
//! the optimiser.
//!
//! Shapes are batch first throughout: `x [B,T,I]` a batch of sequences, `dt [B,T]` the time between steps,
//! `mask [B,T]` which steps count, `h [B,H]` a state. Nothing here touches files, prints, or knows a flag.
//!
//! ```no_run
//! use lnn_core::{Cell, LeakyReservoir, Parameters, ReservoirConfig, Sequence};
//! use tch::{Device, Kind, Tensor};
//!
//! # fn main() -> Result<(), lnn_core::Error> {
//! let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
//! let config = ReservoirConfig {
//!     units: 500, spectral_radius: 0.9, leak_rate: 0.3, input_scale: 0.1, bias_scale: 0.0,
//! };
//! let reservoir = LeakyReservoir::new(&mut parameters.root(), 28, &config)?;
//! let x = Tensor::rand([64, 28, 28], (Kind::Float, Device::Cpu));
//! let run = reservoir.scan(Sequence::new(&x), None)?;
//! assert_eq!(run.outputs.size(), [64, 28, 500]);
//! # Ok(())
//! # }
//! ```

mod activation;
mod adamw;
mod batch_norm;
mod cell;
mod channel_moments;
mod contract;
mod convolution;
mod dense;
mod device_scan;
mod error;
mod fused_passes;
mod fused_scan;
mod image_parts;
mod init;
mod leaky_reservoir;
mod linear_liquid;
mod liquid_time_step;
mod lstm;
mod moments;
mod moving_rate;
mod muon;
mod normalized_activation;
mod normalized_passes;
mod optimizer;
mod panels;
mod parameters;
mod pointwise;
mod pooling_passes;
mod random;
mod ridge;
mod scan_extents;
mod scan_inputs;
mod script;
mod sequence;
mod sequence_whitening;
mod spectral_radius;
mod spike_encoding;
mod spiking_pass;
mod spiking_reservoir;
mod step_clock;
mod streaming;
mod surrogate;
mod unit_passes;
mod vector_math;
mod whitening;
mod winograd;
mod winograd_passes;
mod winograd_transforms;

pub use activation::Activation;
pub use adamw::{AdamW, AdamWConfig};
pub use batch_norm::BatchNorm;
pub use cell::{Cell, Run, State};
pub use contract::{
    ContractError, Input, InputShape, InputSpec, Per, SampleSet, Samples, Task, Timing, Windows,
};
pub use convolution::{Convolution, ConvolutionConfig};
pub use dense::Dense;
pub use error::Error;
pub use init::Init;
pub use leaky_reservoir::{LeakyReservoir, ReservoirConfig};
pub use linear_liquid::LinearLiquid;
pub use liquid_time_step::{LiquidTimeStep, LiquidTimeStepConfig, Solver, TauForm, TimeConstants};
pub use lstm::Lstm;
pub use moments::Moments;
pub use muon::{Muon, MuonConfig};
pub use optimizer::{Optimizer, OptimizerConfig};
pub use parameters::{Parameter, Parameters, Role, Scope};
pub use random::{derive_seed, seeded};
pub use ridge::{RidgeRegression, RidgeSolution, RidgeSystem};
pub use script::Script;
pub use sequence::Sequence;
pub use sequence_whitening::SequenceWhitening;
pub use spectral_radius::{scale_to_radius, spectral_radius};
pub use spike_encoding::{encode_current, encode_delta, encode_latency, encode_rate};
pub use spiking_reservoir::{SpikingConfig, SpikingReservoir};
pub use surrogate::Surrogate;
pub use whitening::Whitening;
