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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;
    use crate::event::Started;
    use crate::place::Place;

    fn started(epoch: u64) -> Event {
        Event::Started(Started {
            model: "lnn".into(),
            data: "sine".into(),
            place: Place { host: "here".into(), device: "cpu".into(), threads: 1 },
            ranks: 1,
            trainable: 1,
            fixed: 0,
            train_samples: 10,
            validation_samples: 5,
            steps_per_epoch: 1,
            epoch,
            epochs: 3,
            folder: PathBuf::new(),
        })
    }

    #[test]
    fn the_result_stays_when_a_finished_run_starts_again_and_goes_when_it_trains_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.json");
        let mut file = TestFile::new(&path);
        file.observe(&started(0)).unwrap();
        assert!(!path.exists());
        let result: Evaluation = serde_json::from_str(r#"{"loss": 0.5, "samples": 3}"#).unwrap();
        file.observe(&Event::Test(result.clone())).unwrap();
        file.observe(&started(3)).unwrap();
        let read: Evaluation = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, result);
        file.observe(&started(2)).unwrap();
        assert!(!path.exists());
    }
}
