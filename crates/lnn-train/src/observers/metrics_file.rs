//! `metrics.jsonl`: one line per epoch, or one per candidate of a readout in closed form.

use super::observer::Observer;
use crate::error::Error;
use crate::event::{EpochMetrics, Event};
use crate::run_folder::write_atomically;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Appends every epoch to the file.
#[derive(Debug)]
pub struct MetricsFile {
    file: File,
    path: PathBuf,
}

impl MetricsFile {
    /// Opens the file of a run that has finished `epochs` epochs. Lines of later epochs, written before the run was
    /// killed, are dropped, because the run repeats these epochs. An incomplete last line is dropped, too.
    ///
    /// # Errors
    /// [`Error`] if the file cannot be read or written.
    pub fn open(path: &Path, epochs: u64) -> Result<Self, Error> {
        if path.exists() {
            let kept: Vec<EpochMetrics> =
                read(path)?.into_iter().filter(|metrics| metrics.epoch <= epochs).collect();
            let lines = kept.iter().map(|metrics| serde_json::to_string(metrics).expect("plain data") + "\n");
            write_atomically(path, lines.collect::<String>().as_bytes())?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(Error::io(path))?;
        Ok(Self { file, path: path.to_owned() })
    }
}

impl Observer for MetricsFile {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        let line = match event {
            Event::Epoch(metrics) => serde_json::to_string(metrics),
            Event::Candidate(candidate) => serde_json::to_string(candidate),
            _ => return Ok(()),
        };
        let line = line.expect("metrics are plain data") + "\n";
        self.file.write_all(line.as_bytes()).map_err(Error::io(&self.path))
    }
}

/// Reads the epochs in a file and skips incomplete lines.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<EpochMetrics>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: u64) -> Event {
        Event::Epoch(EpochMetrics {
            epoch,
            epochs: 9,
            step: epoch * 10,
            loss: 0.1,
            accuracy: Some(0.9),
            val_loss: 0.2,
            val_accuracy: Some(0.8),
            lr: 1e-3,
            samples_per_second: 100.0,
            seconds: 1.0,
            eta_seconds: 2.0,
            best: true,
            spike_rate: None,
            mean_state: None,
            active_units: None,
            added_units: Vec::new(),
        })
    }

    #[test]
    fn a_resumed_run_drops_the_lines_that_it_will_write_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut file = MetricsFile::open(&path, 0).unwrap();
        (1..=3).for_each(|i| file.observe(&epoch(i)).unwrap());
        drop(file);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str(r#"{"epoch": 4, "cut"#);
        std::fs::write(&path, text).unwrap();
        let mut file = MetricsFile::open(&path, 2).unwrap();
        file.observe(&epoch(3)).unwrap();
        let epochs: Vec<u64> = read(&path).unwrap().iter().map(|metrics| metrics.epoch).collect();
        assert_eq!(epochs, [1, 2, 3]);
    }
}
