//! Data sets: readers of images and series, sets known by name, and how samples are divided into parts.
//!
//! [`open()`] turns the value of `--data` into a [`DataSource`], which gives an [`InputSpec`](lnn_core::InputSpec) and the
//! samples for training, validation and test. Nothing here knows a network.
//!
//! A set known by name is read from the data folder ([`Cache`]); with the feature `fetch` what is missing there is downloaded
//! first, and nothing is let in whose SHA-256 sum is not the one in [`catalog`].
//!
//! **Where a new set goes:** a new format is a file in `readers/` with a type that implements [`DataSource`] and a line in its
//! table; a set known by name, in a format that exists, is one more entry of [`catalog::KNOWN_SETS`].

mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod images;
mod known;
mod open;
mod progress;
pub mod readers;
mod source;
mod split;

pub use error::DataError;
pub use images::{ImageData, ImageSet};
pub use known::cache::Cache;
pub use known::catalog::{self, KNOWN_SETS, KnownSet};
pub use known::listing::{Listing, list};
#[cfg(feature = "fetch")]
pub use open::fetch;
pub use open::{absolute, content, open, verify};
pub use progress::Progress;
pub use readers::csv::Series;
pub use readers::image_folder_error::ImageFolderError;
pub use readers::series_error::SeriesError;
pub use readers::{Content, READERS, Reader};
pub use source::{DataSource, Parts, SplitRequest};
pub use split::{split, thinned};
