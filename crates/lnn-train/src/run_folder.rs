//! The folder of a run: `config.json`, `metrics.jsonl`, `curves.svg`, `last.safetensors`, `best.safetensors`.

use crate::config::RunConfig;
use crate::error::Error;
use crate::settings;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// The folder of a run, locked by this process; no other process can open it at the same time.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Creates the folder of a new run: `out`, or the first free `runs/NAME-N`.
    ///
    /// # Errors
    /// [`Error::Folder`] if `out` already holds a run or cannot be written.
    pub fn create(out: Option<&Path>, name: &str, config: &RunConfig) -> Result<Self, Error> {
        let path = match out {
            Some(out) => out.to_owned(),
            None => free_name(Path::new("runs"), name)?,
        };
        let unwritable = |error| cannot_write(&path, &error);
        fs::create_dir_all(&path).map_err(unwritable)?;
        Self::check_free(&path)?;
        let folder = Self::lock(path)?;
        folder.write_config(config)?;
        Ok(folder)
    }

    /// Refuses a folder that holds a run.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn check_free(path: &Path) -> Result<(), Error> {
        if path.join("config.json").exists() {
            return Err(Error::Folder(format!(
                "{} holds a run already; hint: --resume {0} goes on with it, another --out starts a new one",
                path.display()
            )));
        }
        Ok(())
    }

    /// Writes the configuration of the run.
    ///
    /// # Errors
    /// [`Error::Folder`] if the folder cannot be written.
    pub fn write_config(&self, config: &RunConfig) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(config).expect("a configuration is plain data");
        write_atomically(&self.path.join("config.json"), format!("{text}\n").as_bytes())
    }

    /// Opens the folder of a run to resume, and reads its configuration.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is no run, its configuration is damaged, or another process uses the folder.
    pub fn open(path: &Path) -> Result<(Self, RunConfig), Error> {
        let file = path.join("config.json");
        let text = fs::read_to_string(&file).map_err(|error| {
            Error::Folder(format!(
                "{} is not the folder of a run: {}: {error}",
                path.display(),
                file.display()
            ))
        })?;
        let config = settings::read(&text)
            .map_err(|error| Error::Folder(format!("{} is damaged: {error}", file.display())))?;
        Ok((Self::lock(path.to_owned())?, config))
    }

    fn lock(path: PathBuf) -> Result<Self, Error> {
        let name = path.join(".lock");
        let lock = File::create(&name).map_err(|error| cannot_write(&name, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Folder(format!("another process is training in {}", path.display())))
            }
            Err(TryLockError::Error(error)) => Err(cannot_write(&name, &error)),
        }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the last checkpoint, from which the run is resumed.
    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Returns the path of the checkpoint of the best epoch.
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// Returns the path of the picture with loss and accuracy over the epochs.
    pub fn curves(&self) -> PathBuf {
        self.path.join("curves.svg")
    }

    /// Returns the path of the gradient norms at each step through time, one JSON line per epoch.
    pub fn gradients(&self) -> PathBuf {
        self.path.join("gradients.jsonl")
    }

    /// Returns the path of the metrics, one JSON line per epoch.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }
}

/// Returns the checkpoint file for a path: the file itself, or the best checkpoint of a run's folder, otherwise its
/// last.
///
/// # Errors
/// [`Error::Folder`] if there is no checkpoint.
pub fn checkpoint_file(path: &Path) -> Result<PathBuf, Error> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if !path.is_dir() {
        let shown = path.display();
        return Err(Error::Folder(format!(
            "{shown}: expected a run's folder or a checkpoint file, found nothing"
        )));
    }
    let candidates = ["best.safetensors", "last.safetensors"].map(|name| path.join(name));
    candidates.into_iter().find(|file| file.is_file()).ok_or_else(|| {
        Error::Folder(format!(
            "{}: expected best.safetensors or last.safetensors in the folder, found neither; hint: has the run \
             finished an epoch?",
            path.display()
        ))
    })
}

/// Writes a file atomically: a file of this name never has partial content.
///
/// # Errors
/// [`Error::Folder`] if the folder cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    lnn_models::write_atomically(path, bytes).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::Folder(format!("cannot write {}: {error}", path.display()))
}

/// Creates the first folder `NAME-N` that does not exist and returns it.
fn free_name(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
    for number in 1_u64.. {
        let path = parent.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_write(&path, &error)),
        }
    }
    unreachable!("there are more numbers than folders")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_models::{ModelKind, Preset};

    fn config() -> RunConfig {
        RunConfig::preset(ModelKind::Lnn, Preset::Tuned).unwrap()
    }

    #[test]
    fn a_folder_with_a_run_is_not_written_over_and_opens_with_its_configuration() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("run");
        drop(RunFolder::create(Some(&out), "x", &config()).unwrap());
        let error = RunFolder::create(Some(&out), "x", &config()).unwrap_err().to_string();
        assert!(error.contains("holds a run already") && error.contains("--resume"));
        assert_eq!(RunFolder::open(&out).unwrap().1, config());
    }

    #[test]
    fn two_processes_cannot_work_on_one_run() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("run");
        let held = RunFolder::create(Some(&out), "x", &config()).unwrap();
        assert!(RunFolder::open(&out).unwrap_err().to_string().contains("another process"));
        drop(held);
        assert!(RunFolder::open(&out).is_ok());
    }

    #[test]
    fn a_run_means_its_best_checkpoint_and_else_its_last() {
        let run = tempfile::tempdir().unwrap();
        assert!(checkpoint_file(run.path()).unwrap_err().to_string().contains("found neither"));
        fs::write(run.path().join("last.safetensors"), "").unwrap();
        assert!(checkpoint_file(run.path()).unwrap().ends_with("last.safetensors"));
        fs::write(run.path().join("best.safetensors"), "").unwrap();
        assert!(checkpoint_file(run.path()).unwrap().ends_with("best.safetensors"));
        assert!(checkpoint_file(&run.path().join("nowhere")).is_err());
    }
}
