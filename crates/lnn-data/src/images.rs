//! Labelled images in memory, validated on construction.

use crate::error::DataError;
use crate::kept::{self, Fingerprints, Recognized};
use crate::source::{DataSource, Parts, SplitRequest};
use crate::split::{SplitScheme, split, split_by_label, thinned};
use lnn_core::{Input, InputSpec, SampleSet, Samples};
use ndarray::{Array, Array1, Array4, Axis, Dimension};
use tch::Tensor;

/// Images with one label each. [`ImageSet::new`] ensures that the counts agree and every label has a class.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageSet {
    /// `[N,C,H,W]`, from 0 (black) to 255 (white), N at least 1.
    pub images: Array4<u8>,
    /// `[N]`, each in `0..classes`.
    pub labels: Array1<i64>,
}

impl ImageSet {
    /// Joins `images [N,C,H,W]`, from 0 (black) to 255 (white), and `labels [N]` in `0..classes`. `place` names their origin in
    /// error messages.
    ///
    /// # Errors
    /// [`DataError::CountMismatch`], [`DataError::Empty`] (also for an extent of zero) and
    /// [`DataError::LabelOutOfRange`].
    pub fn new(
        place: &str,
        images: Array4<u8>,
        labels: Array1<i64>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let place = || place.to_owned();
        if images.dim().0 != labels.len() {
            let (images, labels) = (images.dim().0, labels.len());
            return Err(DataError::CountMismatch { place: place(), images, labels });
        }
        if images.is_empty() {
            return Err(DataError::Empty { place: place() });
        }
        let stray = labels.iter().position(|&label| label < 0 || label >= classes as i64);
        if let Some(index) = stray {
            let label = labels[index];
            return Err(DataError::LabelOutOfRange { place: place(), index, offset: None, label, classes });
        }
        Ok(Self { images, labels })
    }

    /// Returns the number of images N, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns `[C, H, W]` of every image.
    pub fn image_shape(&self) -> [usize; 3] {
        let (_, channels, height, width) = self.images.dim();
        [channels, height, width]
    }
}

/// A set with a training part and a test part. [`ImageData::new`] ensures that both have the same image shape.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageData {
    /// The name under which the set was requested.
    pub name: String,
    /// The images for training, some of which are held out for validation if there are no others for it.
    pub train: ImageSet,
    /// The images for validation, if the set brings them along.
    pub validation: Option<ImageSet>,
    /// The images for the test, used once.
    pub test: ImageSet,
    /// The name of each class; their number is the number of classes.
    pub class_names: Vec<String>,
}

impl ImageData {
    /// Joins the parts of a set; `class_names[k]` is the name of class `k`.
    ///
    /// # Errors
    /// [`DataError::UnequalSizes`] if training and test images differ in `[C,H,W]`, [`DataError::LabelOutOfRange`] if a label is
    /// not below the number of names.
    pub fn new(
        name: impl Into<String>,
        train: ImageSet,
        test: ImageSet,
        class_names: Vec<String>,
    ) -> Result<Self, DataError> {
        let name = name.into();
        if train.image_shape() != test.image_shape() {
            let (train, test) = (train.image_shape(), test.image_shape());
            return Err(DataError::UnequalSizes { name, train, test });
        }
        for (half, set) in [("train", &train), ("test", &test)] {
            check_labels(&name, half, set, class_names.len())?;
        }
        Ok(Self { name, train, validation: None, test, class_names })
    }

