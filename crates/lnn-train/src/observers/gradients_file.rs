//! `gradients.jsonl`: the gradient norm at each step through time, one line per epoch, if tracing is enabled.

use super::observer::Observer;
use crate::error::Error;
use crate::event::{Event, GradientNorms};
use crate::run_folder::write_atomically;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Appends one line per epoch to the file, which the first line creates.
#[derive(Debug)]
pub struct GradientsFile {
    path: PathBuf,
}

impl GradientsFile {
    /// Writes to `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Returns the lines of the epochs before `epoch`, because a run that was killed repeats an epoch.
    fn before(&self, epoch: u64) -> Result<String, Error> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
            text => text.map_err(Error::io(&self.path))?,
        };
        let earlier =
            |line: &&str| serde_json::from_str::<GradientNorms>(line).is_ok_and(|norms| norms.epoch < epoch);
        Ok(text.lines().filter(earlier).map(|line| line.to_owned() + "\n").collect())
    }
}

impl Observer for GradientsFile {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        let Event::Gradients(norms) = event else { return Ok(()) };
        let line = serde_json::to_string(norms).expect("norms are plain data") + "\n";
        write_atomically(&self.path, (self.before(norms.epoch)? + &line).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_is_repeated_has_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gradients.jsonl");
        for epoch in [1, 2, 3, 2] {
            let norms = GradientNorms::new(epoch, vec![0.5, 1.0]);
            GradientsFile::new(&path).observe(&Event::Gradients(norms)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let epoch = |line| serde_json::from_str::<GradientNorms>(line).unwrap().epoch;
        assert_eq!(text.lines().map(epoch).collect::<Vec<_>>(), [1, 2]);
    }
}
