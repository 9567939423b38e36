//! Where images come from: the sets known by name, files on disk, and the split into training and validation.
//!
//! [`open()`] turns what stands after `--data` into an [`ImageData`]; for a known set it first calls [`fetch()`], which
//! downloads what is missing into the data folder ([`Cache`]) and lets nothing in whose SHA-256 sum is not the one
//! pinned in [`catalog`]. Nothing here knows tensors: images stay bytes until the trainer asks for a batch.
//!
//! **A new set goes here:** if it comes in a format of [`format::Format`], one more entry in [`catalog::KNOWN_SETS`] is
//! all. Another format is one more module with a function that returns [`ImageData`], and one more line in
//! [`mod@open`] for `--data NAME:PATH`, or a variant of [`format::Format`] if sets known by name come in it, or both.

mod archive;
pub mod cache;
pub mod catalog;
pub mod cifar10;
mod dataset;
pub mod debian;
mod decoding;
pub mod download;
pub mod error;
pub mod fetch;
mod folder_content;
pub mod format;
pub mod idx;
pub mod idx_folder;
pub mod image_folder;
pub mod image_folder_error;
pub mod image_set;
pub mod listing;
pub mod mnist_wheel;
pub mod open;
pub mod package_index;
mod picture;
pub mod progress;
mod sequence_set;
pub mod series;
pub mod source;
pub mod split;
pub mod toy;
mod verified;

pub use cache::Cache;
pub use dataset::Dataset;
pub use error::DataError;
pub use fetch::{fetch, verify};
pub use image_folder_error::ImageFolderError;
pub use image_set::{ImageData, ImageSet};
pub use listing::{Listing, list};
pub use open::open;
pub use progress::Progress;
pub use sequence_set::{Parts, SequenceData, SequenceSet, SequenceSource};
pub use series::SeriesError;
pub use split::{split, thinned};
