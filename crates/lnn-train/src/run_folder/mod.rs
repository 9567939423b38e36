//! The folder of a run: `config.json`, `metrics.jsonl`, `curves.svg`, `last.safetensors`, `best.safetensors`, `test.json`.

mod among;

use crate::config::RunConfig;
use crate::error::Error;
use crate::evaluation::Evaluation;
use crate::settings;
use crate::state::TrainingState;
use lnn_models::Checkpoint;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";
const GRADIENTS: &str = "gradients.jsonl";
const CURVES: &str = "curves.svg";
const LAST: &str = "last.safetensors";
const BEST: &str = "best.safetensors";
const TEST: &str = "test.json";

/// The files of a run.
const FILES: [&str; 7] = [CONFIG, METRICS, GRADIENTS, CURVES, LAST, BEST, TEST];

/// The folder of a run, locked by this process; no other process can open it at the same time. Of several ranks the first one has it,
/// and the others know its path.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// None in a rank that neither reads nor writes the folder.
    held: Option<Held>,
    notice: Option<String>,
}

/// The folder that this process has locked.
#[derive(Debug)]
struct Held {
    /// The folder itself, whatever happens to its path.
    folder: File,
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
        fs::create_dir_all(&path).map_err(|error| Error::unwritable(&path, &error))?;
        Self::check_free(&path)?;
        let folder = Self::lock(path)?;
        // Another process may have begun and ended between the check and the lock.
        Self::check_free(&folder.path)?;
        folder.write_config(config)?;
        Ok(folder)
    }

    /// Refuses a folder that holds a run, or files of one that a new run would replace.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn check_free(path: &Path) -> Result<(), Error> {
        let shown = path.display();
        if path.join(CONFIG).exists() {
            return Err(Error::Folder(format!(
                "{shown} holds a run already; hint: --resume {shown} goes on with it, another --out starts a new one"
            )));
        }
        match FILES.iter().find(|name| fs::symlink_metadata(path.join(name)).is_ok()) {
            None => Ok(()),
            Some(name) => Err(Error::Folder(format!(
                "{shown} holds {name} without a {CONFIG}, and a new run would replace it; hint: another --out, or move it away"
            ))),
        }
    }

    /// Whether the folder at `path` holds a run.
    pub fn holds_run(path: &Path) -> bool {
        path.join(CONFIG).exists()
    }

    /// Returns the name of the file at `path` if it is one of the files of a run.
    pub fn file_of_run(path: &Path) -> Option<&'static str> {
        let name = path.file_name()?.to_str()?;
        let name = FILES.iter().find(|file| **file == name)?;
        path.with_file_name(CONFIG).exists().then_some(*name)
    }

    /// Writes the configuration of the run.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write_config(&self, config: &RunConfig) -> Result<(), Error> {
        if self.held.is_none() {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(config).expect("a configuration is plain data");
        write_atomically(&self.path.join(CONFIG), format!("{text}\n").as_bytes())
    }

    /// Opens the folder of a run to resume, and reads its configuration.
    ///
    /// # Errors
    /// [`Error::Folder`] if there is no run, its configuration is damaged, or another process uses the folder.
    pub fn open(path: &Path) -> Result<(Self, RunConfig), Error> {
        let file = path.join(CONFIG);
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

    /// Locks the folder, and removes what a killed process left in it.
    fn lock(path: PathBuf) -> Result<Self, Error> {
        let name = path.join(".lock");
        let lock = File::create(&name).map_err(|error| Error::unwritable(&name, &error))?;
        let notice = check_lock(&path, lock.try_lock())?;
        let folder = File::open(&path).map_err(Error::io(&path))?;
        lnn_models::sweep_scraps(&path);
        Ok(Self { path, held: Some(Held { folder, _lock: lock }), notice })
    }

    /// Returns an error if the path no longer leads to the folder that was locked: files must not go to a folder in which another run
    /// may be under way.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn check_in_place(&self) -> Result<(), Error> {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let Some(Held { folder, .. }) = &self.held else { return Ok(()) };
        let locked = folder.metadata().map(id).map_err(Error::io(&self.path))?;
        if fs::metadata(&self.path).map(id).is_ok_and(|found| found == locked) {
            return Ok(());
        }
        let reason = "the folder of the run was removed, renamed or replaced while the run trains, so there is no place to save it; \
                      hint: a folder that was renamed can be resumed under its new name";
        Err(Error::Io { path: self.path.clone(), reason: reason.into() })
    }

    /// Returns a message for the user about the folder, if there is one.
    pub(crate) fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the last checkpoint, from which the run is resumed.
    pub fn last(&self) -> PathBuf {
        self.path.join(LAST)
    }

    /// Returns the path of the checkpoint of the best epoch.
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// Returns the path of the picture with loss and accuracy over the epochs.
    pub fn curves(&self) -> PathBuf {
        self.path.join(CURVES)
    }

    /// Returns the path of the gradient norms at each step through time, one JSON line per epoch.
    pub fn gradients(&self) -> PathBuf {
        self.path.join(GRADIENTS)
    }

    /// Returns the path of the metrics, one JSON line per epoch.
    pub fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// Returns the path of the result of the test.
    pub fn test(&self) -> PathBuf {
        self.path.join(TEST)
    }

    /// Returns the result of the test of these weights, if they were tested.
    ///
    /// # Errors
    /// [`Error::Folder`] if the file is damaged.
    pub fn tested(&self) -> Result<Option<Evaluation>, Error> {
        let path = self.test();
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Error::io(&path))?,
        };
        let damaged =
            |error| Error::Folder(format!("{} is damaged: {error}; hint: remove it", path.display()));
        serde_json::from_str(&text).map(Some).map_err(damaged)
    }
}

