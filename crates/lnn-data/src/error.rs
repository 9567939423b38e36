//! The errors of data sets: one variant per kind of error, with what was expected, what was found and where.

use std::path::{Path, PathBuf};

use crate::readers::csv::SeriesError;
use crate::readers::image_folder_error::ImageFolderError;
use crate::readers::npy_folder_error::NpyFolderError;
use crate::readers::npz::NpzError;
use crate::readers::ts::TsError;

/// The reason why a data set could not be fetched, read or split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The failed operation: `open`, `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason given by the operating system.
        source: std::io::Error,
    },

    /// Samples of a run that is resumed have changed.
    #[error(
        "the data is not what the run was trained on: {lost} samples of it are gone or changed, {new} are new; hint: \
         --accept-changed-data goes on, and known samples keep their part"
    )]
    Changed {
        /// Known samples that were not found.
        lost: usize,
        /// Samples that the run does not know.
        new: usize,
    },

    /// Data that is no single series.
    #[error(
        "{spec} is no series to go on from; hint: csv:FILE.csv is one, and so are the generated ones, as mackey-glass"
    )]
    NoSeries {
        /// The data.
        spec: String,
    },

    /// The value of `--data` names a reader, but no path.
    #[error("--data {spec}: expected the name of a file or folder, as {usage}")]
    NoPath {
        /// The value.
        spec: String,
        /// The form that is expected.
        usage: String,
    },

    /// A set without a training part is opened for training.
    #[error("{name} has no training part; hint: only eval takes a test part alone")]
    NoTraining {
        /// The set.
        name: String,
    },

    /// A file is shorter than its header specifies.
    #[error(
        "{} is truncated: {expected} bytes expected ({what}), but its content ends at byte {found}; \
         an interrupted copy or download would explain it",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What the expected bytes are, e.g. `60000 × 28 × 28 pixels`.
        what: String,
        /// Number of bytes of (uncompressed) content that the file should have.
        expected: u64,
        /// Number of bytes of (uncompressed) content that it has.
        found: u64,
    },

    /// A file is longer than its header or its format specifies.
    #[error(
        "{} has bytes left over: {expected} bytes expected ({what}), but the content goes on at byte {expected}; \
         it is damaged or another file under this name",
        path.display()
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// What the expected bytes are, e.g. `60000 × 28 × 28 pixels`.
        what: String,
        /// Number of bytes of (uncompressed) content that it should have.
        expected: u64,
    },

    /// A file starts with the wrong four bytes.
    #[error("{}: {expected} expected at byte 0, found {found:#010x}; {hint}", path.display())]
    WrongMagic {
        /// The file.
        path: PathBuf,
        /// The magic number that was expected, with its meaning.
        expected: &'static str,
        /// The first four bytes as a big-endian number.
        found: u32,
        /// What the file may be instead.
        hint: &'static str,
    },

    /// An image extent is zero, or the product of the extents is too large for a file.
    #[error("{}: impossible extents {dims:?} in the header at byte 4: {reason}", path.display())]
    BadExtents {
        /// The file.
        path: PathBuf,
        /// The extents, outermost first.
        dims: Vec<u32>,
        /// Why they are impossible.
        reason: &'static str,
    },

    /// A gzip stream is damaged.
    #[error(
        "{}: the gzip stream is damaged after {offset} bytes of content ({reason}); fetch or copy it again",
        path.display()
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// Number of bytes of uncompressed content that could be read.
        offset: u64,
        /// The message of the decompressor.
        reason: String,
    },

    /// The number of images differs from the number of labels.
    #[error(
        "{place}: {images} images but {labels} labels; every image needs one label, so are the files of one set?"
    )]
    CountMismatch {
        /// The set or its files.
        place: String,
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },

    /// A set holds no image.
    #[error("{place}: at least one image expected, found none")]
    Empty {
        /// The set or its files.
        place: String,
    },

    /// Training and test images differ in shape.
    #[error(
        "{name}: training images are {train:?} and test images {test:?} ([channels, height, width]); they must be equal"
    )]
    UnequalSizes {
        /// The set.
        name: String,
        /// `[C, H, W]` of the training images.
        train: [usize; 3],
        /// `[C, H, W]` of the test images.
        test: [usize; 3],
    },

    /// A label names a class that does not exist.
    #[error(
        "{place}: label {index}{} is {label}, but the set has {classes} classes, so labels from 0 to {} are expected",
        offset.map(|o| format!(" (byte {o})")).unwrap_or_default(),
        *classes as i64 - 1
    )]
    LabelOutOfRange {
        /// The set or its file.
        place: String,
        /// Position of the label, from 0.
        index: usize,
        /// Its position in the (uncompressed) file, if it was read from a file.
        offset: Option<u64>,
        /// The label.
        label: i64,
        /// Number of classes.
        classes: usize,
    },

    /// The number of class names in a file differs from the number of classes of the set.
    #[error("{}: {expected} class names expected, one per line, found {found}", path.display())]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// The number of classes.
        expected: usize,
        /// The number of names.
        found: usize,
    },

    /// Content does not have the pinned checksum.
    #[error("{what}: content with SHA-256 {expected} expected, found {found}; {hint}")]
    ChecksumMismatch {
        /// The file or address.
        what: String,
        /// The pinned checksum, in hexadecimal.
        expected: String,
        /// The checksum of the content.
        found: String,
        /// How to correct it.
        hint: &'static str,
    },

    /// A folder lacks a file.
    #[error("{} lacks a file: {} expected, found {}", folder.display(), choice(wanted), listing(present))]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The names that the file may have.
        wanted: Vec<String>,
        /// What the folder contains (at most a dozen names).
        present: Vec<String>,
    },

    /// No set has this name.
    #[error(
        "unknown data set {name:?}{}; known are {}",
        suggestion.as_ref().map(|s| format!(", did you mean {s:?}?")).unwrap_or_default(),
        known.join(", ")
    )]
    UnknownDataSet {
        /// The requested name.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
        /// All valid names.
        known: Vec<String>,
    },

    /// No source provided the set.
    #[error(
        "{name} could not be fetched, every source failed:{}\n  Hint: put {} into {} yourself, \
         or read the set from any folder with --data {spec}; LNN_DATA_DIR moves the data folder",
        reasons(failures),
        files.join(", "),
        folder.display()
    )]
    AllSourcesFailed {
        /// The set.
        name: String,
        /// Each source with its reason, in the order tried.
        failures: Vec<(String, DataError)>,
        /// The files that make up the set.
        files: Vec<String>,
        /// The folder in which they are searched.
        folder: PathBuf,
        /// The value of `--data` for a set of this format in any folder.
        spec: &'static str,
    },

    /// A set is not in the data folder.
    #[error("{name} is not in {}; `lnn-cli data fetch {name}` fetches it", folder.display())]
    NotCached {
        /// The set.
        name: String,
        /// The folder that was searched.
        folder: PathBuf,
    },

    /// A server could not be reached or answered with an error.
    #[error("{url}: {reason}")]
    Http {
        /// The address, without user name and password.
        url: String,
        /// What went wrong.
        reason: String,
    },

    /// A download ended early or stalled.
    #[error(
        "{url}: the download broke off after {received} bytes{} ({reason})",
        expected.map(|n| format!(" of {n}")).unwrap_or_default()
    )]
    Interrupted {
        /// The address, without user name and password.
        url: String,
        /// Number of bytes received.
        received: u64,
        /// Number of bytes that the server announced.
        expected: Option<u64>,
        /// What went wrong.
        reason: String,
    },

    /// A server sends more bytes than the file can have.
    #[error("{url}: at most {limit} bytes expected, but the server sends more; this is not the file")]
    TooLong {
        /// The address, without user name and password.
        url: String,
        /// The maximum number of bytes.
        limit: u64,
    },

    /// A package index page does not link to the pinned file.
    #[error("{page}: a link to {file} expected, found none; the index may not carry this package")]
    NotInIndex {
        /// The address of the page, without user name and password.
        page: String,
        /// The requested file.
        file: String,
    },

    /// An archive does not have the expected structure.
    #[error("{}: {problem}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What was expected and what was found.
        problem: String,
    },

    /// There is no default data folder.
    #[error("no data folder: this user has no cache folder; set LNN_DATA_DIR to a folder of your choice")]
    NoDataFolder,

    /// The data folder cannot be written.
    #[error(
        "cannot write to the data folder {}: {source}; set LNN_DATA_DIR to a folder you may write to",
        path.display()
    )]
    DataFolderNotWritable {
        /// The folder.
        path: PathBuf,
        /// The reason given by the operating system.
        source: std::io::Error,
    },

    /// The images of `folder:DIR` are not as expected.
    #[error(transparent)]
    ImageFolder(#[from] ImageFolderError),

    /// A series cannot be read.
    #[error(transparent)]
    Series(#[from] SeriesError),

    /// A folder of traces cannot be read.
    #[error(transparent)]
    NpyFolder(#[from] NpyFolderError),

    /// A `.ts` file could not be read.
    #[error(transparent)]
    Ts(#[from] TsError),

    /// A `.npz` file could not be read.
    #[error(transparent)]
    Npz(#[from] NpzError),

    /// A known set takes no options.
    #[error("--data {name}: expected no options, found {found:?}")]
    NoOptions {
        /// The set.
        name: String,
        /// What follows its name.
        found: String,
    },

    /// The samples cannot be split.
    #[error("cannot hold out a fraction of {fraction} of {n} examples for validation: {reason}")]
    BadSplit {
        /// Number of examples.
        n: usize,
        /// The requested fraction.
        fraction: f64,
        /// Why the split is impossible.
        reason: &'static str,
    },
}

impl DataError {
    /// Wraps an error of the operating system: `map_err(DataError::io("open", path))`.
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Wraps a failure to write below the data folder.
    pub(crate) fn not_writable(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::DataFolderNotWritable { path: path.to_owned(), source }
    }
}

/// Formats names as `a, b` or `nothing`.
fn listing(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Formats names as `a` or `one of a, b`.
fn choice(names: &[String]) -> String {
    format!("{}{}", if names.len() == 1 { "" } else { "one of " }, names.join(", "))
}

/// Formats the failures, one line per source.
fn reasons(failures: &[(String, DataError)]) -> String {
    let lines = failures.iter().map(|(source, why)| format!("\n  - {source}: {why}"));
    lines.collect::<Vec<_>>().concat()
}