    /// Uses the images of `validation` for validation instead of some that are held out of training.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_validation(self, validation: ImageSet) -> Result<Self, DataError> {
        if self.train.image_shape() != validation.image_shape() {
            let (train, test) = (self.train.image_shape(), validation.image_shape());
            return Err(DataError::UnequalSizes { name: self.name, train, test });
        }
        check_labels(&self.name, "validation", &validation, self.class_names.len())?;
        Ok(Self { validation: Some(validation), ..self })
    }

    /// Returns `[C, H, W]` of every image.
    pub fn image_shape(&self) -> [usize; 3] {
        self.test.image_shape()
    }

    /// The training images in training and in validation: where they were in a resumed run, or by the rule of `request`.
    fn divided(&self, hashes: &[u64], request: &SplitRequest<'_>) -> Result<Recognized, DataError> {
        let count = self.train.len();
        if let Some(kept) = request.kept {
            return kept::recognize(hashes, kept, request.limit < Some(count) && request.limit.is_some());
        }
        let SplitRequest { validation_fraction, seed, .. } = *request;
        let (training, validation) = match request.scheme {
            SplitScheme::Plain => split(count, validation_fraction, seed)?,
            SplitScheme::Stratified => {
                split_by_label(&self.train.labels.to_vec(), validation_fraction, seed)?
            }
        };
        let [train, validation] = limited([training, validation], request);
        Ok(Recognized { train, validation, notes: Vec::new() })
    }

    /// One hash for each image of `set`.
    fn hashes(&self, set: &ImageSet) -> Vec<u64> {
        let images = set.images.axis_iter(Axis(0)).zip(&set.labels);
        let hash = |(image, &label): (ndarray::ArrayView3<'_, u8>, &i64)| {
            let class = &self.class_names[label as usize];
            match image.as_slice() {
                Some(pixels) => kept::of_image(pixels, class),
                None => kept::of_image(&image.iter().copied().collect::<Vec<_>>(), class),
            }
        };
        images.map(hash).collect()
    }

    /// Names the classes of the training part that have no image at the `positions` of those for validation.
    fn not_validated(&self, held_out: &ImageSet, positions: &[usize]) -> Option<String> {
        let mut validated = vec![false; self.class_names.len()];
        for &position in positions {
            validated[held_out.labels[position] as usize] = true;
        }
        let present = |class: usize| self.train.labels.iter().any(|&label| label as usize == class);
        let absent: Vec<&str> = (0..validated.len())
            .filter(|&class| !validated[class] && present(class))
            .map(|class| self.class_names[class].as_str())
            .collect();
        (!absent.is_empty()).then(|| {
            format!(
                "warning: no image is for validation of: {}; hint: a larger validation_fraction, or more images",
                absent.join(", ")
            )
        })
    }
}

/// Refuses a label without a class.
fn check_labels(name: &str, half: &str, set: &ImageSet, classes: usize) -> Result<(), DataError> {
    match set.labels.iter().position(|&label| label >= classes as i64) {
        Some(index) => {
            let (place, label) = (format!("{name} ({half})"), set.labels[index]);
            Err(DataError::LabelOutOfRange { place, index, offset: None, label, classes })
        }
        None => Ok(()),
    }
}

impl DataSource for ImageData {
    fn spec(&self) -> InputSpec {
        InputSpec::images(self.image_shape().map(|extent| extent as i64), self.class_names.clone())
    }

    /// The seed determines which training images are held out for validation. A limit keeps evenly spread positions of both
    /// parts.
    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let held_out = self.validation.as_ref().unwrap_or(&self.train);
        let hashes = self.hashes(&self.train);
        let own_validation = self.validation.as_ref().map(|set| self.hashes(set));
        let Recognized { train, validation, notes } = match &own_validation {
            None => self.divided(&hashes, request)?,
            Some(of_validation) => given([&hashes, of_validation], request)?,
        };
        let part = |set: &ImageSet, positions: &[usize]| {
            samples(&set.images.select(Axis(0), positions), &set.labels.select(Axis(0), positions))
        };
        let of = |hashes: &[u64], positions: &[usize]| {
            positions.iter().map(|&position| hashes[position]).collect()
        };
        Ok(Parts {
            train: part(&self.train, &train),
            validation: part(held_out, &validation),
            test: self.test()?,
            fingerprints: Fingerprints {
                train: of(&hashes, &train),
                validation: of(own_validation.as_ref().unwrap_or(&hashes), &validation),
            },
            notices: notes.into_iter().chain(self.not_validated(held_out, &validation)).collect(),
        })
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        Ok(samples(&self.test.images, &self.test.labels))
    }
}

/// The positions for training and for validation, of which a limit keeps evenly spread ones.
fn limited([train, validation]: [Vec<usize>; 2], request: &SplitRequest<'_>) -> [Vec<usize>; 2] {
    match request.limits() {
        Some([to_train, to_validate]) if request.limit < Some(train.len() + validation.len()) => {
            [thinned(&train, to_train), thinned(&validation, to_validate)]
        }
        _ => [train, validation],
    }
}

