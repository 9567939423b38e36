//! `gradients.jsonl`: the gradient norm at each step through time, one line per epoch, if tracing is enabled.

use super::lines_file::{LinesFile, lines_by_epoch};
use super::observer::Observer;
use crate::error::Error;
use crate::event::Event;
use std::path::{Path, PathBuf};

/// Appends one line per epoch to the file, which the first line creates.
#[derive(Debug)]
pub struct GradientsFile {
    path: PathBuf,
    lines: Option<LinesFile>,
}

impl GradientsFile {
    /// Writes to `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), lines: None }
    }

    /// Returns the file, opened for the line of `epoch`: a run that was killed repeats an epoch, and its lines from there on.
    fn lines(&mut self, epoch: u64) -> Result<&mut LinesFile, Error> {
        let lines = match self.lines.take() {
            Some(lines) => lines,
            None => {
                LinesFile::open(&self.path, lines_by_epoch(&self.path)?.range(..epoch).map(|(_, line)| line))?
            }
        };
        Ok(self.lines.insert(lines))
    }
}

impl Observer for GradientsFile {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        let Event::Gradients(norms) = event else { return Ok(()) };
        self.lines(norms.epoch)?.push(norms)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.lines.as_mut().map_or(Ok(()), LinesFile::flush)
    }

    fn take_notice(&mut self) -> Option<String> {
        self.lines.as_mut().and_then(LinesFile::take_notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::GradientNorms;

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
