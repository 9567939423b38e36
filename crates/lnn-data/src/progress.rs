//! Progress reports of long operations.

use std::path::Path;

use crate::error::DataError;

/// What [`open`](crate::open()) is doing.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another process fetches the same set.
    Waiting {
        /// The folder of the set.
        folder: &'a Path,
    },
    /// A file in the data folder is damaged and will be fetched again.
    Damaged {
        /// What is wrong with it.
        reason: &'a DataError,
    },
    /// A source is tried.
    Trying {
        /// The description of the source.
        source: &'a str,
    },
    /// A file is being downloaded.
    Downloading {
        /// The file.
        file: &'a str,
        /// Number of bytes received so far.
        received: u64,
        /// Total number of bytes, if the server sends it.
        total: Option<u64>,
    },
    /// An archive is being turned into the files of the set.
    Unpacking {
        /// The archive.
        file: &'a str,
    },
    /// A source failed; the next one is tried.
    SourceFailed {
        /// The description of the source.
        source: &'a str,
        /// The reason.
        reason: &'a DataError,
    },
    /// Something about the data that the user should know.
    Note {
        /// The message, without a prefix.
        text: &'a str,
    },
    /// Something about the data that may be wrong, for example files that are left out.
    Warning {
        /// The message, without a prefix.
        text: &'a str,
    },
    /// Image files are being decoded.
    Decoding {
        /// Number of files decoded so far.
        done: usize,
        /// Total number of files.
        total: usize,
    },
}
