//! What predicts without the model: the numbers that a model must beat.
//!
//! For classes the most frequent one and a linear classifier of the raw values, for values the last value one season before. The mean
//! of the training part and the last value need nothing that the model and the samples do not have. All are fitted to the training part
//! when a run begins, and lie in its checkpoints, so that a checkpoint alone is enough to evaluate them.

mod raw_ridge;
mod season;

use crate::class_weights::label_counts;
use crate::evaluation::{ClassCounts, ClassScores, ErrorSum, Evaluation, Seasonal, TargetErrors};
use lnn_core::{InputSpec, Per, SampleSet, Samples, steps_where};
use lnn_models::{Checkpoint, Error};
use raw_ridge::{BLOCK, RawRidge};
use season::Season;
use tch::{Kind, Tensor};

/// Names of what a checkpoint stores.
const MAJORITY: &str = "baseline_majority";
const SEASON: &str = "baseline_season";
const LEFT_OUT: &str = "baseline_left_out";

/// The baselines of a run; those that it lacks are none.
#[derive(Debug, Default)]
pub struct Baselines {
    /// The most frequent class of the training part.
    majority: Option<i64>,
    ridge: Option<RawRidge>,
    /// Rows of a season.
    season: Option<i64>,
    /// Why one is missing, a sentence.
    left_out: Option<String>,
}

impl Baselines {
    /// Fits the baselines to the training part; the validation part chooses the regularisation of the linear classifier.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch fails, for lack of memory.
    pub fn fitted(input: &InputSpec, train: &SampleSet, validation: &SampleSet) -> Result<Self, Error> {
        if !input.task.is_classification() {
            return Ok(match season::of(train) {
                Season::Rows(rows) => Self { season: Some(rows), ..Self::default() },
                Season::LeftOut(reason) => Self { left_out: Some(reason), ..Self::default() },
                Season::NoTime => Self::default(),
            });
        }
        let counts = label_counts(train, input.outputs());
        // Steps need not have any label.
        let majority = (counts.sum(Kind::Double).double_value(&[]) > 0.0)
            .then(|| counts.argmax(0, false).int64_value(&[]));
        if input.per == Per::Step {
            return Ok(Self { majority, ..Self::default() });
        }
        let (ridge, left_out) = match RawRidge::fitted(input.outputs(), train, validation)? {
            Ok(ridge) => (Some(ridge), None),
            Err(reason) => (None, Some(reason)),
        };
        Ok(Self { majority, ridge, season: None, left_out })
    }

    /// The tensors that a checkpoint stores.
    pub(crate) fn stored(&self) -> Vec<(String, Tensor)> {
        let number = |name: &str, number: Option<i64>| {
            number.map(|number| (name.to_owned(), Tensor::from_slice(&[number])))
        };
        let text =
            self.left_out.as_ref().map(|text| (LEFT_OUT.to_owned(), Tensor::from_slice(text.as_bytes())));
        let numbers = [number(MAJORITY, self.majority), number(SEASON, self.season), text];
        let ridge = self.ridge.iter().flat_map(RawRidge::stored);
        numbers.into_iter().flatten().chain(ridge).collect()
    }

    /// The baselines of a checkpoint. What is missing there, or is of no use for its model, is left out.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Self {
        let found =
            |name: &str| checkpoint.data.iter().find(|(found, _)| found == name).map(|(_, tensor)| tensor);
        let number = |name: &str| {
            let tensor = found(name).filter(|tensor| tensor.kind() == Kind::Int64 && tensor.numel() == 1)?;
            Some(tensor.view([-1]).int64_value(&[0]))
        };
        let outputs = checkpoint.description.input.outputs();
        let text = found(LEFT_OUT).and_then(|tensor| Vec::<u8>::try_from(tensor.view([-1])).ok());
        Self {
            majority: number(MAJORITY).filter(|class| (0..outputs).contains(class)),
            ridge: RawRidge::found(&found, &checkpoint.description.input),
            season: number(SEASON).filter(|season| (1..=season::LONGEST).contains(season)),
            // It is printed, and a terminal would obey control characters.
            left_out: text
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|text| !text.chars().any(char::is_control)),
        }
    }

    /// Rows of the season, if there is one.
    pub fn season(&self) -> Option<i64> {
        self.season
    }

    /// Returns an evaluation of samples with the scores of the baselines on the same samples.
    ///
    /// # Errors
    /// [`Error::Core`] if libtorch fails, for lack of memory.
    pub fn beside(
        &self,
        evaluation: Evaluation,
        set: &SampleSet,
        input: &InputSpec,
    ) -> Result<Evaluation, Error> {
        let baselines_left_out = self.left_out.iter().cloned().collect();
        if !input.task.is_classification() {
            let targets = self.with_season(evaluation.targets, set);
            return Ok(Evaluation { targets, baselines_left_out, ..evaluation });
        }
        let scores = |predict: &dyn Fn(&Samples) -> Result<Tensor, Error>| -> Result<ClassScores, Error> {
            let mut counts = ClassCounts::new(input.outputs(), set.device());
            for block in set.blocks(BLOCK) {
                let predicted = predict(&block)?;
                let [predicted, labels] = [&predicted, &block.targets].map(|tensor| match block.counts() {
                    Some(counts) => steps_where(tensor, &counts),
                    None => tensor.shallow_clone(),
                });
                counts.add(&predicted, &labels);
            }
            let scores = counts.scores();
            Ok(ClassScores { accuracy: scores.accuracy, macro_accuracy: scores.macro_accuracy })
        };
        let majority = self.majority.map(|class| scores(&|block| Ok(block.targets.full_like(class))));
        let ridge = self.ridge.as_ref().map(|ridge| scores(&|block| ridge.predict(block)));
        Ok(Evaluation {
            majority_class: majority.transpose()?,
            ridge_on_raw_values: ridge.transpose()?,
            baselines_left_out,
            ..evaluation
        })
    }

    /// The errors of each value beside those of the value one season before.
    fn with_season(&self, targets: Vec<TargetErrors>, set: &SampleSet) -> Vec<TargetErrors> {
        let Some(season) = self.season else { return targets };
        let mut sums = ErrorSum::default();
        let mut start = 0;
        for block in set.blocks(BLOCK) {
            let Some(seasonal) = set.seasonal_values(start, block.len(), season) else { return targets };
            let [seasonal, truth] = [&seasonal, &block.targets].map(|tensor| match block.counts() {
                Some(counts) => steps_where(tensor, &counts),
                None => tensor.shallow_clone(),
            });
            let rows = |tensor: &Tensor| tensor.reshape([-1, targets.len() as i64]);
            sums.add_known(&rows(&seasonal), &rows(&truth));
            start += block.len();
        }
        let beside = targets.into_iter().enumerate().map(|(place, target)| {
            let seasonal = sums.means(place).map(|errors| Seasonal { season, errors });
            TargetErrors { seasonal, ..target }
        });
        beside.collect()
    }
}
