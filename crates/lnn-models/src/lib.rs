//! Liquid neural networks put together out of `lnn-core`, and the file format in which they are kept.
//!
//! A [`ModelConfig`] and an [`InputSpec`] become a [`Model`]; a [`Model`] and what a trainer adds become a
//! [`Checkpoint`]; a checkpoint becomes the same model again. Nothing here knows data sets or the training loop.

mod config;
mod error;
mod files;
mod model;
mod networks;
mod output;
mod parts;
mod preset;

pub use config::{ModelConfig, ModelKind};
pub use error::Error;
pub use files::atomic_write::write_atomically;
pub use files::checkpoint::{Checkpoint, Description, FORMAT_VERSION};
pub use files::export::{EXPORT_VERSION, ExportDescription, Extent, TensorContract};
pub use files::exported::Exported;
pub use lnn_core::{Input, InputShape, InputSpec, Per, SampleSet, Samples, Task, Timing};
pub use model::Model;
pub use networks::cifar::{CifarConfig, Dynamics};
pub use networks::cllnn::CllnnConfig;
pub use networks::liquid::{LiquidConfig, LiquidInit};
pub use networks::lnn::LnnConfig;
pub use networks::network::Network;
pub use networks::snlnn::{Encoding, SnlnnConfig, SpikeSummary};
pub use output::{Activity, Mode, Output};
pub use parts::growth::{Birth, Growth, GrowthMemory, GrowthRule};
pub use parts::reading_order::Scan;
pub use parts::readout::{Readout, ReadoutFit, ReadoutSystem, RidgeStart};
pub use parts::reservoir_settings::ReservoirSettings;
pub use parts::standardization::Standardization;
pub use parts::summary::Summary;
pub use preset::Preset;
