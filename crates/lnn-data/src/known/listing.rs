//! The known sets and whether they are in the data folder.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::DataError;
use crate::known::cache::Cache;
use crate::known::catalog::{KNOWN_SETS, KnownSet};
use crate::known::{local, verified};

/// One entry of `lnn-cli data list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Its name as the value of `--data`.
    pub name: &'static str,
    /// A short description of its content.
    pub title: &'static str,
    /// The authors and the licence.
    pub licence: &'static str,
    /// Its folder, which need not exist.
    pub path: PathBuf,
    /// Whether all its files are present.
    pub cached: bool,
    /// Whether their checksums were verified and they have not changed since.
    pub verified: bool,
    /// The size of its files in bytes.
    pub bytes: u64,
}

/// Returns every known set and whether it is in the data folder. Reads no content.
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
