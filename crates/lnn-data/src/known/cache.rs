//! The data folder: one folder per set, files that appear whole or not at all, one process writing at a time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::DataError;

/// Half-written files start with this; what a killed process leaves is swept by the next one that has the lock.
const PARTIAL: &str = ".partial-";

/// The folder in which every known set has a folder of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `LNN_DATA_DIR` if set and not empty, else `lnn/data` in the cache folder of the user. Nothing is created yet.
    ///
    /// # Errors
    /// [`DataError::NoDataFolder`] if neither exists.
    pub fn from_env() -> Result<Self, DataError> {
        let chosen = std::env::var_os("LNN_DATA_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let default = || dirs::cache_dir().map(|folder| folder.join("lnn").join("data"));
        chosen.or_else(default).map(Self::at).ok_or(DataError::NoDataFolder)
    }

    /// The data folder `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The data folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of set `name`, which need not exist yet.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the folder of set `name` and waits until no other process writes to it; `on_wait` is called if there is
    /// one. The lock is the operating system's, so a process that dies lets go of it.
    ///
    /// # Errors
    /// [`DataError::DataFolderNotWritable`].
    pub fn lock(&self, name: &str, on_wait: impl FnOnce(&Path)) -> Result<LockedFolder, DataError> {
        let folder = self.folder(name);
        let not_writable = || DataError::not_writable(&folder);
        fs::create_dir_all(&folder).map_err(not_writable())?;
        let lock = File::create(folder.join(".lock")).map_err(not_writable())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                on_wait(&folder);
                lock.lock().map_err(not_writable())?;
            }
            // Some network file systems know no locks. Files still appear whole, so two processes only waste work.
            Err(fs::TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(e)) => return Err(not_writable()(e)),
        }
        let locked = LockedFolder { folder, _lock: lock };
        locked.sweep();
        Ok(locked)
    }
}

/// The folder of a set, which only this process writes to while this value lives.
#[derive(Debug)]
pub struct LockedFolder {
    folder: PathBuf,
    _lock: File,
}

impl LockedFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A new file in this folder that vanishes unless [`LockedFolder::keep`] is called with it.
    ///
    /// # Errors
    /// [`DataError::DataFolderNotWritable`].
    pub fn partial(&self) -> Result<NamedTempFile, DataError> {
        partial(&self.folder)
    }

    /// Gives a finished file its name, replacing what had it: synced first, then renamed, so that whoever sees the
    /// name sees the whole content, even after a power cut.
    ///
    /// # Errors
    /// [`DataError::DataFolderNotWritable`].
    pub fn keep(&self, file: NamedTempFile, name: &str) -> Result<PathBuf, DataError> {
        keep(file, self.folder.join(name))
    }

    /// Removes what killed processes left half-written. A file that cannot be removed does no harm.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Writes a small file whole or not at all; needs no lock.
///
/// # Errors
/// [`DataError::DataFolderNotWritable`].
pub(crate) fn write_whole(folder: &Path, name: &str, content: &[u8]) -> Result<PathBuf, DataError> {
    let mut file = partial(folder)?;
    file.write_all(content).map_err(DataError::not_writable(folder))?;
    keep(file, folder.join(name))
}

fn partial(folder: &Path) -> Result<NamedTempFile, DataError> {
    let file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder);
    file.map_err(DataError::not_writable(folder))
}

fn keep(file: NamedTempFile, path: PathBuf) -> Result<PathBuf, DataError> {
    let finish = || -> io::Result<()> {
        share(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    finish().map_err(DataError::not_writable(&path))?;
    Ok(path)
}

/// Temporary files are private to their owner; data sets are for everyone who may enter the folder.
#[cfg(unix)]
fn share(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_not_kept_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let folder = Cache::at(root.path()).lock("set", |_| ()).unwrap();
        folder.partial().unwrap().write_all(b"half").unwrap();
        write_whole(folder.path(), "whole", b"content").unwrap();
        assert_eq!(names(folder.path()), [".lock", "whole"]);
        assert_eq!(fs::read(folder.path().join("whole")).unwrap(), b"content");
    }

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("set")).unwrap();
        fs::write(root.path().join("set/.partial-abc"), b"half").unwrap();
        let folder = Cache::at(root.path()).lock("set", |_| ()).unwrap();
        assert_eq!(names(folder.path()), [".lock"]);
    }

    #[test]
    fn a_second_writer_waits_for_the_first() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path());
        let first = cache.lock("set", |_| ()).unwrap();
        let (waits, waiting) = mpsc::channel();
        let (gets, got) = mpsc::channel();
        let second = std::thread::spawn(move || {
            let _locked = cache.lock("set", |_| waits.send(()).unwrap()).unwrap();
            gets.send(()).unwrap();
        });
        waiting.recv_timeout(Duration::from_secs(10)).expect("the second writer says that it waits");
        assert!(got.try_recv().is_err());
        drop(first);
        got.recv_timeout(Duration::from_secs(10)).expect("the second writer gets its turn");
        second.join().unwrap();
    }

    #[test]
    fn a_data_folder_that_cannot_be_made_is_an_error_with_a_hint() {
        let file = NamedTempFile::new().unwrap();
        let error = Cache::at(file.path()).lock("set", |_| ()).unwrap_err();
        assert!(matches!(error, DataError::DataFolderNotWritable { .. }));
        assert!(error.to_string().contains("LNN_DATA_DIR"), "{error}");
    }
}
