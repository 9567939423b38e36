//! The arrays of a `.npz` file, which is a zip archive of `.npy` files.
//!
//! An array takes the memory that its content has, read piece by piece, and all of them at most a multiple of the size of the file: an
//! archive that unpacks to more is refused. Arrays of Python objects are pickles, which are not read.

use super::error::NpzError;
use crate::readers::npy::elements::{Array, array};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use zip::ZipArchive;

/// How many times as large as the file its content may be.
const MOST_TIMES: u64 = 200;

/// What the content of any file may have, in bytes.
const ALWAYS: u64 = 64 << 20;

/// Reads all arrays; only those called one of `names` may be there.
pub(super) fn read(path: &Path, names: &[&str]) -> Result<BTreeMap<String, Array>, NpzError> {
    let io = |source| NpzError::Io { path: path.to_owned(), source };
    let damaged = |found: String| NpzError::Damaged { path: path.to_owned(), found };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut left = size.saturating_mul(MOST_TIMES).max(ALWAYS);
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(format!("another file ({error})")))?;
    let mut arrays = BTreeMap::new();
    for place in 0..archive.len() {
        let mut member = archive.by_index(place).map_err(|error| damaged(error.to_string()))?;
        let name = member.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        if !names.contains(&name.as_str()) {
            return Err(damaged(format!("an array {name:?}; hint: the names are {}", names.join(", "))));
        }
        let refuse = |(expected, found): (&str, String)| NpzError::Array {
            path: path.to_owned(),
            array: name.clone(),
            expected: expected.to_owned(),
            found,
        };
        let array = array(&mut member, left).map_err(refuse)?;
        left -= array.bytes;
        if arrays.insert(name.clone(), array).is_some() {
            return Err(damaged(format!("the array {name:?} twice")));
        }
    }
    Ok(arrays)
}
