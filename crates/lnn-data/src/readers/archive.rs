//! Files from a tar archive with any compression.

use std::io::{self, Read};
use std::path::Path;

use crate::error::DataError;

/// Reads the files called `names` (without folder) from any folder of the archive that `tar` decompresses from the file
/// at `path`; at most `most_bytes` of each, whatever size the archive specifies.
///
/// # Errors
/// [`DataError::Archive`] if it is not such an archive or lacks a file.
pub(crate) fn extract(
    path: &Path,
    tar: impl Read,
    names: &[&str],
    most_bytes: u64,
) -> Result<Vec<Vec<u8>>, DataError> {
    let problem = |problem: String| DataError::Archive { path: path.to_owned(), problem };
    let found = read(tar, names, most_bytes)
        .map_err(|e| problem(format!("an archive that can be read to its end expected: {e}")))?;
    let content = found.into_iter().zip(names).map(|(content, name)| {
        content.ok_or_else(|| problem(format!("{name} expected in the archive, but it is not there")))
    });
    content.collect()
}

fn read(tar: impl Read, names: &[&str], most_bytes: u64) -> io::Result<Vec<Option<Vec<u8>>>> {
    let mut found = vec![None; names.len()];
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let wanted = |name: &&str| path.file_name().is_some_and(|found| found == *name);
        if entry.header().entry_type().is_file()
            && let Some(index) = names.iter().position(wanted)
        {
            let mut content = Vec::new();
            entry.take(most_bytes).read_to_end(&mut content)?;
            found[index] = Some(content);
        }
    }
    // The stream is read to its end, where the compression format verifies its checksum.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an uncompressed archive of these files.
    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn extract(tar: &[u8], names: &[&str]) -> Result<Vec<Vec<u8>>, DataError> {
        super::extract(Path::new("some.tar"), tar, names, 4)
    }

    #[test]
    fn files_are_found_in_any_folder_and_cut_off_where_they_grow_too_long() {
        let tar = archive(&[("deep/inside/a", b"aa"), ("other", b"?"), ("b", b"bbbbbbbb")]);
        assert_eq!(extract(&tar, &["b", "a"]).unwrap(), [&b"bbbb"[..], b"aa"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = extract(&archive(&[("a", b"aa")]), &["a", "absent"]).unwrap_err().to_string();
        assert!(error.contains("some.tar") && error.contains("absent expected"), "{error}");
    }

    #[test]
    fn an_archive_that_was_cut_off_is_refused() {
        let tar = archive(&[("a", b"aa"), ("b", &[7; 2000])]);
        for length in [100, 600, 1100, 2000] {
            let error = extract(&tar[..length], &["a", "b"]).unwrap_err();
            assert!(matches!(error, DataError::Archive { .. }), "{length}: {error}");
        }
    }
}
