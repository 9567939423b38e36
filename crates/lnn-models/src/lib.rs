//! Liquid neural networks put together out of `lnn-core`, and the file format in which they are kept.
//!
//! A [`ModelConfig`] and an [`InputSpec`] become a [`Model`]; a [`Model`] and what a trainer adds become a
//! [`Checkpoint`]; a checkpoint becomes the same model again. Nothing here knows data sets or the training loop.

mod atomic_write;
mod checkpoint;
mod cifar;
mod cllnn;
mod config;
mod error;
mod export;
mod exported;
mod growth;
mod liquid;
mod lnn;
mod model;
mod output;
mod preprocessing;
mod readout;
mod residual_front;
mod scan;
mod snlnn;
mod summary;

pub use atomic_write::write_atomically;
pub use checkpoint::{Checkpoint, Description, FORMAT_VERSION};
pub use cifar::{CifarConfig, Dynamics};
pub use cllnn::CllnnConfig;
pub use config::{ModelConfig, ModelKind, Preset, ReservoirSettings};
pub use error::Error;
pub use export::{EXPORT_VERSION, ExportDescription, Extent, TensorContract};
pub use exported::Exported;
pub use growth::{Birth, Growth, GrowthMemory, GrowthRule};
pub use liquid::{LiquidConfig, LiquidInit};
pub use lnn::LnnConfig;
pub use lnn_core::{Input, InputShape, InputSpec, Per, SampleSet, Samples, Task, Timing};
pub use model::{Model, Network};
pub use output::{Activity, Mode, Output};
pub use preprocessing::Standardization;
pub use readout::{Readout, ReadoutFit, ReadoutSystem, RidgeStart};
pub use scan::Scan;
pub use snlnn::{Encoding, SnlnnConfig, SpikeSummary};
pub use summary::Summary;
