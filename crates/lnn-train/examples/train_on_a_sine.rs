//! Trains a liquid network to predict a generated series, with the library alone.

#![allow(clippy::print_stdout)]

use lnn_core::{Cut, InputSpec, Per, Rows, SampleSet, Windows};
use lnn_data::{Content, DataError, DataSource, Parts, SplitRequest};
use lnn_models::{ModelKind, Preset};
use lnn_train::{Evaluation, Observers, Ranks, RunConfig, Session};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// 600 rows of a sine; a window of 16 rows shows the past, the row after it is to be predicted.
#[derive(Debug)]
struct Sine;

impl Sine {
    fn windows(first: i64, end: i64) -> SampleSet {
        let rows = (Tensor::arange(600, (Kind::Float, Device::Cpu)) * 0.3).sin().unsqueeze(1);
        let targets = rows.shallow_clone();
        let rows = Rows { features: rows, dt: None, targets, per: Per::Sequence };
        let windows = Windows::within(&rows, [first, end], Cut::new(16, 1));
        SampleSet::Windows(windows.expect("each part has more than 17 rows"))
    }
}

impl DataSource for Sine {
    fn spec(&self) -> InputSpec {
        InputSpec::sequences(vec!["sine".into()], vec!["sine".into()])
    }

    fn parts(&self, _request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        Ok(Parts::new(Self::windows(0, 400), Self::windows(400, 500), self.test()?))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        Ok(Self::windows(500, 600))
    }
}

/// Trains for a few epochs in the folder `out` and tests the best weights.
///
/// # Errors
/// Those of the run.
pub fn train(out: &Path, seed: u64) -> Result<Evaluation, lnn_train::Error> {
    let mut config = RunConfig::preset(ModelKind::Liquid, Preset::Tuned)?.for_content(Content::Sequences);
    config.data = "sine".into();
    (config.seed, config.epochs, config.batch_size) = (seed, 8, 32);
    let session =
        Session::start(config, &Sine, Some(out), (Device::Cpu, &Ranks::default()), false, &mut |_, _, _| {})?;
    let mut observers = Observers::default();
    session.train(&mut observers, &|| false, None, &mut |_, _, _| {})?;
    session.test(&mut observers)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    println!("test {}", train(folder.path(), 0)?.in_words());
    Ok(())
}
