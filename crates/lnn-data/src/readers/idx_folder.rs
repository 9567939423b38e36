//! A folder with the four IDX files of a set: `--data idx:DIR`.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::images::{ImageData, ImageSet, TestImages};
use crate::readers::folder_content::{names, shown};
use crate::readers::idx;

/// The four files of a set, in the order train images, train labels, test images, test labels.
pub type FourFiles = [PathBuf; 4];

/// The prefixes and suffixes of the file names; the last two files have a second spelling.
const STEMS: [&[(&str, &str)]; 4] = [
    &[("train-images", "idx3-ubyte")],
    &[("train-labels", "idx1-ubyte")],
    &[("t10k-images", "idx3-ubyte"), ("test-images", "idx3-ubyte")],
    &[("t10k-labels", "idx1-ubyte"), ("test-labels", "idx1-ubyte")],
];

/// Returns the possible names of file `role` (0 to 3, as in [`FourFiles`]), the official one first: with `-` or `.`
/// before `idx`, with or without `.gz`.
pub(crate) fn candidates(role: usize) -> Vec<String> {
    let mut names = Vec::new();
    for (stem, kind) in STEMS[role] {
        for separator in ["-", "."] {
            for suffix in [".gz", ""] {
                names.push(format!("{stem}{separator}{kind}{suffix}"));
            }
        }
    }
    names
}

/// Finds the four files of a set in `folder`.
///
/// # Errors
/// [`DataError::MissingFile`] with the possible names and the content of the folder, [`DataError::Io`].
pub fn find_files(folder: &Path) -> Result<FourFiles, DataError> {
    let find = |role| find_file(folder, role);
    Ok([find(0)?, find(1)?, find(2)?, find(3)?])
}

/// Finds file `role` (0 to 3, as in [`FourFiles`]) in `folder`.
fn find_file(folder: &Path, role: usize) -> Result<PathBuf, DataError> {
    let (present, wanted) = (names(folder)?, candidates(role));
    let found = wanted.iter().find(|wanted| present.iter().any(|name| name == wanted.as_str()));
    found.map(|name| folder.join(name)).ok_or_else(|| {
        let (folder, present) = (folder.to_owned(), shown(&present));
        DataError::MissingFile { folder, wanted, present }
    })
}

/// Reads the test part of the set in `folder` alone. The classes are `0` to the largest label, of training if it is there.
///
/// # Errors
/// As [`open_dir`].
pub(crate) fn open_test(folder: &Path) -> Result<TestImages, DataError> {
    let (images, labels) = (find_file(folder, 2)?, find_file(folder, 3)?);
    let tested = idx::read_labels(&labels, None)?;
    let trained = match find_file(folder, 1) {
        Ok(labels) => idx::read_labels(&labels, None)?,
        Err(DataError::MissingFile { .. }) => tested.clone(),
        Err(error) => return Err(error),
    };
    let largest = trained.iter().chain(&tested).copied().max().unwrap_or(0);
    let class_names: Vec<String> = (0..=largest).map(|label| label.to_string()).collect();
    let (name, place) = (format!("idx:{}", folder.display()), labels.display().to_string());
    let test = ImageSet::new(&place, idx::read_images(&images)?, tested, class_names.len())?;
    Ok(TestImages { name, test, class_names })
}

/// Reads the set in `folder` and names it after the folder; the classes are `0` to the largest training label.
///
/// # Errors
/// Those of [`find_files`] and [`read`].
pub fn open_dir(folder: &Path) -> Result<ImageData, DataError> {
    let files = find_files(folder)?;
    let largest = idx::read_labels(&files[1], None)?.into_iter().max().unwrap_or(0);
    read(&format!("idx:{}", folder.display()), &files, (0..=largest).map(|label| label.to_string()).collect())
}

/// Reads the four `files` of the set `name`, whose labels are below the number of `class_names`.
///
/// # Errors
/// Those of [`idx::read_images`], [`idx::read_labels`], [`ImageSet::new`] and [`ImageData::new`].
pub fn read(name: &str, files: &FourFiles, class_names: Vec<String>) -> Result<ImageData, DataError> {
    let classes = class_names.len();
    let half = |images: &Path, labels: &Path| {
        let place = format!("{} and {}", images.display(), labels.display());
        ImageSet::new(&place, idx::read_images(images)?, idx::read_labels(labels, Some(classes))?, classes)
    };
    let train = half(&files[0], &files[1])?;
    let test = half(&files[2], &files[3])?;
    ImageData::new(name, train, test, class_names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::Array4;

    use super::*;

    const OFFICIAL: [&str; 4] = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];

    fn folder(names: [&str; 4], train: &[u8], test: &[u8], test_images: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write_images = |name: &str, n: usize| {
            let mut content = Vec::new();
            idx::write_images(&mut content, &Array4::zeros((n, 1, 2, 2))).unwrap();
            fs::write(folder.path().join(name), content).unwrap();
        };
        let write_labels = |name: &str, labels: &[u8]| {
            let mut content = Vec::new();
            idx::write_labels(&mut content, labels).unwrap();
            fs::write(folder.path().join(name), content).unwrap();
        };
        write_images(names[0], train.len());
        write_labels(names[1], train);
        write_images(names[2], test_images);
        write_labels(names[3], test);
        folder
    }

    #[test]
    fn every_spelling_of_the_names_is_found() {
        let dotted = [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ];
        // The name ends in `.gz` although the content is plain: the content decides.
        let other = [
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte",
            "test-images-idx3-ubyte",
            "test-labels-idx1-ubyte",
        ];
        for names in [OFFICIAL, dotted, other] {
            let folder = folder(names, &[0, 2, 1], &[2], 1);
            let data = open_dir(folder.path()).unwrap();
            assert_eq!((data.train.len(), data.test.len()), (3, 1));
            assert_eq!(data.class_names, ["0", "1", "2"]);
        }
    }

    #[test]
    fn a_missing_file_is_reported_with_what_was_looked_for_and_what_is_there() {
        let folder = folder(OFFICIAL, &[0, 1], &[1], 1);
        fs::remove_file(folder.path().join(OFFICIAL[3])).unwrap();
        let error = open_dir(folder.path()).unwrap_err();
        assert!(matches!(error, DataError::MissingFile { .. }));
        let text = error.to_string();
        assert!(
            text.contains("test-labels.idx1-ubyte") && text.contains("train-images-idx3-ubyte"),
            "{text}"
        );
    }

    #[test]
    fn a_test_label_that_training_never_saw_is_refused() {
        let folder = folder(OFFICIAL, &[0, 1], &[1, 5], 2);
        let error = open_dir(folder.path()).unwrap_err();
        assert!(
            matches!(error, DataError::LabelOutOfRange { index: 1, label: 5, classes: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn different_numbers_of_images_and_labels_are_refused() {
        let folder = folder(OFFICIAL, &[0, 1], &[1, 0], 3);
        let error = open_dir(folder.path()).unwrap_err();
        assert!(matches!(error, DataError::CountMismatch { images: 3, labels: 2, .. }), "{error}");
    }
}
