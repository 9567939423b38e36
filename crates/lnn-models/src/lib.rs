//! Models of liquid neural networks, assembled from `lnn-core`, and the files in which they are stored.
//!
//! A [`ModelConfig`] and an [`InputSpec`] build a [`Model`]. A model and the state of a trainer are stored in a [`Checkpoint`], from
//! which the same model is loaded; [`Checkpoint::to_torchscript`] exports it for Python, and [`Exported`] reads it back. Data sets and
//! the training loop are in other crates.
//!
//! | folder | holds |
//! |---|---|
//! | `networks` | one file or folder per network, with its configuration and presets; `recurrent` is shared by several models |
//! | `parts` | what networks are assembled from: readout, summaries, reading order, growth, preprocessing |
//! | `files` | checkpoints and exported modules |

mod config;
mod error;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod model;
mod networks;
mod output;
mod parts;
mod preset;

pub use config::{ModelConfig, ModelKind};
pub use error::Error;
pub use files::atomic_write::{check_writable, lacks_room, sweep_scraps, write_atomically};
pub use files::checkpoint::{Checkpoint, Description, FORMAT_VERSION};
pub use files::export::{EXPORT_VERSION, ExportDescription, Extent, TensorContract};
pub use files::exported::Exported;
pub use files::stream_state::StreamState;
pub use files::tensor_info::TensorInfo;
pub use files::torchscript::NamedTensor;
pub use files::transfer::Transfer;
pub use lnn_core::{Input, InputShape, InputSpec, Missing, Per, SampleSet, Samples, Task, Timing};
pub use model::{Model, Spread, Stream, Training};
pub use networks::cfc::CfcConfig;
pub use networks::cifar::{CifarConfig, Dynamics};
pub use networks::cllnn::CllnnConfig;
pub use networks::gated::{GatedConfig, GruConfig, LstmConfig};
pub use networks::liquid::{LiquidConfig, LiquidInit};
pub use networks::lnn::config::LnnConfig;
pub use networks::ltc::LtcConfig;
pub use networks::network::{Network, Stepping};
pub use networks::snlnn::config::{Encoding, SnlnnConfig, SpikeSummary};
pub use networks::state::ModelState;
pub use output::{Activity, Mode, Output};
pub use parts::growth::{AddedUnits, Grown, Growth, GrowthRule};
pub use parts::plateau::PlateauMemory;
pub use parts::reading_order::Scan;
pub use parts::readout::{Readout, ReadoutFit, ReadoutSystem, RidgeStart};
pub use parts::reservoir_settings::ReservoirSettings;
pub use parts::standardization::Standardization;
pub use parts::summary::Summary;
pub use preset::{Preset, PresetInfo};
