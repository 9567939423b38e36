//! Reports of what takes long.

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
    /// A file in the data folder is not what it should be, so it is fetched again.
    Damaged {
        /// What is wrong with it.
        reason: &'a DataError,
    },
    /// A source is asked.
    Trying {
        /// The source in words.
        source: &'a str,
    },
    /// Bytes arrive.
    Downloading {
        /// The file.
        file: &'a str,
        /// Bytes so far.
        received: u64,
        /// Bytes in all, if the server says it.
        total: Option<u64>,
    },
    /// An archive is being turned into the files of the set.
    Unpacking {
        /// The archive.
        file: &'a str,
    },
    /// A source gave nothing; the next one is tried.
    SourceFailed {
        /// The source in words.
        source: &'a str,
        /// Why.
        reason: &'a DataError,
    },
    /// Image files are decoded.
    Decoding {
        /// Files so far.
        done: usize,
        /// Files in all.
        total: usize,
    },
}
