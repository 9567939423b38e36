//! The configuration of an LNN.

use crate::error::Error;
use crate::parts::reading_order::Scan;
use crate::parts::reservoir_settings::ReservoirSettings;
use crate::parts::summary::Summary;
use serde::{Deserialize, Serialize};

/// The maximum number of reservoirs in a row.
const MOST_LAYERS: i64 = 1000;

/// The configuration of an LNN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LnnConfig {
    /// The readings of the image; each has reservoirs of its own. A series has one, whose order is not used.
    pub scans: Vec<Scan>,
    /// Number of neighbouring lines of an image in a step, odd; 1 means the line alone.
    pub window: i64,
    /// Every reservoir.
    pub reservoir: ReservoirSettings,
    /// Number of reservoirs in a row: each reads the states of the one before it, and the readout sees the states of all.
    #[serde(default = "one")]
    pub layers: i64,
    /// Number of stretches of equal length into which the sequence is cut; the readout sees one summary of each.
    pub stretches: i64,
    /// What the readout sees of a stretch.
    pub summary: Summary,
    /// Whether the summaries are standardised before the readout, by their mean and deviation on the training set.
    pub standardize: bool,
    /// Number of first steps of a series that neither the mean of its states nor the training of the readout sees.
    #[serde(default)]
    pub washout: i64,
    /// Whether the readout sees the input of a series beside the states.
    #[serde(default)]
    pub readout_input: bool,
}

fn one() -> i64 {
    1
}

impl LnnConfig {
    /// The equations and hyper-parameters of the article.
    pub fn article() -> Self {
        Self {
            scans: vec![Scan::Whole],
            window: 1,
            reservoir: ReservoirSettings {
                units: 1000,
                spectral_radius: 1.5,
                leak_rate: 0.3,
                input_scale: 0.1,
                scale_by_inputs: false,
                bias_scale: 0.0,
                density: 1.0,
                leak_range: None,
            },
            layers: 1,
            stretches: 1,
            summary: Summary::Last,
            standardize: false,
            washout: 0,
            readout_input: false,
        }
    }

    /// The hyper-parameters with the best validation results.
    pub fn tuned() -> Self {
        Self {
            scans: vec![Scan::Rows, Scan::RowsReversed, Scan::Columns, Scan::ColumnsReversed],
            window: 5,
            reservoir: ReservoirSettings {
                units: 300,
                spectral_radius: 1.0,
                leak_rate: 0.3,
                input_scale: 1.0,
                scale_by_inputs: true,
                bias_scale: 0.5,
                density: 1.0,
                leak_range: None,
            },
            layers: 1,
            stretches: 4,
            summary: Summary::Mean,
            standardize: true,
            washout: 0,
            readout_input: false,
        }
    }

    /// What the preset `tuned` means for series: one reservoir whose states, with the input, the readout sees at the last step or at each.
    pub fn series() -> Self {
        Self {
            scans: vec![Scan::Rows],
            window: 1,
            reservoir: ReservoirSettings {
                units: 500,
                spectral_radius: 0.9,
                leak_rate: 0.3,
                input_scale: 1.0,
                scale_by_inputs: true,
                bias_scale: 0.5,
                density: 1.0,
                leak_range: None,
            },
            layers: 1,
            stretches: 1,
            summary: Summary::Last,
            standardize: true,
            washout: 0,
            readout_input: true,
        }
    }

    /// Refuses what no input makes right.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.scans.is_empty() {
            return refuse("scans is empty, at least one reading of the image is needed".into());
        }
        if self.window < 1 || self.window % 2 == 0 {
            return refuse(format!("window must be odd and at least 1, found {}", self.window));
        }
        if !(1..=MOST_LAYERS).contains(&self.layers) {
            return refuse(format!("layers must be 1 to {MOST_LAYERS}, found {}", self.layers));
        }
        if self.washout < 0 {
            return refuse(format!("washout must be at least 0, found {}", self.washout));
        }
        Ok(())
    }
}

/// An error about the configuration.
pub(super) fn refuse<T>(reason: String) -> Result<T, Error> {
    Err(Error::Config { model: "lnn", reason })
}
