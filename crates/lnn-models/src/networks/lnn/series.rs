//! The LNN of series.
//!
//! The readout sees, of each series, the last or the mean of the states, or it predicts after each step. Steps that a mask does not count
//! change nothing. The first `washout` steps are part of no mean, and have no target in training.

use crate::error::Error;
use crate::networks::lnn::config::{LnnConfig, refuse};
use crate::networks::lnn::stack::Stack;
use crate::parts::readout::Readout;
use crate::parts::summary::Summary;
use lnn_core::{InputShape, InputSpec, Per, Scope};

/// The network of an LNN of series.
#[derive(Debug)]
pub(crate) struct LnnOfSeries {
    pub(super) reservoirs: Stack,
    pub(super) readout: Readout,
    pub(super) summary: Summary,
    pub(super) per: Per,
    pub(super) washout: i64,
    /// Whether the readout sees the input beside the states.
    pub(super) readout_input: bool,
    /// Whether the time between steps is an input, because the data have one; the reservoirs know none.
    pub(super) time_is_an_input: bool,
    /// Width of what a summary is taken of: states and, if the readout sees it, the input.
    pub(super) seen: i64,
}

impl LnnOfSeries {
    /// A network for series; the configuration was checked by itself.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if a value is out of its range or is for images.
    pub(super) fn new(scope: &mut Scope<'_>, config: &LnnConfig, input: &InputSpec) -> Result<Self, Error> {
        let InputShape::Sequences { features } = &input.shape else {
            return refuse("expected series, found images".into());
        };
        let LnnConfig { scans, window, stretches, .. } = config;
        if scans.len() != 1 || *window != 1 || *stretches != 1 {
            return refuse(format!(
                "a series has one reading, so scans must have one entry, window and stretches must be 1, found {}, {window} and {stretches}; \
                 hint: --set 'model.scans=[\"rows\"]' --set model.window=1 --set model.stretches=1",
                scans.len()
            ));
        }
        let time_is_an_input = input.timing.is_some();
        let inputs =
            features.len() as i64 * input.missing.numbers_per_feature() + i64::from(time_is_an_input);
        let reservoirs = Stack::new(scope, "reservoir0", inputs, (&config.reservoir, config.layers))?;
        let seen = reservoirs.units() + if config.readout_input { inputs } else { 0 };
        Ok(Self {
            reservoirs,
            readout: Readout::new(&mut scope.child("readout"), seen, input, config.standardize)?,
            summary: config.summary,
            per: input.per,
            washout: config.washout,
            readout_input: config.readout_input,
            time_is_an_input,
            seen,
        })
    }
}
