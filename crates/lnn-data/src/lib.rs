//! Data sets: readers of images and series, sets known by name, and the split into training, validation and test.
//!
//! [`open()`] turns the value of `--data` into a [`DataSource`], which returns an [`InputSpec`](lnn_core::InputSpec) and the
//! samples for training, validation and test. This crate is independent of the networks.
//!
//! A set known by name is read from the data folder ([`Cache`]). With the feature `fetch`, missing files are downloaded first; a
//! file is accepted only if its SHA-256 checksum is the one in [`catalog`].
//!
//! **How to add a data set:** a new format is a file in `readers/` with a type that implements [`DataSource`] and an entry in its
//! table; a set known by name, in an existing format, is one more entry of [`catalog::KNOWN_SETS`].

mod error;
#[cfg(feature = "fetch")]
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
pub mod generators;
mod images;
mod kept;
mod known;
mod memory;
mod open;
mod opened;
mod pixels;
mod progress;
pub mod readers;
mod source;
mod split;

pub use error::DataError;
pub use images::{ImageData, ImageSet};
pub use kept::{Fingerprints, Kept};
pub use known::cache::Cache;
pub use known::catalog::{self, KNOWN_SETS, KnownSet};
pub use known::listing::{Listing, list};
pub use memory::{machine_memory, usable_memory};
#[cfg(feature = "fetch")]
pub use open::fetch;
pub use open::{absolute, content, open, open_series, open_test, verify, without_folders};
pub use progress::Progress;
pub use readers::csv::path as csv_path;
pub use readers::csv::{
    Form, Future, History, LineError, PredictedRow, SeriesError, StreamProgress, StreamReader, StreamRow,
    ToPredict, open_future, open_to_predict,
};
pub use readers::horizons::Horizons;
pub use readers::image_folder_error::ImageFolderError;
pub use readers::npy::{NpyError, read as read_npy};
pub use readers::series::Series;
pub use readers::{Content, READERS, Reader};
pub use source::{DataSource, Parts, SplitRequest, Trained};
pub use split::{SplitScheme, split, thinned};
