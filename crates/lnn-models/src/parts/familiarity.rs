//! Sequences compared with the training set, by the statistics that the preprocessing keeps.

use crate::parts::preprocessing::Preprocessing;
use lnn_core::{Input, InputShape, InputSpec};
use tch::{Kind, Tensor};

/// The mean distance from the training mean, in deviations, from which a feature is named. In the training set it is at most 1.
const FAR: f64 = 10.0;

/// The factor between the typical step of time and that of the training set from which it is named.
const OTHER: f64 = 10.0;

impl Preprocessing {
    /// The features and values that are constant in the training set, one sentence each.
    pub(crate) fn constants(&self, input: &InputSpec) -> Vec<String> {
        let InputShape::Sequences { features } = &input.shape else { return Vec::new() };
        let places = |constant: Tensor| Vec::<i64>::try_from(constant.flatten(0, -1).nonzero().view(-1));
        let inputs = places(self.deviation().isinf()).unwrap_or_default();
        let inputs = inputs.iter().map(|&place| {
            let value = self.mean().double_value(&[0, 0, place]);
            format!(
                "the column {:?} is constant ({value}) in the training part and has no effect",
                features[place as usize]
            )
        });
        let values = self.constant_values().iter().map(|&place| {
            let name = &input.task.names()[place as usize];
            format!(
                "the target {name:?} is constant in the training part, so there is nothing to learn about it"
            )
        });
        inputs.chain(values).collect()
    }

    /// In what a batch differs from the training set, one sentence each; padding does not count.
    pub(crate) fn unfamiliar(&self, batch: &Input, input: &InputSpec) -> Vec<String> {
        let x = batch.to_floating(Kind::Double).x;
        let columns = self.columns(&batch.counted_steps(&x), input);
        let dt = batch.dt.as_ref().map(|dt| batch.counted_steps(dt));
        columns.into_iter().chain(steps_of_time(dt.as_ref(), input)).collect()
    }

    /// The features of `x [B, T, I]` that differ from those of the training set; none for images.
    fn columns(&self, x: &Tensor, input: &InputSpec) -> Vec<String> {
        let InputShape::Sequences { features } = &input.shape else { return Vec::new() };
        if !self.standardizes() {
            return Vec::new();
        }
        // Missing values are far from nothing.
        let distance = (x.to_kind(Kind::Double) - self.mean()).abs();
        let missing = distance.isnan();
        let empty = missing.flatten(0, 1).all_dim(0, false);
        let moved = distance.masked_fill(&missing, 0.0).amax([0i64, 1], false).gt(0.0);
        let moved = moved.logical_and(&self.deviation().isinf().view(-1));
        let mean = (&distance / self.deviation()).nanmean(&[0i64, 1][..], false, Kind::Double);
        let far = mean.gt(FAR);
        let mut found = Vec::new();
        for (place, name) in features.iter().enumerate() {
            let place = [place as i64];
            if empty.int64_value(&place) != 0 {
                found.push(format!("the column {name:?} has no value at any step"));
            } else if moved.int64_value(&place) != 0 {
                let value = self.mean().double_value(&[0, 0, place[0]]);
                found.push(format!("the column {name:?} was constant ({value}) in training and is not here; the model ignores it"));
            } else if far.int64_value(&place) != 0 {
                let deviations = mean.double_value(&place);
                found.push(format!(
                    "the column {name:?} lies {deviations:.0} deviations from its mean in training; hint: is it in the same unit?"
                ));
            }
        }
        found
    }
}

/// Whether the typical `dt` is another than in training.
fn steps_of_time(dt: Option<&Tensor>, input: &InputSpec) -> Option<String> {
    let typical = input.timing?.typical();
    let Some(dt) = dt else {
        return Some(format!(
            "the model was trained with a column of time, and without dt each step takes one unit of it, {}; hint: give dt, \
             typically {typical}",
            input.timing?.unit
        ));
    };
    let found = dt.to_kind(Kind::Double).median().double_value(&[]);
    let ratio = found / typical;
    (ratio.is_finite() && !(1.0 / OTHER..=OTHER).contains(&ratio)).then(|| {
        format!("dt is typically {found}, in training it was {typical}; hint: is it in the unit of the column of time?")
    })
}
