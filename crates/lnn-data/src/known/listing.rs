//! Which known sets are in the data folder.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::DataError;
use crate::known::cache::Cache;
use crate::known::catalog::{KNOWN_SETS, KnownSet};
use crate::known::{local, verified};

/// One line of `lnn-cli data list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The name after `--data`.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Who made it, and its licence.
    pub licence: &'static str,
    /// Its folder, there or not.
    pub path: PathBuf,
    /// Whether all its files are there.
    pub cached: bool,
    /// Whether their sums have been checked and they have not changed since.
    pub verified: bool,
    /// Bytes its files take.
    pub bytes: u64,
}

/// Every known set and whether it is in the data folder. Reads no content.
///
/// # Errors
/// [`DataError::NoDataFolder`].
pub fn list() -> Result<Vec<Listing>, DataError> {
    let cache = Cache::from_env()?;
    Ok(KNOWN_SETS.iter().map(|set| listing(&cache, set)).collect())
}

pub(crate) fn listing(cache: &Cache, set: &KnownSet) -> Listing {
    let folder = cache.folder(set.name);
    let found = verified::present(set, &folder);
    let whole = found.iter().all(Option::is_some);
    let verified = found.iter().all(|file| file.as_ref().is_some_and(|(_, verified)| *verified));
    let archive = local::archive(cache, set).map(|(_, path)| path).filter(|_| !whole);
    let cached = whole || archive.is_some();
    let files: Vec<_> = found.into_iter().flatten().map(|(path, _)| path).chain(archive).collect();
    let bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum();
    let path = files.last().and_then(|file| file.parent()).map_or(folder, Path::to_owned);
    Listing { name: set.name, title: set.title, licence: set.licence, path, cached, verified, bytes }
}
