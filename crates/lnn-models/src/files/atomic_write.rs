//! Files that are whole whenever their name is there.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes `bytes` under a temporary name in the same folder, syncs, and renames to `path`.
///
/// # Errors
/// Those of the file system; then `path` is as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable as any new file is: the umask takes away what it should, where a temporary file is private.
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_replaces_the_old_one_and_has_the_rights_of_a_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, plain) = (folder.path().join("x"), folder.path().join("plain"));
        std::fs::write(&plain, "").unwrap();
        for text in ["one", "two"] {
            write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(rights(&path), rights(&plain));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    }
}
