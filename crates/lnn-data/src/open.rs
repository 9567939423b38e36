//! The value of `--data`: a known set, or a reader and a path.

use crate::error::DataError;
use crate::known::cache::Cache;
use crate::known::catalog::{self, KNOWN_SETS, KnownSet};
use crate::known::local;
use crate::opened::open_known;
use crate::progress::Progress;
use crate::readers::csv::{History, open_history};
use crate::readers::generated;
use crate::readers::{Content, READERS, Reader, cifar10};
use crate::source::{DataSource, Trained};
use lnn_core::nearest_name;
use std::path::{Path, PathBuf};

/// Opens the data that `spec` names: a known set (`mnist`), whose missing files are fetched if this crate has the feature
/// `fetch`, or a reader with a path (`idx:DIR`, `csv:FILE,…`).
///
/// # Errors
/// [`DataError::UnknownDataSet`] with the nearest name, otherwise those of the reader or of fetching.
pub fn open(spec: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Box<dyn DataSource>, DataError> {
    opened(spec, None, progress)
}

/// Opens the data that `spec` names to test a trained model. What `spec` leaves open, as the columns and the window of a series, is
/// as in the training of the model, and a test part alone is enough.
///
/// # Errors
/// As [`open`], and where an option contradicts the training.
pub fn open_test(
    spec: &str,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, DataError> {
    opened(spec, Some(trained), progress)
}

fn opened(
    spec: &str,
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, DataError> {
    if let Some((reader, text)) = reader_of(spec) {
        check_path(spec, reader, text)?;
        return (reader.open)(text, trained, progress);
    }
    let set = catalog::with_options(spec).ok_or_else(|| unknown(spec))?;
    open_known(&Cache::from_env()?, set, trained, progress)
}

/// Opens a series for a trained model to go on from: `csv:FILE` with its options, or one that is computed.
///
/// # Errors
/// [`DataError::NoSeries`] for other data, and those of the reader, also if a table has several series.
pub fn open_series(
    spec: &str,
    trained: &Trained<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<History, DataError> {
    if let Some(history) = generated::history(spec) {
        return Ok(history);
    }
    match spec.strip_prefix("csv:") {
        Some(text) => Ok(open_history(text, trained, progress)?),
        None => Err(DataError::NoSeries { spec: spec.to_owned() }),
    }
}

/// Refuses a reader without the path that it needs.
fn check_path(spec: &str, reader: &Reader, text: &str) -> Result<(), DataError> {
    match (reader.split_path)(text).0.trim().is_empty() && !reader.argument.is_empty() {
        true => Err(DataError::NoPath { spec: spec.to_owned(), usage: reader.usage() }),
        false => Ok(()),
    }
}

/// Returns the content of the data that `spec` names; an unknown name counts as images.
pub fn content(spec: &str) -> Content {
    match reader_of(spec) {
        Some((reader, _)) => reader.content,
        None => catalog::with_options(spec).map_or(Content::Images, |(set, _)| set.format.content()),
    }
}

/// Returns `spec` with an absolute path, for use from another folder.
///
/// # Errors
/// [`DataError::NoPath`] if the path is empty, [`DataError::Io`] if the current folder no longer exists.
pub fn absolute(spec: &str) -> Result<String, DataError> {
    let Some((name, text)) = spec.split_once(':') else { return Ok(spec.to_owned()) };
    let reader = READERS.iter().find(|reader| reader.name == name);
    if let Some(reader) = reader {
        check_path(spec, reader, text)?;
    }
    let (path, options) = reader.map_or((text, ""), |reader| (reader.split_path)(text));
    let absolute = std::path::absolute(path).map_err(DataError::io("find", Path::new(spec)))?;
    Ok(format!("{name}:{}{options}", absolute.display()))
}

/// Returns `spec` with the name of its file or folder alone, for a description that others read.
pub fn without_folders(spec: &str) -> String {
    let Some((name, text)) = spec.split_once(':') else { return spec.to_owned() };
    let reader = READERS.iter().find(|reader| reader.name == name);
    let (path, options) = reader.map_or((text, ""), |reader| (reader.split_path)(text));
    let file = Path::new(path).file_name().map(|file| file.to_string_lossy()).unwrap_or_default();
    format!("{name}:{file}{options}")
}

/// Ensures that the known set `name` is in the data folder and returns the folder of its files.
///
/// # Errors
/// [`DataError::UnknownDataSet`], [`DataError::AllSourcesFailed`] with a reason for each source, and those of
/// [`Cache::from_env`] and [`Cache::lock`].
#[cfg(feature = "fetch")]
pub fn fetch(name: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<PathBuf, DataError> {
    let (cache, set) = (Cache::from_env()?, known(name)?);
    let files = crate::fetch::ensure(&cache, set, progress)?;
    Ok(files[0].parent().map_or_else(|| cache.folder(set.name), Path::to_owned))
}

/// Reads every file of the known set `name` again, or its archive if there are no files, verifies its checksum, and returns the
/// files.
///
/// # Errors
/// [`DataError::UnknownDataSet`], [`DataError::NotCached`], and for the first bad file [`DataError::ChecksumMismatch`],
/// [`DataError::Gzip`] or [`DataError::Io`].
pub fn verify(name: &str) -> Result<Vec<PathBuf>, DataError> {
    local::recheck(&Cache::from_env()?, known(name)?)
}

/// Returns the reader of `NAME:TEXT` or `NAME`, and the text.
fn reader_of(spec: &str) -> Option<(&'static Reader, &str)> {
    let (name, text) = spec.split_once(':').unwrap_or((spec, ""));
    READERS
        .iter()
        .find(|reader| reader.name == name)
        .filter(|reader| if reader.argument.is_empty() { text.is_empty() } else { spec.contains(':') })
        .map(|reader| (reader, text))
}

/// Returns the known set called `name`, or an error with a suggestion.
fn known(name: &str) -> Result<&'static KnownSet, DataError> {
    catalog::find(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> DataError {
    let sets = KNOWN_SETS.iter().map(|set| set.name.to_owned());
    let known: Vec<String> = sets.chain(READERS.iter().map(Reader::usage)).collect();
    let folder = Path::new(name);
    let suggestion = match folder.is_dir() {
        true => Some(format!("{}:{name}", likely_reader(folder))),
        false if folder.is_file() => Some(format!("csv:{name}")),
        false => nearest_name(name, known.iter().map(String::as_str)).map(str::to_owned),
    };
    DataError::UnknownDataSet { name: name.to_owned(), suggestion, known }
}

/// Returns the name of the reader that the content of `folder` suggests.
fn likely_reader(folder: &Path) -> &'static str {
    let has = |name: &str| folder.join(name).exists();
    let cifar10 = has(cifar10::BATCHES[0]) || has(cifar10::FOLDER) || has(cifar10::ARCHIVE);
    match (cifar10, folder.join("train").is_dir()) {
        (true, _) => "cifar10",
        (false, true) => "folder",
        (false, false) => "idx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(spec: &str) -> String {
        open(spec, &mut |_| panic!("nothing may be fetched")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_and_all_known_ones() {
        for (typo, meant) in [
            ("mnits", "mnist"),
            ("MNIST", "mnist"),
            ("fashion_mnist", "fashion-mnist"),
            ("CIFAR-10", "cifar10"),
            ("toys", "toy"),
        ] {
            let error = refuse(typo);
            assert!(error.contains(&format!("did you mean {meant:?}")), "{error}");
            assert!(
                error.contains("mnist, fashion-mnist, cifar10, italy-power-demand, ")
                    && error.contains(", idx:DIR, cifar10:DIR, folder:DIR, toy, xor-event, mnist-pixels, ")
                    && error.contains(", csv:FILE,…, ts:FILE"),
                "{error}"
            );
        }
        assert!(!refuse("weather").contains("did you mean"));
    }

    #[test]
    fn a_description_for_others_names_the_file_and_not_its_folders() {
        for (spec, shown) in [
            ("csv:/home/ada/secret/x.csv,window=24,target=a", "csv:x.csv,window=24,target=a"),
            ("folder:/home/ada/cats/", "folder:cats"),
            ("idx:..", "idx:"),
            ("mnist", "mnist"),
            ("toy", "toy"),
        ] {
            assert_eq!(without_folders(spec), shown);
        }
    }

    #[test]
    fn a_folder_without_its_format_is_met_with_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let error = refuse(folder.path().to_str().unwrap());
        assert!(error.contains("did you mean \"idx:/"), "{error}");
        assert!(refuse("idx:").contains("idx:DIR"));
        for (inner, format) in [("train", "folder"), ("cifar-10-batches-bin", "cifar10")] {
            std::fs::create_dir(folder.path().join(inner)).unwrap();
            let error = refuse(folder.path().to_str().unwrap());
            assert!(error.contains(&format!("did you mean \"{format}:/")), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_path() {
        assert!(refuse("idx:/nowhere/at/all").contains("/nowhere/at/all"));
    }
}
