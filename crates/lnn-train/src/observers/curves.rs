//! `curves.svg`: loss and accuracy over the epochs as a picture.

use super::metrics_file;
use super::observer::Observer;
use crate::error::Error;
use crate::event::{EpochMetrics, Event};
use crate::run_folder::write_atomically;
use plotters::prelude::{
    BLACK, ChartBuilder, Color, IntoDrawingArea, IntoFont, LineSeries, RGBColor, SVGBackend, WHITE,
};
use std::ops::Range;
use std::path::{Path, PathBuf};

const TRAINING: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const VALIDATION: RGBColor = RGBColor(0xd6, 0x27, 0x28);

/// Draws the curves again after every epoch.
#[derive(Debug)]
pub struct Curves {
    path: PathBuf,
    epochs: Vec<EpochMetrics>,
}

impl Curves {
    /// Draws to `path`, starting with the epochs that `metrics` already contains.
    ///
    /// # Errors
    /// [`Error::Io`] if `metrics` cannot be read.
    pub fn new(path: &Path, metrics: &Path) -> Result<Self, Error> {
        let epochs = if metrics.exists() { metrics_file::read(metrics)? } else { Vec::new() };
        Ok(Self { path: path.to_owned(), epochs })
    }
}

impl Observer for Curves {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        let Event::Epoch(metrics) = event else { return Ok(()) };
        self.epochs.push(metrics.clone());
        let picture = draw(&self.epochs)
            .map_err(|error| Error::Observer(format!("drawing the curves: {error}").into()))?;
        write_atomically(&self.path, picture.as_bytes())
    }
}

/// Draws two charts side by side, as SVG.
fn draw(epochs: &[EpochMetrics]) -> Result<String, Box<dyn std::error::Error>> {
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, (1000, 380)).into_drawing_area();
        area.fill(&WHITE)?;
        let (left, right) = area.split_horizontally(500);
        for (area, title, training, validation) in [
            (&left, "loss", values(epochs, |m| m.loss), values(epochs, |m| m.val_loss)),
            (
                &right,
                "accuracy",
                values(epochs, |m| m.accuracy.unwrap_or(f64::NAN)),
                values(epochs, |m| m.val_accuracy.unwrap_or(f64::NAN)),
            ),
        ] {
            let last = epochs.last().map_or(1, |metrics| metrics.epoch) as f64;
            let mut chart = ChartBuilder::on(area)
                .caption(title, ("sans-serif", 20))
                .margin(12)
                .x_label_area_size(36)
                .y_label_area_size(56)
                .build_cartesian_2d(1.0..last.max(2.0), extent(&training, &validation))?;
            chart.configure_mesh().x_desc("epoch").label_style(("sans-serif", 13).into_font()).draw()?;
            for (points, name, colour) in
                [(training, "training", TRAINING), (validation, "validation", VALIDATION)]
            {
                chart
                    .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))?
                    .label(name)
                    .legend(move |(x, y)| {
                        plotters::element::PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2))
                    });
            }
            chart.configure_series_labels().border_style(BLACK.mix(0.4)).background_style(WHITE).draw()?;
        }
        area.present()?;
    }
    Ok(picture)
}

fn values(epochs: &[EpochMetrics], value: impl Fn(&EpochMetrics) -> f64) -> Vec<(f64, f64)> {
    epochs.iter().map(|metrics| (metrics.epoch as f64, value(metrics))).collect()
}

/// Returns the range of both curves with a margin; it is never empty.
fn extent(a: &[(f64, f64)], b: &[(f64, f64)]) -> Range<f64> {
    let all = || a.iter().chain(b).map(|(_, y)| *y).filter(|y| y.is_finite());
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return 0.0..1.0;
    }
    let margin = ((high - low) * 0.05).max(1e-6);
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: u64) -> EpochMetrics {
        EpochMetrics {
            epoch,
            epochs: 3,
            step: epoch,
            loss: 1.0 / epoch as f64,
            accuracy: Some(0.5),
            val_loss: f64::NAN,
            val_accuracy: Some(0.6),
            lr: 1e-3,
            samples_per_second: 1.0,
            seconds: 1.0,
            eta_seconds: 1.0,
            best: true,
            spike_rate: None,
            mean_state: None,
            active_units: None,
            added_units: Vec::new(),
        }
    }

    #[test]
    fn the_picture_is_there_after_the_first_epoch_and_grows_with_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.svg");
        let mut curves = Curves::new(&path, &folder.path().join("metrics.jsonl")).unwrap();
        let mut sizes = Vec::new();
        for i in 1..=3 {
            curves.observe(&Event::Epoch(epoch(i))).unwrap();
            let picture = std::fs::read_to_string(&path).unwrap();
            assert!(picture.starts_with("<svg") && picture.contains("validation"));
            sizes.push(picture.matches("<circle").count());
        }
        assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    }
}
