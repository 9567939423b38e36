//! Selection of the best epoch, and early stopping.

use serde::{Deserialize, Serialize};

/// Loss and accuracy; regression has no accuracy.
pub type Scores = (f64, Option<f64>);

/// The criterion on the validation part that selects the best epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The lowest loss.
    Loss,
    /// The highest accuracy, and the lowest loss among equal accuracies. Without classes, the loss alone decides.
    Accuracy,
}

impl Selection {
    /// Whether `(loss, accuracy)` is better than `best`. A loss that is not a number is never better.
    // Equal accuracies are equal counts of the same images, so they compare exactly.
    #[allow(clippy::float_cmp)]
    pub fn better(self, (loss, accuracy): Scores, best: Scores) -> bool {
        match self {
            Self::Loss => loss < best.0,
            Self::Accuracy => {
                (accuracy > best.1 && loss.is_finite()) || (accuracy == best.1 && loss < best.0)
            }
        }
    }
}

/// Counts the epochs since the best one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Loss and accuracy of the best epoch so far.
    pub best: Option<Scores>,
    /// The number of the best epoch, from 1.
    pub best_epoch: u64,
    /// The number of epochs since the best one.
    pub waited: u64,
}

impl EarlyStopping {
    /// The state before the first epoch.
    pub const START: Self = Self { best: None, best_epoch: 0, waited: 0 };

    /// Records an epoch and returns `true` if it is the best so far.
    pub fn observe(&mut self, selection: Selection, epoch: u64, scores: Scores) -> bool {
        let best = match self.best {
            Some(best) => selection.better(scores, best),
            None => scores.0.is_finite(),
        };
        if best {
            *self = Self { best: Some(scores), best_epoch: epoch, waited: 0 };
        } else {
            self.waited += 1;
        }
        best
    }

    /// Whether `patience` epochs have passed without a better one.
    pub fn exhausted(&self, patience: Option<u64>) -> bool {
        patience.is_some_and(|patience| self.waited >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_epochs_without_gain_and_a_gain_starts_anew() {
        let mut stopping = EarlyStopping::START;
        let bests: Vec<bool> = [1.0, 0.5, 0.6, 0.5, 0.4, 0.5, 0.5, 0.5]
            .into_iter()
            .zip(1..)
            .map(|(loss, epoch)| stopping.observe(Selection::Loss, epoch, (loss, None)))
            .collect();
        assert_eq!(bests, [true, true, false, false, true, false, false, false]);
        assert_eq!((stopping.best_epoch, stopping.waited), (5, 3));
        assert!(stopping.exhausted(Some(3)) && !stopping.exhausted(Some(4)) && !stopping.exhausted(None));
    }

    #[test]
    fn accuracy_decides_first_and_loss_among_equals() {
        let better = |a, b| Selection::Accuracy.better(a, b);
        assert!(better((0.9, Some(0.8)), (0.1, Some(0.7))));
        assert!(better((0.1, Some(0.8)), (0.2, Some(0.8))));
        assert!(!better((0.2, Some(0.8)), (0.2, Some(0.8))));
        assert!(!better((f64::NAN, Some(0.9)), (0.2, Some(0.8))));
    }
}
