//! The data folder: one folder per set; files are written atomically, and one process writes at a time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::DataError;

/// The prefix of incomplete files; the next process that has the lock removes those of a killed process.
const PARTIAL: &str = ".partial-";

/// The data folder, which has one folder per known set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Uses `LNN_DATA_DIR` if set and not empty, otherwise `lnn/data` in the cache folder of the user. Creates nothing
    /// yet.
    ///
    /// # Errors
    /// [`DataError::NoDataFolder`] if neither exists.
    pub fn from_env() -> Result<Self, DataError> {
        let chosen = std::env::var_os("LNN_DATA_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let default = || dirs::cache_dir().map(|folder| folder.join("lnn").join("data"));
        chosen.or_else(default).map(Self::at).ok_or(DataError::NoDataFolder)
    }

    /// Uses the data folder `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the path of the data folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of set `name`, which need not exist yet.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Creates the folder of set `name` and waits until no other process writes to it; calls `on_wait` if it has to
    /// wait. The operating system holds the lock and releases it when the process ends.
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
            // Some network file systems do not support locks. Files are still written atomically, so two processes only
            // duplicate work.
            Err(fs::TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(e)) => return Err(not_writable()(e)),
        }
        let locked = LockedFolder { folder, _lock: lock };
        locked.sweep();
        Ok(locked)
    }
}

/// The locked folder of a set: only this process writes to it while this value exists.
#[derive(Debug)]
pub struct LockedFolder {
    folder: PathBuf,
    _lock: File,
}

impl LockedFolder {
    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Creates a file in this folder that is deleted unless it is passed to [`LockedFolder::keep`].
    ///
    /// # Errors
    /// [`DataError::DataFolderNotWritable`].
    pub fn partial(&self) -> Result<NamedTempFile, DataError> {
        partial(&self.folder)
    }

    /// Gives a finished file its final name and replaces an existing file. The file is synced first and then renamed,
    /// so that a file of this name has its whole content, even after a power failure.
    ///
    /// # Errors
    /// [`DataError::DataFolderNotWritable`].
    pub fn keep(&self, file: NamedTempFile, name: &str) -> Result<PathBuf, DataError> {
        keep(file, self.folder.join(name))
    }

    /// Removes incomplete files of killed processes. A file that cannot be removed is ignored.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Writes a small file atomically; needs no lock.
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

/// Temporary files are private to their owner, but data sets are readable for everyone who may enter the folder.
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
