//! `metrics.jsonl`: one line per epoch, or one per candidate of a readout in closed form.

use super::lines_file::{LinesFile, json, lines_by_epoch};
use super::observer::Observer;
use crate::error::Error;
use crate::event::{EpochMetrics, Event};
use std::path::Path;

/// Appends every epoch to the file.
#[derive(Debug)]
pub struct MetricsFile {
    lines: LinesFile,
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
        let mut lines = lines_by_epoch(path)?;
        lines.retain(|epoch, _| *epoch <= epochs);
        for metrics in recorded.iter().filter(|metrics| metrics.epoch <= epochs) {
            lines.entry(metrics.epoch).or_insert_with(|| json(metrics));
        }
        let missing = epochs.saturating_sub(lines.len() as u64);
        let notice = (missing > 0).then(|| {
            let shown = path.display();
            format!(
                "warning: {shown}: the lines of {missing} of {epochs} finished epochs are missing or damaged"
            )
        });
        Ok(Self { lines: LinesFile::open(path, lines.values())?, notice })
    }
}

impl Observer for MetricsFile {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        match event {
            Event::Epoch(metrics) => self.lines.push(metrics),
            Event::Candidate(candidate) => self.lines.push(candidate),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.lines.flush()
    }

    fn take_notice(&mut self) -> Option<String> {
        self.notice.take().or_else(|| self.lines.take_notice())
    }
}

/// Reads the epochs in a file and skips incomplete lines.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
#[cfg(feature = "plots")]
pub(super) fn read(path: &Path) -> Result<Vec<EpochMetrics>, Error> {
    Ok(lines_by_epoch(path)?.values().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
#[path = "metrics_file_tests.rs"]
mod tests;
