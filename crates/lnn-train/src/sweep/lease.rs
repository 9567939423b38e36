//! Who works on a trial, and until when: a lease is a file that one worker alone can make, and that runs out if nothing is heard of it.

use crate::error::Error;
use crate::place::host;
use crate::run_folder::write_atomically;
use lnn_core::derive_seed;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The right to work on a trial until it has reached a rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The name of the lease, which no other lease has.
    pub id: String,
    /// The machine of the worker.
    pub host: String,
    /// Whether `sweep run` holds it, which looks after its trials itself.
    pub run: bool,
    /// When it was given or renewed, in seconds since 1970.
    pub granted: u64,
    /// The seconds after which it runs out, counted from then or from the last epoch that the trial has finished since.
    pub seconds: u64,
}

impl Lease {
    /// Returns a lease from now on.
    pub fn new(run: bool, seconds: u64) -> Self {
        let now = now();
        let words = [u64::from(std::process::id()), now.subsec_nanos().into(), now.as_secs()];
        let id = host().bytes().fold(derive_seed(0, &words), |id, byte| derive_seed(id, &[byte.into()]));
        Self { id: format!("{id:016x}"), host: host(), run, granted: now.as_secs(), seconds }
    }

    /// Whether it has run out. `metrics` is the file to which the trial adds a line after each epoch.
    pub fn has_run_out(&self, metrics: &Path) -> bool {
        let last = fs::metadata(metrics)
            .and_then(|found| found.modified())
            .map_or(0, |time| since_1970(time).as_secs());
        let heard = self.granted.max(last);
        now().as_secs() > heard.saturating_add(self.seconds)
    }

    /// Takes the lease at `path`; none if another worker was first.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn take(self, path: &Path) -> Result<Option<Self>, Error> {
        Ok(create(path, &self)?.then_some(self))
    }

    /// Renews the lease at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn renew(&mut self, path: &Path) -> Result<(), Error> {
        self.granted = now().as_secs();
        write_atomically(path, &json(self))
    }

    /// Gives back the lease at `path`, so that another can be taken.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be removed.
    pub fn give_back(path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes a lease that has run out; of several workers that try, one alone succeeds, because the renaming of a file does. Returns
    /// whether it was this one.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be renamed.
    pub fn remove_expired(&self, path: &Path) -> Result<bool, Error> {
        let aside = PathBuf::from(format!("{}.{}.over", path.display(), Self::new(false, 0).id));
        match fs::rename(path, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            renamed => renamed.map_err(Error::io(path))?,
        }
        // A worker that was faster may have taken a new lease already, which then goes back to its place.
        let found: Option<Self> = fs::read(&aside).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let is_ours = found.is_none_or(|found| found.id == self.id);
        if !is_ours {
            let _ = fs::hard_link(&aside, path);
        }
        fs::remove_file(&aside).map_err(Error::io(&aside))?;
        Ok(is_ours)
    }
}

/// Creates a file with a record, whole or not at all; returns false if there is one already.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub(super) fn create(path: &Path, record: &impl Serialize) -> Result<bool, Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let io = Error::io(path);
    let mut builder = tempfile::Builder::new();
    // Readable by those who share the folder, as far as the umask allows.
    builder.prefix(".partial-").permissions(fs::Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(&io)?;
    file.write_all(&json(record)).map_err(&io)?;
    file.as_file().sync_all().map_err(&io)?;
    // The file system refuses the name where it exists, also on a network.
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(refused) => Err(io(refused.error)),
    }
}

/// A record as the text of a file.
pub(super) fn json(record: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(record).expect("a record is plain data");
    text.push(b'\n');
    text
}

/// The time since 1970.
pub(super) fn now() -> Duration {
    since_1970(SystemTime::now())
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn of_many_workers_one_alone_takes_a_lease_and_one_alone_removes_it_when_it_has_run_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        for _ in 0..20 {
            let start = Barrier::new(8);
            let winners = |work: &(dyn Fn() -> bool + Sync)| {
                std::thread::scope(|scope| {
                    let workers: Vec<_> = (0..8)
                        .map(|_| {
                            scope.spawn(|| {
                                start.wait();
                                work()
                            })
                        })
                        .collect();
                    workers.into_iter().map(|worker| worker.join().unwrap()).filter(|won| *won).count()
                })
            };
            assert_eq!(winners(&|| Lease::new(false, 60).take(&path).unwrap().is_some()), 1);
            let held: Lease = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(winners(&|| held.remove_expired(&path).unwrap()), 1);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file stays");
    }

    #[test]
    fn a_lease_that_was_taken_anew_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let old = Lease::new(false, 0);
        let new = Lease::new(false, 60).take(&path).unwrap().unwrap();
        assert!(!old.remove_expired(&path).unwrap());
        assert_eq!(serde_json::from_slice::<Lease>(&fs::read(&path).unwrap()).unwrap(), new);
    }

    #[test]
    fn a_lease_runs_out_after_its_time_unless_the_trial_is_heard_of() {
        let folder = tempfile::tempdir().unwrap();
        let metrics = folder.path().join("metrics.jsonl");
        let mut lease = Lease::new(false, 60);
        assert!(!lease.has_run_out(&metrics));
        lease.granted -= 100;
        assert!(lease.has_run_out(&metrics));
        fs::write(&metrics, "").unwrap();
        assert!(!lease.has_run_out(&metrics), "an epoch has just ended");
        lease.seconds = u64::MAX;
        assert!(!lease.has_run_out(&folder.path().join("none")));
    }
}
