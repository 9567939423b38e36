//! How a model was trained on a series, and what it sees of one therefore.

use crate::model::Model;
use lnn_core::Per;

/// How a model was trained on a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Training {
    /// Rows of a window, each of which began from rest; whole series if absent.
    pub window: Option<i64>,
    /// How many rows after the last row that it sees, or after each, its target lies.
    pub horizon: i64,
}

impl Model {
    /// Whether a stream or a forecast carries the state of the model on. Otherwise the model sees, from rest, the last window before each
    /// prediction: it was trained on windows with one target each, or its readout sees a mean over the window.
    pub fn carries_state(&self, training: Training) -> bool {
        self.window_seen(training).is_none()
    }

    /// The rows of the window that the model sees from rest, if it does not carry its state.
    pub(super) fn window_seen(&self, training: Training) -> Option<i64> {
        training.window.filter(|_| self.input.per == Per::Sequence || self.network.sums() > 0)
    }
}
