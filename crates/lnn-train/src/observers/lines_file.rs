//! A file of JSON Lines that grows while a run trains, with one line for each epoch.

use crate::error::Error;
use crate::run_folder::write_atomically;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The number of lines after which the file is synced. It is less than the number of epochs that a checkpoint holds, so that a
/// failure of the power loses no line that the checkpoint cannot restore.
const LINES_BETWEEN_SYNCS: u64 = 50;

/// A file to which lines are appended. Lines that do not fit on the disk are kept and written later, and a file that is changed by
/// others is written again.
#[derive(Debug)]
pub(super) struct LinesFile {
    path: PathBuf,
    file: File,
    /// The content of the file.
    written: String,
    /// Lines that could not be written yet.
    pending: String,
    lines: u64,
    notice: Option<String>,
}

impl LinesFile {
    /// Opens the file at `path` and gives it these lines, which are those that it has or some of them.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub(super) fn open<'a>(path: &Path, lines: impl IntoIterator<Item = &'a String>) -> Result<Self, Error> {
        let written: String = lines.into_iter().map(|line| line.to_owned() + "\n").collect();
        let unchanged = fs::read(path).is_ok_and(|found| found == written.as_bytes());
        if !unchanged {
            write_atomically(path, written.as_bytes())?;
        }
        let (path, file) = (path.to_owned(), append_to(path)?);
        Ok(Self { path, file, written, pending: String::new(), lines: 0, notice: None })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written; it is then written with a later one.
    pub(super) fn push(&mut self, value: &impl serde::Serialize) -> Result<(), Error> {
        self.pending += &json(value);
        self.pending.push('\n');
        self.restore()?;
        self.flush()
    }

    /// Writes the lines that could not be written yet.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.append().map_err(Error::io(&self.path))
    }

    /// Returns a message for the user, once.
    pub(super) fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Writes the file again if it was removed, replaced or changed by others.
    fn restore(&mut self) -> Result<(), Error> {
        let id = |found: Metadata| (found.dev(), found.ino(), found.len());
        let ours = self.file.metadata().map(|found| (found.dev(), found.ino(), self.written.len() as u64));
        if ours.is_ok_and(|ours| fs::metadata(&self.path).map(id).is_ok_and(|found| found == ours)) {
            return Ok(());
        }
        write_atomically(&self.path, self.written.as_bytes())?;
        self.file = append_to(&self.path)?;
        let shown = self.path.display();
        self.notice = Some(format!(
            "warning: {shown} was removed, replaced or changed while the run trains; it is written again"
        ));
        Ok(())
    }

    fn append(&mut self) -> io::Result<()> {
        self.file.write_all(self.pending.as_bytes()).inspect_err(|_| {
            // A part of a line that stays is skipped by whoever reads the file.
            let _ = self.file.set_len(self.written.len() as u64);
        })?;
        self.written += &std::mem::take(&mut self.pending);
        self.lines += 1;
        if self.lines.is_multiple_of(LINES_BETWEEN_SYNCS) { self.file.sync_data() } else { Ok(()) }
    }
}

/// Returns the first complete line of each epoch, as it is in the file; none if there is no file. Bytes that are not UTF-8 cost their
/// line alone.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
pub(super) fn lines_by_epoch(path: &Path) -> Result<BTreeMap<u64, String>, Error> {
    #[derive(Deserialize)]
    struct Epoch {
        epoch: u64,
    }
    let content = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        content => content.map_err(Error::io(path))?,
    };
    let mut lines = BTreeMap::new();
    for line in content.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        if let Ok(Epoch { epoch }) = serde_json::from_str(line) {
            lines.entry(epoch).or_insert_with(|| line.to_owned());
        }
    }
    Ok(lines)
}

/// Returns a record as a line without its end.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a record is plain data")
}

fn append_to(path: &Path) -> Result<File, Error> {
    OpenOptions::new().create(true).append(true).open(path).map_err(Error::io(path))
}
