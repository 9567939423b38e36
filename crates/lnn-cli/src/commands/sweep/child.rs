//! The process that trains a trial: this program with the command `train`.

use crate::device::DeviceRequest;
use crate::failure::Failure;
use lnn_train::sweep::{Job, SweepFolder};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// The lines of standard error that are kept as the reason of a failure.
const LINES: usize = 5;

/// What tells a process that it is one of several ranks.
const RANKS: [&str; 8] = [
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_NTASKS",
];

/// How a process ended.
pub(super) enum End {
    /// It has reached its rung.
    Reached,
    /// It was stopped and has saved its run.
    Saved,
    /// It has failed, for this reason.
    Failed(String),
}

/// What a process may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Threads of one operation.
    pub(super) threads: i32,
    /// The device.
    pub(super) device: DeviceRequest,
}

/// Returns the arguments that train a trial up to its rung. They may be repeated at any time.
pub(super) fn arguments(sweep: &SweepFolder, job: &Job) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["train", "--model", sweep.plan().base.model.name()].map(Into::into).into();
    for (flag, path) in [("--config", &job.config), ("--resume-or-start", &job.folder)] {
        arguments.extend([flag.into(), path.into()]);
    }
    if let Some(epochs) = job.epochs {
        arguments.extend(["--pause-at".into(), epochs.to_string().into()]);
    }
    arguments.push("--no-test".into());
    arguments
}

/// Returns this program.
///
/// # Errors
/// [`Failure::Run`] if the system does not know it.
pub(super) fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::run(format!("this program is not found: {error}")))
}

/// Returns a call of this program as one process, whatever the job that the sweep runs in says of ranks.
///
/// # Errors
/// Those of [`program`].
pub(super) fn process() -> Result<Command, Failure> {
    let mut process = Command::new(program()?);
    for name in RANKS {
        process.env_remove(name);
    }
    Ok(process)
}

/// A trial that is being trained.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) job: Job,
    /// Which of the places for processes it has.
    pub(super) place: usize,
    /// When its lease was renewed.
    pub(super) renewed: Instant,
    child: Child,
    stderr: File,
    /// The length of the file of standard error when the process began.
    before: u64,
}

impl Training {
    /// Starts the process. It holds the lock of `claim` as long as it lives, even if this process is killed.
    ///
    /// # Errors
    /// [`Failure::Run`] if it cannot be started.
    pub(super) fn start(
        sweep: &SweepFolder,
        job: Job,
        (place, claim): (usize, File),
        share: Share,
    ) -> Result<Self, Failure> {
        let number = job.trial.number;
        let failed =
            |error| Failure::run(format!("the process of trial {number} cannot be started: {error}"));
        let path = sweep.stderr_of(number);
        let stderr = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let before = stderr.metadata().map_err(failed)?.len();
        let child = process()?
            .args(arguments(sweep, &job))
            .args(["--threads", &share.threads.to_string(), "--device", &share.device.to_string()])
            .stdin(claim)
            .stdout(Stdio::null())
            .stderr(stderr.try_clone().map_err(failed)?)
            // Ctrl-C goes to this process alone, which then stops the others in order.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self { job, place, renewed: Instant::now(), child, stderr, before })
    }

    /// Asks the process to save its run and to end.
    pub(super) fn stop(&self) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    /// Returns how the process has ended; none if it still runs.
    ///
    /// # Errors
    /// [`Failure::Run`] if the system does not know it.
    pub(super) fn ended(&mut self) -> Result<Option<End>, Failure> {
        let status = self
            .child
            .try_wait()
            .map_err(|error| Failure::run(format!("a process of the sweep: {error}")))?;
        Ok(status.map(|status| match status.code() {
            Some(0) => End::Reached,
            Some(75 | 130) => End::Saved,
            _ => End::Failed(self.reason(status)),
        }))
    }

    /// Returns how it ended, with the last lines of its standard error.
    fn reason(&mut self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(9)) => "killed by signal 9, perhaps for lack of memory".into(),
            (None, signal) => format!("killed by signal {}", signal.unwrap_or(0)),
        };
        let mut bytes = Vec::new();
        let read =
            self.stderr.seek(SeekFrom::Start(self.before)).and_then(|_| self.stderr.read_to_end(&mut bytes));
        let text = read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
        if last.is_empty() { how } else { format!("{how}: {last}") }
    }
}
