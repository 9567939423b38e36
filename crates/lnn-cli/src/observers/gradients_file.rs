//! `gradients.jsonl`: the gradient that reaches each step, one line an epoch, if it is watched.

use super::Observer;
use crate::failure::Failure;
use crate::training::Event;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Appends to the file, which is made by the first line.
#[derive(Debug)]
pub struct GradientsFile {
    path: PathBuf,
}

impl GradientsFile {
    /// Writes to `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Observer for GradientsFile {
    fn observe(&mut self, event: &Event) -> Result<(), Failure> {
        let Event::Gradients(norms) = event else { return Ok(()) };
        let line = serde_json::to_string(norms).map_err(Failure::run)? + "\n";
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| Failure::run(format!("{}: {error}", self.path.display())))
    }
}
