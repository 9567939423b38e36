//! Files from a Python wheel, which is a zip archive. They are data; no code of the wheel is run.

use crate::error::DataError;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Reads the files called `names` from the folder `folder` of the wheel at `path`; at most `most_bytes` of each.
///
/// # Errors
/// [`DataError::Archive`] if it is no wheel or lacks a file, [`DataError::Io`] if it cannot be opened.
pub(crate) fn extract(
    path: &Path,
    folder: &str,
    names: &[&str],
    most_bytes: u64,
) -> Result<Vec<Vec<u8>>, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let problem = |problem: String| DataError::Archive { path: path.to_owned(), problem };
    let mut wheel = zip::ZipArchive::new(BufReader::new(file))
        .map_err(|e| problem(format!("a wheel (zip archive) expected: {e}")))?;
    let mut read = |name: &&str| {
        let member = format!("{folder}{name}");
        let file = wheel.by_name(&member).map_err(|e| problem(format!("{member} expected inside: {e}")))?;
        let mut content = Vec::new();
        let read = file.take(most_bytes).read_to_end(&mut content);
        read.map_err(|e| problem(format!("{member}: {e}")))?;
        Ok(content)
    };
    names.iter().map(&mut read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn files_are_found_in_their_folder_and_a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.whl");
        let mut wheel = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, content) in [("data/x.ts", "1,2:a"), ("data/y.ts", "3,4:b"), ("x.ts", "wrong")] {
            wheel.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            wheel.write_all(content.as_bytes()).unwrap();
        }
        wheel.finish().unwrap();
        let found = extract(&path, "data/", &["y.ts", "x.ts"], 100).unwrap();
        assert_eq!(found, [b"3,4:b".to_vec(), b"1,2:a".to_vec()]);
        assert_eq!(extract(&path, "data/", &["x.ts"], 3).unwrap(), [b"1,2".to_vec()]);
        let error = extract(&path, "data/", &["z.ts"], 100).unwrap_err().to_string();
        assert!(error.contains("data/z.ts"), "{error}");
        std::fs::write(&path, b"no zip").unwrap();
        assert!(matches!(extract(&path, "data/", &["x.ts"], 1), Err(DataError::Archive { .. })));
    }
}
