//! What the arrays of a `.npz` file mean: sequences with their targets, and the part that each is in.

use super::error::NpzError;
use crate::readers::npy::elements::{Array, Content};
use lnn_core::{Per, Samples};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The names that arrays may have.
pub(super) const NAMES: [&str; 10] =
    ["x", "y", "dt", "lengths", "train", "validation", "test", "features", "classes", "values"];

/// The maximum number of classes.
const MOST_CLASSES: usize = 1000;

/// N sequences of at most T steps of I numbers.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) features: Vec<String>,
    /// Steps of the longest sequence, T.
    pub(super) steps: usize,
    /// `[N, T, I]`.
    pub(super) x: Vec<f64>,
    /// `[N, T]`.
    pub(super) dt: Option<Vec<f64>>,
    /// `[N]`.
    pub(super) lengths: Vec<usize>,
    pub(super) targets: Targets,
    pub(super) per: Per,
    /// The sequences for training, validation and test, if the file says so.
    pub(super) parts: Option<[Vec<usize>; 3]>,
}

/// Targets of each sequence or each of its steps.
#[derive(Debug)]
pub(super) enum Targets {
    /// `[N]` or `[N, T]`.
    Classes { names: Vec<String>, labels: Vec<i64> },
    /// `[N, O]` or `[N, T, O]`.
    Values { names: Vec<String>, numbers: Vec<f64> },
}

/// The arrays that are not yet used.
struct Arrays {
    path: PathBuf,
    arrays: BTreeMap<String, Array>,
}

impl Arrays {
    fn refused(&self, array: &str, expected: impl Into<String>, found: impl Into<String>) -> NpzError {
        let (expected, found) = (expected.into(), found.into());
        NpzError::Array { path: self.path.clone(), array: array.to_owned(), expected, found }
    }

    fn take(&mut self, name: &str) -> Option<Array> {
        self.arrays.remove(name)
    }

    fn needed(&mut self, name: &str, expected: &str) -> Result<Array, NpzError> {
        let found = self.arrays.keys().cloned().collect::<Vec<_>>().join(", ");
        let found = format!("no such array among: {found}");
        self.take(name).ok_or_else(|| self.refused(name, expected, found))
    }

    /// A list of `count` different names.
    fn names(&mut self, name: &str, count: usize) -> Result<Option<Vec<String>>, NpzError> {
        let Some(Array { shape, content, .. }) = self.take(name) else { return Ok(None) };
        let expected = format!("{count} different names, as texts [{count}]");
        match content {
            Content::Texts(texts) if shape == [count] => {
                let different: BTreeSet<&String> = texts.iter().collect();
                match different.len() == count && !different.contains(&String::new()) {
                    true => Ok(Some(texts)),
                    false => Err(self.refused(name, expected, "an empty name or one twice")),
                }
            }
            Content::Texts(_) => Err(self.refused(name, expected, format!("texts {shape:?}"))),
            _ => Err(self.refused(name, expected, format!("numbers {shape:?}"))),
        }
    }

    /// Whole numbers in one dimension.
    fn integers(&mut self, name: &str, expected: &str) -> Result<Option<Vec<i64>>, NpzError> {
        let Some(Array { shape, content, .. }) = self.take(name) else { return Ok(None) };
        match content {
            Content::Integers(numbers) if shape.len() == 1 => Ok(Some(numbers)),
            Content::Integers(_) => Err(self.refused(name, expected, format!("whole numbers {shape:?}"))),
            _ => Err(self.refused(name, expected, "other content; hint: a.astype(int)")),
        }
    }
}

