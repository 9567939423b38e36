//! `curves.svg`: loss and accuracy over the epochs as a picture.

use super::chart::{Chart, draw};
use super::metrics_file;
use super::observer::Observer;
use crate::config::RunConfig;
use crate::error::Error;
use crate::event::{EpochMetrics, Event};
use crate::run_folder::write_atomically;
use lnn_core::Loss;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The minimum time between two drawings: an epoch of a small model takes less time than its picture.
const BETWEEN_DRAWINGS: Duration = Duration::from_secs(5);

/// Draws the curves after the first epoch, then every few seconds, and at the end of the run.
#[derive(Debug)]
pub struct Curves {
    path: PathBuf,
    training: String,
    loss: Loss,
    epochs: Vec<EpochMetrics>,
    drawn: Option<Instant>,
    is_current: bool,
}

impl Curves {
    /// Draws to `path`, starting with the epochs that `metrics` already contains.
    ///
    /// # Errors
    /// [`Error::Io`] if `metrics` cannot be read.
    pub fn new(path: &Path, metrics: &Path, config: &RunConfig) -> Result<Self, Error> {
        let epochs = if metrics.exists() { metrics_file::read(metrics)? } else { Vec::new() };
        Ok(Self {
            path: path.to_owned(),
            training: training_label(config),
            loss: config.loss.clone(),
            epochs,
            drawn: None,
            is_current: true,
        })
    }

    fn draw(&mut self) -> Result<(), Error> {
        (self.drawn, self.is_current) = (Some(Instant::now()), true);
        let picture = draw(&self.charts(), &self.training, self.best_epoch())
            .map_err(|error| Error::Observer(format!("drawing the curves: {error}").into()))?;
        write_atomically(&self.path, picture.as_bytes())
    }

    /// Returns a chart of the loss, and for classes one of the accuracy.
    fn charts(&self) -> Vec<Chart> {
        let curve = |value: fn(&EpochMetrics) -> Option<f64>| {
            let points = self.epochs.iter().map(|metrics| (metrics.epoch as f64, value(metrics)));
            let finite =
                points.filter_map(|(epoch, value)| Some((epoch, value.filter(|value| value.is_finite())?)));
            finite.collect::<Vec<_>>()
        };
        let accuracy = curve(|metrics| metrics.val_accuracy);
        let loss = match accuracy.is_empty() {
            true => match self.loss {
                Loss::Mse => "Loss (mean squared error)",
                Loss::Mae => "Loss (mean absolute error)",
                Loss::Huber { .. } => "Loss (Huber)",
                Loss::Quantile { .. } => "Loss (quantiles)",
            },
            false => "Loss (cross-entropy)",
        };
        let mut charts = vec![Chart {
            title: loss,
            training: curve(|metrics| Some(metrics.loss)),
            validation: curve(|metrics| Some(metrics.val_loss)),
        }];
        if !accuracy.is_empty() {
            let training = curve(|metrics| metrics.accuracy);
            charts.push(Chart { title: "Accuracy", training, validation: accuracy });
        }
        charts
    }

    fn best_epoch(&self) -> Option<u64> {
        self.epochs.iter().rfind(|metrics| metrics.best).map(|metrics| metrics.epoch)
    }
}

impl Observer for Curves {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        let Event::Epoch(metrics) = event else { return Ok(()) };
        self.epochs.push(metrics.clone());
        self.is_current = false;
        match self.drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN_DRAWINGS) {
            true => self.draw(),
            false => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        if self.is_current { Ok(()) } else { self.draw() }
    }
}

/// Returns the label of the training curve. It says what makes training harder than validation.
fn training_label(config: &RunConfig) -> String {
    let harder = match (config.drops_out(), config.augments()) {
        (true, true) => " (with dropout and augmentation)",
        (true, false) => " (with dropout)",
        (false, true) => " (with augmentation)",
        (false, false) => "",
    };
    format!("training{harder}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_models::{ModelKind, Preset};
    use std::fs;
    use tempfile::TempDir;

    fn epoch(epoch: u64) -> Event {
        Event::Epoch(EpochMetrics {
            epoch,
            epochs: 3,
            step: epoch,
            loss: 1.0 / epoch as f64,
            accuracy: Some(0.5),
            val_loss: 2.0 / epoch as f64,
            val_accuracy: Some(0.6),
            lr: 1e-3,
            samples_per_second: 1.0,
            seconds: 1.0,
            eta_seconds: 1.0,
            best: epoch <= 2,
            spike_rate: None,
            mean_state: None,
            active_units: None,
            added_units: Vec::new(),
        })
    }

    fn curves(preset: Preset) -> (TempDir, Curves) {
        let folder = tempfile::tempdir().unwrap();
        let config = RunConfig::preset(ModelKind::Liquid, preset).unwrap();
        let [path, metrics] = ["curves.svg", "metrics.jsonl"].map(|name| folder.path().join(name));
        (folder, Curves::new(&path, &metrics, &config).unwrap())
    }

    #[test]
    fn the_picture_is_drawn_at_the_first_epoch_and_then_at_the_end_unless_time_has_passed() {
        let (_folder, mut curves) = curves(Preset::Tuned);
        let markers = |curves: &Curves| fs::read_to_string(&curves.path).unwrap().matches("<circle").count();
        curves.observe(&epoch(1)).unwrap();
        let first = markers(&curves);
        curves.observe(&epoch(2)).unwrap();
        assert_eq!(markers(&curves), first, "drawn again at once");
        curves.drawn = curves.drawn.and_then(|drawn| drawn.checked_sub(BETWEEN_DRAWINGS));
        curves.observe(&epoch(3)).unwrap();
        let third = markers(&curves);
        assert!(third > first);
        curves.observe(&epoch(4)).unwrap();
        curves.finish().unwrap();
        assert!(markers(&curves) > third);
    }

    #[test]
    fn the_legend_names_the_best_epoch_and_what_training_alone_has() {
        for (preset, training) in
            [(Preset::Tuned, "training (with dropout and augmentation)"), (Preset::Article, "training<")]
        {
            let (_folder, mut curves) = curves(preset);
            (1..=3).for_each(|i| curves.observe(&epoch(i)).unwrap());
            curves.finish().unwrap();
            let picture = fs::read_to_string(&curves.path).unwrap().replace('\n', "");
            for text in [training, "validation", "best epoch: 2", "Accuracy", "Loss (cross-entropy)"] {
                assert!(picture.contains(text), "{text} in {picture}");
            }
        }
    }

    #[test]
    fn a_long_run_gives_a_picture_of_limited_size() {
        let (_folder, mut curves) = curves(Preset::Tuned);
        (1..=20_000).for_each(|i| curves.observe(&epoch(i)).unwrap());
        curves.finish().unwrap();
        let size = fs::metadata(&curves.path).unwrap().len();
        assert!(size < 200_000, "{size} bytes");
    }
}
