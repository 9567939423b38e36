//! A training step without a CUDA graph.

use super::descent::Descent;
use super::{Step, StepResult};
use crate::error::Error;
use lnn_core::{Samples, Share};
use lnn_models::Mode;

/// Runs every step operation by operation.
#[derive(Debug)]
pub(crate) struct Direct;

impl Step for Direct {
    fn take(
        &mut self,
        descent: &mut Descent<'_>,
        batch: &Samples,
        _share: Share,
    ) -> Result<StepResult, Error> {
        descent.step(batch, Mode::Training)
    }
}
