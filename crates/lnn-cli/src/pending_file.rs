//! A file that shows under its name only once it is whole.

use crate::failure::Failure;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The place of a file that is yet to be written: taken before the work, so that a path that cannot be written fails at
/// once. Dropped without [`commit`](Self::commit), it leaves nothing behind.
#[derive(Debug)]
pub struct PendingFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl PendingFile {
    /// Takes the place of `path`.
    ///
    /// # Errors
    /// [`Failure::Request`] if no file can be written there.
    pub fn reserve(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::request(format!(
                "cannot write {}: expected a file's name, found a folder",
                path.display()
            )));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = with_usual_permissions(tempfile::Builder::new().prefix(".lnn-"))
            .tempfile_in(folder)
            .map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes the bytes, brings them to the disk and gives the file its name.
    ///
    /// # Errors
    /// [`Failure::Run`] if the disk is full or the like.
    pub fn commit(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let write = |file: &mut NamedTempFile| file.write_all(bytes).and_then(|()| file.as_file().sync_all());
        let failed = |error: &std::io::Error| Failure::run(cannot_write(&self.path, error));
        write(&mut self.file).map_err(|error| failed(&error))?;
        self.file.persist(&self.path).map_err(|error| failed(&error.error))?;
        Ok(())
    }
}

/// A temporary file is its owner's alone by default; this one will be an ordinary file, as the umask has it.
#[cfg(unix)]
fn with_usual_permissions<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
) -> &'c mut tempfile::Builder<'a, 'b> {
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

#[cfg(not(unix))]
fn with_usual_permissions<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
) -> &'c mut tempfile::Builder<'a, 'b> {
    builder
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::request(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pt");
        drop(PendingFile::reserve(&path).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let pending = PendingFile::reserve(&path).unwrap();
        assert!(!path.exists());
        pending.commit(b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_a_wrong_request() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for place in [folder.path().to_owned(), folder.path().join("missing/model.pt"), file.join("model.pt")]
        {
            let failure = PendingFile::reserve(&place).unwrap_err();
            assert!(matches!(&failure, Failure::Request(text) if text.contains("cannot write")), "{failure}");
        }
    }
}