/// Returns the state of the run in the folder `run`; none before its first checkpoint.
///
/// # Errors
/// [`Error::Model`] or [`Error::Folder`] if the checkpoint is damaged.
pub fn state_of_run(run: &Path) -> Result<Option<TrainingState>, Error> {
    let last = run.join(LAST);
    last.exists().then(|| TrainingState::of(&Checkpoint::load(&last)?, &last)).transpose()
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
    let candidates = [BEST, LAST].map(|name| path.join(name));
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
/// [`Error::Io`] if it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    lnn_models::write_atomically(path, bytes)
        .map_err(|error| Error::Io { path: path.to_owned(), reason: format!("cannot be written: {error}") })
}

/// Checks the result of locking the folder at `path`. A file system without locks gives a message for the user.
fn check_lock(path: &Path, result: Result<(), TryLockError>) -> Result<Option<String>, Error> {
    /// The number of the error "no locks available", as from a network file system whose server has no lock service.
    const ENOLCK: i32 = 37;
    let shown = path.display();
    match result {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            Err(Error::Folder(format!("another process is training in {shown}")))
        }
        Err(TryLockError::Error(error))
            if error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(ENOLCK) =>
        {
            Ok(Some(format!(
                "note: the file system of {shown} has no locks; make sure that no other process trains there"
            )))
        }
        Err(TryLockError::Error(error)) => Err(Error::unwritable(path, &error)),
    }
}

/// Creates the first folder `NAME-N` that does not exist and returns it.
fn free_name(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    fs::create_dir_all(parent).map_err(|error| Error::unwritable(parent, &error))?;
    for number in 1_u64.. {
        let path = parent.join(format!("{name}-{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::unwritable(&path, &error)),
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
    fn a_checkpoint_without_its_configuration_is_not_replaced() {
        for name in FILES {
            let out = tempfile::tempdir().unwrap();
            fs::write(out.path().join(name), "precious").unwrap();
            let error = RunFolder::create(Some(out.path()), "x", &config()).unwrap_err().to_string();
            assert!(error.contains("holds"), "{error}");
            assert_eq!(fs::read_to_string(out.path().join(name)).unwrap(), "precious");
        }
    }

    #[test]
    fn scraps_of_a_killed_process_are_swept_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("run");
        drop(RunFolder::create(Some(&out), "x", &config()).unwrap());
        for name in [".tmpQ7xk2A", ".partial-x1Y2z3", ".tmp", ".tmpfiles.d", "notes.txt"] {
            fs::write(out.join(name), "half").unwrap();
        }
        RunFolder::open(&out).unwrap();
        let mut names: Vec<_> = fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [".lock", ".tmp", ".tmpfiles.d", CONFIG, "notes.txt"]);
    }

    #[test]
    fn a_folder_that_was_moved_or_replaced_is_noticed() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("run");
        let folder = RunFolder::create(Some(&out), "x", &config()).unwrap();
        folder.check_in_place().unwrap();
        fs::rename(&out, parent.path().join("moved")).unwrap();
        assert!(matches!(folder.check_in_place(), Err(Error::Io { .. })));
        fs::create_dir(&out).unwrap();
        assert!(folder.check_in_place().unwrap_err().to_string().contains("replaced"));
        fs::remove_dir(&out).unwrap();
        fs::rename(parent.path().join("moved"), &out).unwrap();
        folder.check_in_place().unwrap();
    }

    #[test]
    fn a_file_system_without_locks_is_a_note_and_another_error_a_failure() {
        let path = Path::new("/mnt/run");
        let checked = |error: std::io::Error| check_lock(path, Err(TryLockError::Error(error)));
        for error in [std::io::Error::from(ErrorKind::Unsupported), std::io::Error::from_raw_os_error(37)] {
            assert!(
                checked(error)
                    .unwrap()
                    .unwrap()
                    .starts_with("note: the file system of /mnt/run has no locks")
            );
        }
        assert!(checked(ErrorKind::StorageFull.into()).is_err());
        assert_eq!(check_lock(path, Ok(())).unwrap(), None);
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
