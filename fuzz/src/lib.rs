//! Fuzz targets: one function per reader, which must neither panic nor abort nor take much memory, whatever the bytes are.
//!
//! `scripts/fuzz` runs them under libFuzzer; `tests/seeds.rs` replays the seeds under `seeds/TARGET/`. A new reader is a function here, a
//! line in [`TARGETS`], and a folder of seeds.

mod files;
mod stream;

use lnn_data::fuzzing as data;
use lnn_models::fuzzing as models;

/// A function that reads bytes.
pub type Target = fn(&[u8]);

/// The targets with their names.
pub const TARGETS: [(&str, Target); 15] = [
    ("idx", files::idx),
    ("gzip", files::gzip),
    ("tar", data::tar),
    ("cifar10", data::cifar10),
    ("images", data::image),
    ("csv", files::csv),
    ("ts", files::ts),
    ("stream", stream::lines),
    ("stream-state", files::stream_state),
    ("npy", files::npy),
    ("npz", files::npz),
    ("config", files::config),
    ("checkpoint", files::checkpoint),
    ("pt", files::module),
    ("pickle", models::pickle),
];

/// Returns the target of this name.
///
/// # Panics
/// If there is none; the message names all.
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let names = || TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.map_or_else(|| panic!("expected a target of {}, found {name:?}", names()), |(_, target)| *target)
}