impl Layout {
    /// Checks the arrays and takes them apart. Missing values, NaN, are only taken with `masked`.
    pub(super) fn new(path: &Path, arrays: BTreeMap<String, Array>, masked: bool) -> Result<Self, NpzError> {
        let mut arrays = Arrays { path: path.to_owned(), arrays };
        let x = arrays.needed("x", "the sequences, [N, T, I]")?;
        let y = arrays.needed("y", "the targets, [N] and more")?;
        let &[count, steps, width] = &x.shape[..] else {
            let hint = "; hint: x[:, :, None] for one number per step";
            let found = format!("{:?}{}", x.shape, if x.shape.len() == 2 { hint } else { "" });
            return Err(arrays.refused("x", "sequences [N, T, I]", found));
        };
        if count == 0 || steps == 0 || width == 0 {
            return Err(arrays.refused("x", "at least one number", format!("{:?}", x.shape)));
        }
        let x = match x.content {
            Content::Floats(numbers) => numbers,
            Content::Integers(numbers) => numbers.into_iter().map(|number| number as f64).collect(),
            Content::Texts(_) => return Err(arrays.refused("x", "numbers", "texts")),
        };
        let lengths = lengths(&mut arrays, [count, steps])?;
        let rows = || (0..count).flat_map(|i| (0..lengths[i]).map(move |t| i * steps + t));
        for row in rows() {
            let numbers = &x[row * width..(row + 1) * width];
            let bad = numbers.iter().find(|x| x.is_infinite() || x.is_nan() && !masked);
            if let Some(bad) = bad {
                let hint = "; hint: missing=mask lets the model see which values are missing";
                let hint = if bad.is_nan() { hint } else { "" };
                let found = format!("{bad} in x[{}, {}]{hint}", row / steps, row % steps);
                return Err(arrays.refused("x", "finite numbers", found));
            }
        }
        let dt = dt(&mut arrays, [count, steps], rows())?;
        let (per, targets) = targets(&mut arrays, y, &lengths, steps)?;
        let parts = parts(&mut arrays, count)?;
        let named = arrays.names("features", width)?;
        let features = named.unwrap_or_else(|| (0..width).map(|i| i.to_string()).collect());
        // What is left belongs to the other kind of targets.
        if let Some(name) = arrays.arrays.keys().next() {
            let [classes, values] = ["only beside y of whole numbers", "only beside y of floats"];
            let expected = if name == "classes" { classes } else { values };
            return Err(arrays.refused(name, expected, "it beside other targets"));
        }
        Ok(Self { features, steps, x, dt, lengths, targets, per, parts })
    }
}

fn lengths(arrays: &mut Arrays, [count, steps]: [usize; 2]) -> Result<Vec<usize>, NpzError> {
    let expected = format!("the steps of each of {count} sequences, whole numbers of 1..={steps}");
    let Some(lengths) = arrays.integers("lengths", &expected)? else { return Ok(vec![steps; count]) };
    if lengths.len() != count {
        return Err(arrays.refused("lengths", expected, format!("{} numbers", lengths.len())));
    }
    let fits = |length: &i64| usize::try_from(*length).ok().filter(|length| (1..=steps).contains(length));
    match lengths.iter().find(|length| fits(length).is_none()) {
        Some(length) => Err(arrays.refused("lengths", expected, length.to_string())),
        None => Ok(lengths.iter().filter_map(fits).collect()),
    }
}

/// The time since the step before, at the `rows` that there are.
fn dt(
    arrays: &mut Arrays,
    [count, steps]: [usize; 2],
    mut rows: impl Iterator<Item = usize>,
) -> Result<Option<Vec<f64>>, NpzError> {
    let Some(Array { shape, content, .. }) = arrays.take("dt") else { return Ok(None) };
    let expected = "the time since the step before, numbers from 0, [N, T] as x";
    if shape != [count, steps] {
        return Err(arrays.refused("dt", expected, format!("{shape:?}")));
    }
    let dt: Vec<f64> = match content {
        Content::Floats(numbers) => numbers,
        Content::Integers(numbers) => numbers.into_iter().map(|number| number as f64).collect(),
        Content::Texts(_) => return Err(arrays.refused("dt", expected, "texts")),
    };
    match rows.find(|row| !(dt[*row].is_finite() && dt[*row] >= 0.0)) {
        Some(row) => {
            let found = format!("{} in dt[{}, {}]", dt[row], row / steps, row % steps);
            Err(arrays.refused("dt", expected, found))
        }
        None => Ok(Some(dt)),
    }
}

