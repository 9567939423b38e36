//! `metrics.jsonl`: one line per epoch, or one per candidate of a readout in closed form.

use super::observer::Observer;
use crate::error::Error;
use crate::event::{EpochMetrics, Event};
use crate::run_folder::write_atomically;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The number of lines after which the file is synced. It is less than the number of epochs that a checkpoint holds, so that a
/// failure of the power loses no line that the checkpoint cannot restore.
const LINES_BETWEEN_SYNCS: u64 = 50;

/// Appends every epoch to the file.
#[derive(Debug)]
pub struct MetricsFile {
    file: File,
    path: PathBuf,
    /// Lines that could not be written yet.
    pending: String,
    lines: u64,
    notice: Option<String>,
}

impl MetricsFile {
    /// Opens the file of a run that has finished `epochs` epochs, so that it has one line for each. `recorded` are the metrics in the
    /// checkpoint, which restore lines that are missing or damaged. Lines of later epochs are dropped, because the run repeats these
    /// epochs.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read or written.
    pub fn open(path: &Path, epochs: u64, recorded: &[EpochMetrics]) -> Result<Self, Error> {
        let found = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            content => content.map_err(Error::io(path))?,
        };
        let mut lines = lines_by_epoch(&found);
        lines.retain(|epoch, _| *epoch <= epochs);
        for metrics in recorded.iter().filter(|metrics| metrics.epoch <= epochs) {
            lines.entry(metrics.epoch).or_insert_with(|| line(metrics));
        }
        let content: String = lines.values().map(|line| line.to_owned() + "\n").collect();
        if content.as_bytes() != found {
            write_atomically(path, content.as_bytes())?;
        }
        let file = open(path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            pending: String::new(),
            lines: 0,
            notice: missing(path, &lines, epochs),
        })
    }

    /// Writes the file again if it was removed or replaced since it was opened; what was written is still in the open file.
    fn restore(&mut self) -> Result<(), Error> {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let there = fs::metadata(&self.path).map(id).ok();
        if there == self.file.metadata().map(id).ok() {
            return Ok(());
        }
        let mut content = Vec::new();
        self.file
            .rewind()
            .and_then(|()| self.file.read_to_end(&mut content))
            .map_err(Error::io(&self.path))?;
        write_atomically(&self.path, &content)?;
        self.file = open(&self.path)?;
        let shown = self.path.display();
        self.notice = Some(format!(
            "warning: {shown} was removed or replaced while the run trains; it is written again"
        ));
        Ok(())
    }

    /// Appends the pending lines. If that fails, as on a full disk, they stay pending and the file ends with a complete line.
    fn append(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        self.file.write_all(self.pending.as_bytes()).inspect_err(|_| {
            // A part of a line that stays is skipped by whoever reads the file.
            let _ = self.file.set_len(length);
        })?;
        self.pending.clear();
        self.lines += 1;
        if self.lines.is_multiple_of(LINES_BETWEEN_SYNCS) { self.file.sync_data() } else { Ok(()) }
    }
}

impl Observer for MetricsFile {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        let line = match event {
            Event::Epoch(metrics) => line(metrics),
            Event::Candidate(candidate) => line(candidate),
            _ => return Ok(()),
        };
        self.pending += &(line + "\n");
        self.restore()?;
        self.append().map_err(Error::io(&self.path))
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.append().map_err(Error::io(&self.path))
    }

    fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().create(true).read(true).append(true).open(path).map_err(Error::io(path))
}

fn line(metrics: &impl serde::Serialize) -> String {
    serde_json::to_string(metrics).expect("metrics are plain data")
}

/// Returns the first complete line of each epoch as it is in the file. Bytes that are not UTF-8 cost their line alone.
fn lines_by_epoch(content: &[u8]) -> BTreeMap<u64, String> {
    #[derive(Deserialize)]
    struct Epoch {
        epoch: u64,
    }
    let mut lines = BTreeMap::new();
    for line in content.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
        if let Ok(Epoch { epoch }) = serde_json::from_str(line) {
            lines.entry(epoch).or_insert_with(|| line.to_owned());
        }
    }
    lines
}

/// Returns a warning if epochs have no line.
fn missing(path: &Path, lines: &BTreeMap<u64, String>, epochs: u64) -> Option<String> {
    let count = epochs.saturating_sub(lines.len() as u64);
    (count > 0).then(|| {
        let shown = path.display();
        format!("warning: {shown}: the lines of {count} of {epochs} finished epochs are missing or damaged")
    })
}

/// Reads the epochs in a file and skips incomplete lines.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<EpochMetrics>, Error> {
    let content = fs::read(path).map_err(Error::io(path))?;
    let lines = lines_by_epoch(&content);
    Ok(lines.values().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
#[path = "metrics_file_tests.rs"]
mod tests;
