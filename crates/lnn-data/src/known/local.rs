//! The files of a known set that are present in the data folder.

use crate::error::DataError;
use crate::known::cache::Cache;
use crate::known::catalog::KnownSet;
use crate::known::source::{Download, Source};
use crate::known::verified;
use std::path::PathBuf;

/// Returns the archive of `set`, if it has one and it lies in its folder or, as other programs leave it, in the data folder.
pub(crate) fn archive<'a>(cache: &Cache, set: &'a KnownSet) -> Option<(&'a Download, PathBuf)> {
    let archive = set.sources.iter().find_map(|source| match source {
        Source::Archive(archive) => Some(archive),
        _ => None,
    })?;
    let places =
        [cache.folder(set.name), cache.root().to_owned()].map(|folder| folder.join(archive.file_name()));
    places.into_iter().find(|path| path.is_file()).map(|path| (archive, path))
}

/// Reads every file of `set` again, or its archive if there are no files, verifies its checksum, and returns the files.
///
/// # Errors
/// [`DataError::NotCached`], and for the first bad file [`DataError::ChecksumMismatch`], [`DataError::Gzip`] or [`DataError::Io`].
pub(crate) fn recheck(cache: &Cache, set: &KnownSet) -> Result<Vec<PathBuf>, DataError> {
    match (verified::recheck(set, &cache.folder(set.name)), archive(cache, set)) {
        (Err(DataError::NotCached { .. }), Some((archive, path))) => {
            verified::check_archive(archive, &path)?;
            Ok(vec![path])
        }
        (files, _) => files,
    }
}
