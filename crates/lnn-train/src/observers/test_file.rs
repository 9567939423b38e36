//! `test.json`: the result of the test of a run.

use super::observer::Observer;
use crate::error::Error;
use crate::event::Event;
use crate::run_folder::write_atomically;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Writes the result of the test, and removes that of a run which trains on: it would belong to other weights.
#[derive(Debug)]
pub struct TestFile {
    path: PathBuf,
}

impl TestFile {
    /// The result goes to `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Observer for TestFile {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        match event {
            Event::Started(started) if started.epoch < started.epochs => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(&self.path)(error)),
                _ => Ok(()),
            },
            Event::Test(test) => {
                let text = serde_json::to_string_pretty(test).expect("a result is plain data");
                write_atomically(&self.path, format!("{text}\n").as_bytes())
            }
            _ => Ok(()),
        }
    }
}
