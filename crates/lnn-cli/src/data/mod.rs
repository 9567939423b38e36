//! Where images come from: the sets known by name, IDX files on disk, and the split into training and validation.
//!
//! [`open()`] turns what stands after `--data` into an [`ImageData`]; for a known set it first calls [`fetch()`], which
//! downloads what is missing into the data folder ([`Cache`]) and lets nothing in whose SHA-256 sum is not the one
//! pinned in [`catalog`]. Nothing here knows tensors: images stay bytes until the trainer asks for a batch.
//!
//! **A new set goes here:** if it comes as IDX files, one more entry in [`catalog::KNOWN_SETS`] is all. Another
//! file format is one more module with a function that returns [`ImageData`], and one more line in [`open()`].

pub mod cache;
pub mod catalog;
mod dataset;
pub mod debian;
pub mod download;
pub mod error;
pub mod fetch;
pub mod idx;
pub mod idx_folder;
pub mod image_set;
pub mod mnist_wheel;
pub mod open;
pub mod package_index;
mod sequence_set;
pub mod series;
pub mod split;
pub mod toy;
mod verified;

pub use cache::Cache;
pub use dataset::Dataset;
pub use error::DataError;
pub use fetch::{Listing, Progress, fetch, list, verify};
pub use image_set::{ImageData, ImageSet};
pub use open::open;
pub use sequence_set::{Parts, SequenceData, SequenceSet, SequenceSource};
pub use series::SeriesError;
pub use split::split;
