//! A model that is run step by step.

use crate::error::Error;
use crate::model::Model;
use crate::networks::state::ModelState;
use lnn_core::InputShape;
use tch::{Kind, Tensor};

impl Model {
    /// The state before the first step of `batch` sequences, for [`step`](Self::step).
    ///
    /// # Errors
    /// [`Error::NoSteps`] if the model cannot be run step by step.
    pub fn start(&self, batch: i64) -> Result<ModelState, Error> {
        self.network.start(batch).ok_or(Error::NoSteps { model: self.config.name() })
    }

    /// The same with its sums in float64, which count and add up on and on.
    pub(super) fn first_state(&self, batch: i64) -> Result<ModelState, Error> {
        let state = self.start(batch)?;
        let states = state.tensors().len() - self.network.sums();
        let exact = |(i, tensor): (usize, &Tensor)| match i < states {
            true => tensor.shallow_clone(),
            false => tensor.to_kind(Kind::Double),
        };
        Ok(ModelState::new(state.tensors().iter().enumerate().map(exact).collect()))
    }

    /// One step of `B` sequences: `x [B, I]` and `dt [B]`, the time since the step before, in the units of the data, and
    /// the state before it. Without `dt` the step takes one `Timing::unit`. Returns the prediction after the step, logits or values `[B, O]` in their units, and the next state.
    /// The prediction after the last step is that of [`run`](Self::run) in [`Mode::Evaluation`](crate::Mode::Evaluation) on the whole sequence. For a model
    /// of images a step is what its reading order shows at once: a row, a column or a patch.
    ///
    /// # Errors
    /// [`Error::NoSteps`] if the model cannot be run step by step, [`Error::NoTime`] if it takes no `dt`, [`Error::Step`] if `x` or
    /// `dt` has another shape, [`Error::State`] if `state` is not one of this model and batch, [`Error::Standardization`] if each
    /// step of an image has statistics of its own.
    pub fn step(
        &self,
        x: &Tensor,
        dt: Option<&Tensor>,
        state: &ModelState,
    ) -> Result<(Tensor, ModelState), Error> {
        let order = self.network.stepping().order();
        let width = match (order, &self.input.shape) {
            (Some(order), InputShape::Images { channels, height, width }) => {
                order.extents([*channels, *height, *width])[1]
            }
            (_, InputShape::Sequences { features }) => features.len() as i64,
            (None, InputShape::Images { .. }) => return Err(Error::NoSteps { model: self.config.name() }),
        };
        let batch = x.size().first().copied().unwrap_or(0);
        let check = |what, expected: Vec<i64>, found: Vec<i64>| {
            if expected == found { Ok(()) } else { Err(Error::Step { what, expected, found }) }
        };
        check("x", vec![batch, width], x.size())?;
        if let Some(dt) = dt {
            if !self.network.has_time() {
                return Err(Error::NoTime { model: self.config.name() });
            }
            check("dt", vec![batch], dt.size())?;
        }
        state.check(&self.start(batch)?)?;
        let x = self.preprocessing.apply_to_step(x, &self.input, order)?;
        let dt = dt.map(|dt| self.preprocessing.time(dt));
        let (prediction, next) = self.network.step(&x, dt.as_ref(), state)?;
        Ok((self.preprocessing.to_units(prediction), next))
    }
}
