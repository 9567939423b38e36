//! A known set, opened.

use crate::error::DataError;
#[cfg(feature = "fetch")]
use crate::fetch::ensure as present;
use crate::known::cache::Cache;
use crate::known::catalog::KnownSet;
use crate::known::format::Format;
#[cfg(not(feature = "fetch"))]
use crate::known::verified;
use crate::progress::Progress;
use crate::readers::{cifar10, idx_folder, ts};
use crate::source::{DataSource, Trained};
use std::path::PathBuf;

/// Reads a known set, and fetches missing files if this crate has the feature `fetch`.
pub(crate) fn open_known(
    cache: &Cache,
    set: &KnownSet,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, DataError> {
    let files = present(cache, set, progress)?;
    read(set, &files, trained, progress)
}

#[cfg(not(feature = "fetch"))]
fn present(
    cache: &Cache,
    set: &KnownSet,
    _progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<PathBuf>, DataError> {
    verified::cached(set, &cache.folder(set.name))
}

/// Reads the `files` of `set`, in the order of `set.files`.
fn read(
    set: &KnownSet,
    files: &[PathBuf],
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, DataError> {
    let class_names = set.class_names.iter().map(ToString::to_string).collect();
    Ok(match set.format {
        Format::Idx => {
            let files = files.try_into().expect("the catalog lists four files");
            Box::new(idx_folder::read(set.name, files, class_names)?)
        }
        Format::Cifar => {
            let bytes = set.files[0].bytes as usize;
            let batches = files.iter().map(|path| Ok((path.clone(), cifar10::content(path, bytes)?)));
            Box::new(cifar10::read(set.name, batches, class_names, bytes / cifar10::RECORD)?)
        }
        Format::Ts => Box::new(ts::open_files([&files[0], &files[1]], trained, progress)?),
    })
}
