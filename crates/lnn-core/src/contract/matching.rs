//! Data matched to a model by the names of features, classes and values.

use super::error::ContractError;
use super::input_spec::{InputShape, InputSpec};
use super::sample_set::SampleSet;
use super::samples::Samples;
use super::task::Task;
use tch::Tensor;

/// How the features, classes or values of a data set correspond to those of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// For each feature of the model its place among those of the data; `None` if they are the same.
    features: Option<Vec<i64>>,
    /// For each class of the data its place among those of the model; `None` if they are the same.
    classes: Option<Vec<i64>>,
    /// For each value of the model its place among those of the data; `None` if they are the same.
    values: Option<Vec<i64>>,
    /// Features, classes or values of which one side has more names than the other, in words.
    incomplete: Option<String>,
    /// Names that say nothing, as 0 to 9, were matched by their places: what they name.
    by_place: Option<&'static str>,
}

impl InputSpec {
    /// Matches `found`, the description of a data set, to this model by names. The data may have the names in another order, more
    /// features and values than the model, and fewer classes. Names that are the numerals from 0 on match any names of equal count
    /// by place.
    ///
    /// # Errors
    /// [`ContractError::OtherNames`] if a name is missing, [`ContractError::OtherData`] if shapes or kinds of targets differ.
    pub fn matching(&self, found: &Self) -> Result<Matching, ContractError> {
        let mut matching = Matching::default();
        let other = || Err(ContractError::OtherData { expected: self.describe(), found: found.describe() });
        match (&self.shape, &found.shape) {
            (InputShape::Sequences { features: expected }, InputShape::Sequences { features: names }) => {
                matching.features = matching.place("features", expected, names)?;
            }
            (expected, shape) if expected == shape => {}
            _ => return other(),
        }
        match (&self.task, &found.task) {
            _ if self.per != found.per || (found.may_miss() && !self.may_miss()) => return other(),
            (Task::Classification { class_names }, Task::Classification { class_names: names }) => {
                matching.classes = matching.place("classes", class_names, names)?;
            }
            (Task::Regression { value_names }, Task::Regression { value_names: names }) => {
                matching.values = matching.place("values", value_names, names)?;
            }
            _ => return other(),
        }
        Ok(matching)
    }

    /// The error for a data set whose names are not those of the model.
    pub fn mismatch(&self, found: &Self) -> ContractError {
        let names = |spec: &Self| match &spec.shape {
            InputShape::Sequences { features } => features.clone(),
            InputShape::Images { .. } => spec.task.names().to_vec(),
        };
        let (expected, found_names) = (names(self), names(found));
        if expected == found_names {
            let [expected, found] = [self, found].map(|spec| spec.task.names().to_vec());
            return names_differ("classes or values", expected, found);
        }
        let what = if self.image().is_some() { "classes" } else { "features" };
        names_differ(what, expected, found_names)
    }
}

/// The error for two lists of names that differ.
fn names_differ(what: &'static str, model: Vec<String>, data: Vec<String>) -> ContractError {
    let missing = |names: &[String], others: &[String], side: &str| {
        let absent = absent(names, others).take(5).map(|name| format!("{name:?}"));
        let absent = absent.collect::<Vec<_>>().join(", ");
        if absent.is_empty() { None } else { Some(format!("only {side} has {absent}")) }
    };
    let missing = [missing(&model, &data, "the model"), missing(&data, &model, "the data")];
    ContractError::OtherNames {
        what,
        missing: missing.into_iter().flatten().collect(),
        expected: model,
        found: data,
    }
}

/// Those of `names` that are not among `others`.
fn absent<'a>(names: &'a [String], others: &'a [String]) -> impl Iterator<Item = &'a str> {
    names.iter().filter(|name| !others.contains(name)).map(String::as_str)
}

impl Matching {
    /// The places of one list of names; `None` if both lists are the same.
    fn place(
        &mut self,
        what: &'static str,
        model: &[String],
        data: &[String],
    ) -> Result<Option<Vec<i64>>, ContractError> {
        if model == data {
            return Ok(None);
        }
        // Each name of the first list must be in the second: the labels of the data are classes of the model, but the model needs
        // its features and values from the data.
        let [needed, present] = if what == "classes" { [data, model] } else { [model, data] };
        let places: Vec<_> =
            needed.iter().map(|name| present.iter().position(|other| other == name)).collect();
        if let Some(places) = places.iter().map(|place| place.map(|place| place as i64)).collect() {
            let unused: Vec<_> = absent(present, needed).collect();
            if !unused.is_empty() {
                let side =
                    if what == "classes" { "the data has no sample of" } else { "the model does not use" };
                self.incomplete = Some(format!("{side} {}", unused.join(", ")));
            }
            return Ok(Some(places));
        }
        if model.len() == data.len() && (are_numerals(model) || are_numerals(data)) {
            self.by_place = Some(what);
            return Ok(None);
        }
        Err(names_differ(what, model.to_vec(), data.to_vec()))
    }

