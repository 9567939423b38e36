//! Checks whether a file can be written, before the work that produces it.

use crate::failure::Failure;
use std::path::Path;

/// Refuses a path where no file can be written: a folder, or a path in a folder that is missing or not writable. Leaves
/// no files behind.
///
/// # Errors
/// [`Failure::Request`] with the path.
pub fn check_writable(path: &Path) -> Result<(), Failure> {
    let refuse = |reason: &dyn std::fmt::Display| {
        Err(Failure::request(format!("cannot write {}: {reason}", path.display())))
    };
    if path.is_dir() {
        return refuse(&"expected the name of a file, found a folder");
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(folder).map(drop).or_else(|error| refuse(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_cannot_be_written_is_a_wrong_request_and_asking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        check_writable(&folder.path().join("model.pt")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        check_writable(&file).unwrap();
        for place in [folder.path().to_owned(), folder.path().join("missing/model.pt"), file.join("model.pt")]
        {
            let failure = check_writable(&place).unwrap_err();
            assert!(matches!(failure, Failure::Request(_)));
            assert!(failure.to_string().contains("cannot write"), "{failure}");
        }
    }
}
