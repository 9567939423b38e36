//! CIFAR-10 in its binary version: `--data cifar10:DIR`.
//!
//! The set has six files without a header, five for training and one for the test, each of 10,000 records: one byte of label,
//! then 3072 bytes of pixels, the red, green and blue planes of 32 × 32 in sequence, row by row. A seventh file contains the
//! names of the ten classes, one per line. The files lie in a folder, or in the `.tar.gz` in which they are distributed.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use ndarray::{Array1, Array4};

use crate::error::DataError;
use crate::images::ImageData;
use crate::images::ImageSet;
use crate::readers::archive;
use crate::readers::folder_content::{names, shown};

/// Five files for training and, last, one for the test.
pub const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
/// The file with the names of the classes.
pub const NAMES: &str = "batches.meta.txt";
/// The folder that the archive unpacks to.
pub const FOLDER: &str = "cifar-10-batches-bin";
/// The archive of all seven files.
pub const ARCHIVE: &str = "cifar-10-binary.tar.gz";

/// Bytes of one record.
pub(crate) const RECORD: usize = 1 + CHANNELS * SIDE * SIDE;

const CHANNELS: usize = 3;
const SIDE: usize = 32;
const RECORDS: usize = 10_000;
const CLASSES: usize = 10;

/// The path of a file, for messages, and its content.
type Content = (PathBuf, Vec<u8>);

/// Reads the set in `folder` and names it after the folder: from the seven files there, or in `cifar-10-batches-bin` below it,
/// otherwise from `cifar-10-binary.tar.gz`.
///
/// # Errors
/// [`DataError::MissingFile`], [`DataError::Truncated`], [`DataError::TrailingBytes`], [`DataError::LabelOutOfRange`],
/// [`DataError::ClassNames`], [`DataError::Archive`], [`DataError::Io`].
pub fn open_dir(folder: &Path) -> Result<ImageData, DataError> {
    open_records(folder, RECORDS)
}

/// Does the work of [`open_dir`] for files of `records` records.
fn open_records(folder: &Path, records: usize) -> Result<ImageData, DataError> {
    let name = format!("cifar10:{}", folder.display());
    let present = names(folder)?;
    let has = |name: &str| present.iter().any(|present| present == name);
    match BATCHES.iter().any(|batch| has(batch)) {
        false if has(FOLDER) => open_unpacked(&name, &folder.join(FOLDER), records),
        false if has(ARCHIVE) => open_archive(&name, &folder.join(ARCHIVE), records),
        _ => open_unpacked(&name, folder, records),
    }
}

fn open_unpacked(name: &str, folder: &Path, records: usize) -> Result<ImageData, DataError> {
    let present = names(folder)?;
    // Missing files are reported before any file is read, which takes a while.
    if let Some(missing) = BATCHES.iter().chain([&NAMES]).find(|name| !present.iter().any(|n| n == *name)) {
        let mut wanted = vec![(*missing).to_owned()];
        if missing == &BATCHES[0] {
            wanted.extend([FOLDER, ARCHIVE].map(str::to_owned));
        }
        return Err(DataError::MissingFile { folder: folder.to_owned(), wanted, present: shown(&present) });
    }
    let read_file = |name: &str| {
        let path = folder.join(name);
        content(&path, records * RECORD).map(|content| (path, content))
    };
    let class_names = class_names(&read_file(NAMES)?)?;
    read(name, BATCHES.iter().map(|name| read_file(name)), class_names, records)
}

fn open_archive(name: &str, path: &Path, records: usize) -> Result<ImageData, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let wanted = [&[NAMES], &BATCHES[..]].concat();
    let most_bytes = (records * RECORD) as u64 + 1;
    // A few kilobytes may decompress to any length, and the names in an archive are read into memory, too.
    let tar = GzDecoder::new(BufReader::new(file)).take((wanted.len() as u64 + 1) * (most_bytes + (1 << 16)));
    let found = archive::extract(path, tar, &wanted, most_bytes)?;
    let mut found = wanted.iter().map(|name| path.join(name)).zip(found);
    let class_names = class_names(&found.next().expect("the names were wanted first"))?;
    read(name, found.map(Ok), class_names, records)
}

/// Reads the set `name` from its six `batches` of `records` records each, whose labels are below the number of `class_names`.
///
/// # Errors
/// [`DataError::Truncated`], [`DataError::TrailingBytes`], [`DataError::LabelOutOfRange`] and those of `batches`.
pub(crate) fn read(
    name: &str,
    mut batches: impl Iterator<Item = Result<Content, DataError>>,
    class_names: Vec<String>,
    records: usize,
) -> Result<ImageData, DataError> {
    let classes = class_names.len();
    let mut half = |files: usize| {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for batch in batches.by_ref().take(files) {
            append(&batch?, records, classes, &mut pixels, &mut labels)?;
        }
        let images = Array4::from_shape_vec((labels.len(), CHANNELS, SIDE, SIDE), pixels)
            .expect("every label comes with its pixels");
        ImageSet::new(name, images, Array1::from(labels), classes)
    };
    let train = half(BATCHES.len() - 1)?;
    let test = half(1)?;
    ImageData::new(name, train, test, class_names)
}

/// Checks one file and appends its labels and pixels.
fn append(
    (path, content): &Content,
    records: usize,
    classes: usize,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<i64>,
) -> Result<(), DataError> {
    let (expected, found) = ((records * RECORD) as u64, content.len() as u64);
    let path = || path.clone();
    let what = || format!("{records} records of a label and {CHANNELS} × {SIDE} × {SIDE} pixels");
    if found < expected {
        return Err(DataError::Truncated { path: path(), what: what(), expected, found });
    }
    if found > expected {
        return Err(DataError::TrailingBytes { path: path(), what: what(), expected });
    }
    for (index, record) in content.chunks_exact(RECORD).enumerate() {
        let label = i64::from(record[0]);
        if label >= classes as i64 {
            let (place, offset) = (path().display().to_string(), Some((index * RECORD) as u64));
            return Err(DataError::LabelOutOfRange { place, index, offset, label, classes });
        }
        labels.push(label);
        pixels.extend_from_slice(&record[1..]);
    }
    Ok(())
}

/// Returns the names of the ten classes, one per line; the official file ends with an empty line.
fn class_names((path, content): &Content) -> Result<Vec<String>, DataError> {
    let text = String::from_utf8_lossy(content);
    let names: Vec<_> =
        text.lines().map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect();
    match names.len() {
        CLASSES => Ok(names),
        found => Err(DataError::ClassNames { path: path.clone(), expected: CLASSES, found }),
    }
}

/// Reads at most `bytes + 1` bytes of the file at `path`, which is enough to detect that it is too long.
pub(crate) fn content(path: &Path, bytes: usize) -> Result<Vec<u8>, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let mut content = Vec::new();
    file.take(bytes as u64 + 1).read_to_end(&mut content).map_err(DataError::io("read", path))?;
    Ok(content)
}

#[cfg(test)]
#[path = "cifar10_tests.rs"]
mod tests;