    /// Whether model and data have the same features, classes and values, in any order.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none()
    }

    /// Whether nothing was matched by its place alone.
    pub fn is_by_name(&self) -> bool {
        self.by_place.is_none()
    }

    /// Remarks for the user, one sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let incomplete = self.incomplete.as_ref().map(|text| format!("note: {text}"));
        let by_place = self.by_place.map(|what| {
            format!("warning: the {what} of the model or of the data are mere numerals, therefore they are matched by their places")
        });
        incomplete.into_iter().chain(by_place).collect()
    }

    /// The samples with the features, labels and values of the model.
    ///
    /// # Panics
    /// If the samples are not those of the data that was matched.
    #[must_use]
    pub fn apply(&self, set: SampleSet) -> SampleSet {
        let index = |places: &[i64], tensor: &Tensor| Tensor::from_slice(places).to_device(tensor.device());
        let select = |places: &Option<Vec<i64>>, tensor: &Tensor| match places {
            Some(places) => tensor.index_select(-1, &index(places, tensor)),
            None => tensor.shallow_clone(),
        };
        let features = |x: &Tensor| select(&self.features, x);
        let targets = |targets: &Tensor| match &self.classes {
            Some(places) => {
                let labels = index(places, targets).index_select(0, &targets.clamp_min(0).flatten(0, -1));
                labels.view_as(targets).where_self(&targets.ge(0), targets)
            }
            None => select(&self.values, targets),
        };
        match set {
            set if self.features.is_none() && self.classes.is_none() && self.values.is_none() => set,
            SampleSet::Stored(Samples { input, targets: labels }) => {
                let x = features(&input.x);
                SampleSet::Stored(Samples { input: super::Input { x, ..input }, targets: targets(&labels) })
            }
            SampleSet::Windows(windows) => {
                let maps: [&dyn Fn(&Tensor) -> Tensor; 2] = [&features, &targets];
                SampleSet::Windows(windows.map_tables(maps))
            }
        }
    }
}

/// Whether the names are "0", "1", … in this order.
fn are_numerals(names: &[String]) -> bool {
    names.iter().enumerate().all(|(i, name)| *name == i.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Cut, Input, Per, Rows, Windows};
    use tch::{Device, Kind};

    fn names(names: &str) -> Vec<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    fn series(features: &str, values: &str) -> InputSpec {
        InputSpec::sequences(names(features), names(values))
    }

    fn images(classes: &str) -> InputSpec {
        InputSpec::images([1, 2, 2], names(classes))
    }

    fn table() -> SampleSet {
        let rows = Tensor::arange(12, (Kind::Double, Device::Cpu)).view([4, 3]);
        let targets = rows.narrow(1, 0, 2);
        let rows = Rows { features: rows, dt: None, targets, per: Per::Sequence };
        SampleSet::Windows(Windows::within(&rows, [0, 4], Cut::new(1, 1)).unwrap())
    }

    #[test]
    fn columns_are_found_in_any_order_and_among_others() {
        let matching = series("c a", "y").matching(&series("a b c", "x y")).unwrap();
        let first = matching.apply(table()).narrow(0, 1);
        assert_eq!(Vec::<f64>::try_from(first.input.x.view(-1)).unwrap(), [2.0, 0.0]);
        assert_eq!(Vec::<f64>::try_from(first.targets.view(-1)).unwrap(), [4.0]);
        assert!(!matching.is_complete() && matching.remarks().len() == 1, "{:?}", matching.remarks());
        assert!(series("a b", "y").matching(&series("b a", "y")).unwrap().is_complete());
        assert_eq!(series("a b", "y").matching(&series("a b", "y")).unwrap(), Matching::default());
    }

    #[test]
    fn labels_become_those_of_the_model_and_a_class_may_be_absent() {
        let matching = images("ant bee cat").matching(&images("cat ant")).unwrap();
        let x = Tensor::zeros([3, 1, 2, 2], (Kind::Uint8, Device::Cpu));
        let labels = Tensor::from_slice(&[0i64, 1, 0]);
        let set = matching.apply(SampleSet::Stored(Samples { input: Input::new(x), targets: labels }));
        assert_eq!(Vec::<i64>::try_from(set.narrow(0, 3).targets).unwrap(), [2, 0, 2]);
        assert!(matching.remarks()[0].contains("no sample of bee"));
    }

    #[test]
    fn a_name_that_one_of_both_lacks_is_refused_with_both_lists() {
        for (model, data) in [
            (images("bird cat dog"), images("cat dog fox")),
            (images("bird cat"), images("bird cat fox")),
            (series("bird cat", "y"), series("cat fox", "y")),
            (series("a", "bird cat"), series("a", "fox cat")),
        ] {
            let error = model.matching(&data).unwrap_err().to_string();
            assert!(error.contains("bird") && error.contains("cat") && error.contains("fox"), "{error}");
        }
    }

    #[test]
    fn numerals_match_any_names_of_equal_count_with_a_warning() {
        for (model, data) in [("0 1 2", "a b c"), ("a b c", "0 1 2")] {
            let matching = images(model).matching(&images(data)).unwrap();
            assert!(matching.remarks()[0].starts_with("warning"), "{:?}", matching.remarks());
        }
        assert!(images("0 1 2").matching(&images("0 1")).unwrap().remarks()[0].starts_with("note"));
        assert!(images("0 1").matching(&images("a b c")).is_err());
        assert!(images("0 1 2 3").matching(&images("3 0")).unwrap().by_place.is_none());
    }

    #[test]
    fn other_shapes_and_other_kinds_of_targets_are_refused() {
        let error = images("a").matching(&series("a", "a")).unwrap_err().to_string();
        assert!(error.contains("images [1, 2, 2]") && error.contains("sequences"), "{error}");
        assert!(images("a").matching(&InputSpec::images([3, 2, 2], names("a"))).is_err());
    }
}