/// All images of training and of validation, of a set that brings both along.
fn given(hashes: [&[u64]; 2], request: &SplitRequest<'_>) -> Result<Recognized, DataError> {
    let [train, validation] = limited(hashes.map(|hashes| (0..hashes.len()).collect()), request);
    let notes = match request.kept {
        Some(kept) => {
            let of = |part: usize, positions: &[usize]| {
                positions.iter().map(|&position| hashes[part][position]).collect::<Vec<u64>>()
            };
            kept::compare([&of(0, &train), &of(1, &validation)], kept)?
        }
        None => Vec::new(),
    };
    Ok(Recognized { train, validation, notes })
}

/// The test part of a set alone, to test a trained model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestImages {
    /// The name under which the set was requested.
    pub(crate) name: String,
    /// The images.
    pub(crate) test: ImageSet,
    /// The name of each class that they have.
    pub(crate) class_names: Vec<String>,
}

impl DataSource for TestImages {
    fn spec(&self) -> InputSpec {
        InputSpec::images(self.test.image_shape().map(|extent| extent as i64), self.class_names.clone())
    }

    fn parts(&self, _request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        Err(DataError::NoTraining { name: self.name.clone() })
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        Ok(samples(&self.test.images, &self.test.labels))
    }
}

/// Converts byte images and their labels to samples on the CPU.
fn samples(images: &Array4<u8>, labels: &Array1<i64>) -> SampleSet {
    SampleSet::Stored(Samples { input: Input::new(tensor(images)), targets: tensor(labels) })
}

fn tensor<T: tch::kind::Element + Clone, D: Dimension>(array: &Array<T, D>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|&extent| extent as i64).collect();
    let array = array.as_standard_layout();
    Tensor::from_slice(array.as_slice().expect("standard layout")).view(&shape[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(n: usize, side: usize, label: i64) -> ImageSet {
        let (images, labels) = (Array4::zeros((n, 1, side, side)), Array1::from_elem(n, label));
        ImageSet::new("here", images, labels, 10).unwrap()
    }

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|k| k.to_string()).collect()
    }

    #[test]
    fn a_count_mismatch_is_refused_with_both_counts() {
        let error = ImageSet::new("here", Array4::zeros((3, 1, 2, 2)), Array1::zeros(4), 10).unwrap_err();
        assert!(matches!(error, DataError::CountMismatch { images: 3, labels: 4, .. }), "{error}");
    }

    #[test]
    fn a_set_without_images_is_refused() {
        for shape in [(0, 1, 2, 2), (3, 1, 0, 2)] {
            let error = ImageSet::new("here", Array4::zeros(shape), Array1::zeros(shape.0), 10).unwrap_err();
            assert!(matches!(error, DataError::Empty { .. }), "{error}");
        }
    }

    #[test]
    fn a_label_without_a_class_is_refused_and_named() {
        for bad in [10, -1, 200] {
            let labels = Array1::from(vec![0, bad]);
            let error = ImageSet::new("here", Array4::zeros((2, 1, 2, 2)), labels, 10).unwrap_err();
            assert!(
                matches!(error, DataError::LabelOutOfRange { index: 1, label, classes: 10, .. } if label == bad)
            );
            assert!(error.to_string().contains("from 0 to 9"), "{error}");
        }
    }

    #[test]
    fn halves_of_different_image_sizes_are_refused() {
        let error = ImageData::new("x", set(2, 28, 0), set(2, 32, 0), names(10)).unwrap_err();
        assert!(
            matches!(error, DataError::UnequalSizes { train: [1, 28, 28], test: [1, 32, 32], .. }),
            "{error}"
        );
    }

    #[test]
    fn fewer_class_names_than_labels_are_refused() {
        let error = ImageData::new("x", set(2, 4, 0), set(2, 4, 7), names(7)).unwrap_err();
        assert!(matches!(error, DataError::LabelOutOfRange { label: 7, classes: 7, .. }), "{error}");
        assert!(ImageData::new("x", set(2, 4, 0), set(2, 4, 7), names(8)).is_ok());
    }
}
