//! The content of a folder, in an order that is the same on every system.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::error::DataError;

/// Returns the names of all entries of `folder`, sorted byte by byte.
///
/// # Errors
/// [`DataError::Io`].
pub(crate) fn names(folder: &Path) -> Result<Vec<OsString>, DataError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(DataError::io("list the folder", folder))?;
    let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
    names.sort();
    Ok(names)
}

/// Returns the first dozen of `names`, for a message.
pub(crate) fn shown(names: &[OsString]) -> Vec<String> {
    names.iter().take(12).map(|name| name.to_string_lossy().into_owned()).collect()
}