fn targets(
    arrays: &mut Arrays,
    y: Array,
    lengths: &[usize],
    steps: usize,
) -> Result<(Per, Targets), NpzError> {
    let count = lengths.len();
    let Array { shape, content, .. } = y;
    let per_step = shape.len() > 1 && shape[..2] == [count, steps];
    match content {
        Content::Integers(labels) => {
            let per = match &shape[..] {
                [n] if *n == count => Per::Sequence,
                [_, _] if per_step => Per::Step,
                _ => {
                    let expected = format!(
                        "a class for each sequence, whole numbers [{count}], or for each step, [{count}, {steps}]"
                    );
                    let hint = "; hint: y.astype(float) for values";
                    return Err(arrays.refused("y", expected, format!("whole numbers {shape:?}{hint}")));
                }
            };
            Ok((per, classes(arrays, &labels, per, lengths, steps)?))
        }
        Content::Floats(numbers) => {
            let (per, width) = match &shape[..] {
                [n] if *n == count => (Per::Sequence, 1),
                [_, width] if per_step && !arrays.arrays.contains_key("values") => {
                    let found = format!(
                        "{shape:?}, which may be {width} values of each sequence or one of each step"
                    );
                    let expected = "values [N], [N, K] or [N, T, K]";
                    let hint =
                        "; hint: y[:, :, None] for a value per step, or an array values with the K names";
                    return Err(arrays.refused("y", expected, found + hint));
                }
                [n, width] if *n == count && *width > 0 => (Per::Sequence, *width),
                [_, _, width] if per_step && *width > 0 => (Per::Step, *width),
                _ => {
                    let expected = format!(
                        "values of each sequence, [{count}] or [{count}, K], or of each step, [{count}, {steps}, K]"
                    );
                    return Err(arrays.refused("y", expected, format!("{shape:?}")));
                }
            };
            if let Some(place) = numbers.iter().position(|number| number.is_infinite()) {
                let found = format!("{} at the place {place}", numbers[place]);
                return Err(arrays.refused("y", "finite numbers, or NaN where there is no target", found));
            }
            let unnamed = || match width {
                1 => vec!["y".to_owned()],
                _ => (0..width).map(|i| format!("y{i}")).collect(),
            };
            let names = arrays.names("values", width)?.unwrap_or_else(unnamed);
            Ok((per, Targets::Values { names, numbers }))
        }
        Content::Texts(_) => {
            let hint = "texts; hint: classes, y = np.unique(y, return_inverse=True)";
            Err(arrays.refused("y", "numbers", hint))
        }
    }
}

/// Labels as places among the names of the classes: those that are given, or else the different numbers.
fn classes(
    arrays: &mut Arrays,
    labels: &[i64],
    per: Per,
    lengths: &[usize],
    steps: usize,
) -> Result<Targets, NpzError> {
    let counts = |place: usize| per == Per::Sequence || place % steps < lengths[place / steps];
    let given = arrays.arrays.get("classes").map(|classes| classes.shape.iter().product::<usize>());
    let names = given.map(|count| arrays.names("classes", count)).transpose()?.flatten();
    let used =
        labels.iter().enumerate().filter(|(place, label)| counts(*place) && **label != Samples::NO_LABEL);
    let used: BTreeSet<i64> = used.map(|(_, label)| *label).collect();
    let known: Vec<i64> = match &names {
        Some(names) => (0..names.len() as i64).collect(),
        None => used.iter().copied().collect(),
    };
    if let Some(other) = used.iter().find(|label| known.binary_search(label).is_err()) {
        let expected = format!("places among the {} names of classes, or -100 for no target", known.len());
        return Err(arrays.refused("y", expected, other.to_string()));
    }
    if !(2..=MOST_CLASSES).contains(&known.len()) {
        let expected = format!("2 to {MOST_CLASSES} different classes");
        let found = format!("{}; hint: y.astype(float) for values", known.len());
        return Err(arrays.refused("y", expected, found));
    }
    let names = names.unwrap_or_else(|| known.iter().map(ToString::to_string).collect());
    let place = |label: &i64| known.binary_search(label).map_or(Samples::NO_LABEL, |place| place as i64);
    Ok(Targets::Classes { names, labels: labels.iter().map(place).collect() })
}

/// The sequences of each part: `train` and `test`, and `validation` if it is there.
fn parts(arrays: &mut Arrays, count: usize) -> Result<Option<[Vec<usize>; 3]>, NpzError> {
    let expected = format!(
        "indices of sequences, whole numbers of 0..{count}, each once in all of train, validation and test"
    );
    let mut seen = vec![false; count];
    let mut part = |name: &str| -> Result<Option<Vec<usize>>, NpzError> {
        let Some(numbers) = arrays.integers(name, &expected)? else { return Ok(None) };
        let mut places = Vec::with_capacity(numbers.len());
        for number in &numbers {
            let place = usize::try_from(*number).ok().filter(|place| *place < count && !seen[*place]);
            let Some(place) = place else {
                let found = format!("{number}, which is twice there or no index");
                let hint = "; hint: np.flatnonzero(mask) makes indices of truth values";
                return Err(arrays.refused(name, &expected[..], found + hint));
            };
            seen[place] = true;
            places.push(place);
        }
        match places.is_empty() {
            true => Err(arrays.refused(name, &expected[..], "none")),
            false => Ok(Some(places)),
        }
    };
    let (train, validation, test) = (part("train")?, part("validation")?, part("test")?);
    match (train, validation, test) {
        (None, None, None) => Ok(None),
        (Some(train), validation, Some(test)) => Ok(Some([train, validation.unwrap_or_default(), test])),
        (train, ..) => {
            let (lacking, other) = if train.is_none() { ("train", "test") } else { ("test", "train") };
            Err(arrays.refused(lacking, format!("it beside {other}: both or none"), "no such array"))
        }
    }
}
