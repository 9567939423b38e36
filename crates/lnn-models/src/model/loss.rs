//! What an error of a model costs.

use crate::error::Error;
use crate::model::Model;
use lnn_core::{Criterion, Loss};
use tch::Tensor;

impl Model {
    /// Sets what an error of a value costs in [`loss`](Self::loss); if nothing is set, it is the loss of the quantiles that the model predicts,
    /// or the mean squared error. It changes no prediction.
    ///
    /// # Errors
    /// [`Error::Config`] if the model does not predict the quantiles of the loss.
    pub fn judge_by(&mut self, loss: Loss) -> Result<(), Error> {
        if loss.levels() != self.input.quantiles {
            let [expected, found] =
                [&self.input.quantiles, loss.levels()].map(|levels| format!("{levels:?}"));
            let reason =
                format!("it predicts the quantiles {expected} of each value, and its loss is of {found}");
            return Err(Error::Config { model: self.config.name(), reason });
        }
        self.value_loss = loss;
        Ok(())
    }

    /// What an error of a value costs.
    pub fn value_loss(&self) -> &Loss {
        &self.value_loss
    }

    /// The loss of a `prediction`, see [`Task::loss`](lnn_core::Task::loss): the mean cross-entropy for labels, or the mean of the [`Loss`] of the errors of
    /// values in units of their deviation over the training set.
    pub fn loss(
        &self,
        prediction: &Tensor,
        targets: &Tensor,
        mask: Option<&Tensor>,
        label_smoothing: f64,
    ) -> Tensor {
        self.weighted_loss(prediction, targets, mask, label_smoothing, None)
    }

    /// The same with the weights `[classes]` of the classes, of the dtype of the prediction.
    pub fn weighted_loss(
        &self,
        prediction: &Tensor,
        targets: &Tensor,
        mask: Option<&Tensor>,
        label_smoothing: f64,
        class_weights: Option<&Tensor>,
    ) -> Tensor {
        let deviation = self.preprocessing.value_deviation();
        let criterion =
            Criterion { label_smoothing, class_weights, loss: self.value_loss.clone(), deviation };
        self.task().loss(prediction, targets, mask, &criterion)
    }
}
