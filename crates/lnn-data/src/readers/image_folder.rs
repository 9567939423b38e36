//! A folder of images, sorted into folders by class: `--data folder:DIR`.
//!
//! ```text
//! DIR/train/cat/0001.png     DIR/test/cat/0001.jpg
//! DIR/train/dog/0001.jpeg    DIR/test/dog/0001.PNG
//! ```
//!
//! The classes are the folders of `train` in the order of their names; `test` may lack a class, but must not have another one.
//! Images are PNG or JPEG files that end in `.png`, `.jpg` or `.jpeg`, in upper or lower case, read in the order of their names.
//! Other files are ignored, and so is everything whose name starts with a dot. A folder inside the folder of a class is an error,
//! because it is unclear whether its images should be read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array4};

use crate::error::DataError;
use crate::images::{ImageData, ImageSet, TestImages};
use crate::progress::Progress;
use crate::readers::decoding::{First, decode_all};
use crate::readers::folder_content::{names, shown};
use crate::readers::image_folder_error::ImageFolderError;
use crate::readers::picture::Picture;

const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// Reads the images in `folder` and names the set after the folder.
///
/// # Errors
/// Each [`ImageFolderError`], [`DataError::Io`].
pub fn open_dir(folder: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<ImageData, DataError> {
    let name = format!("folder:{}", folder.display());
    let classes = class_folders(folder, "train")?;
    let tested = class_folders(folder, "test")?;
    if let Some(other) = tested.iter().find(|class| !classes.contains(class)) {
        let folder = folder.join("test").join(other);
        return Err(ImageFolderError::UnknownClass { folder, classes: shown(&classes) }.into());
    }
    let train = Labelled::list(&folder.join("train"), &classes, &classes)?;
    let test = Labelled::list(&folder.join("test"), &tested, &classes)?;

    let path = train.files[0].clone();
    let first = First { shape: Picture::read(&path)?.shape, path };
    let (mut done, total) = (0, train.files.len() + test.files.len());
    let mut read = |half: Labelled| {
        let pixels = decode_all(&half.files, &first, &mut || {
            done += 1;
            progress(Progress::Decoding { done, total });
        })?;
        let [channels, height, width] = first.shape;
        let images = Array4::from_shape_vec((half.files.len(), channels, height, width), pixels)
            .expect("every file gives the pixels of one image");
        ImageSet::new(&name, images, Array1::from(half.labels), classes.len())
    };
    let (train, test) = (read(train)?, read(test)?);
    ImageData::new(name, train, test, class_names(&classes))
}

/// Reads the images in `folder/test` alone, whose classes are the folders there.
///
/// # Errors
/// As [`open_dir`].
pub(crate) fn open_test(
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<TestImages, DataError> {
    let name = format!("folder:{}", folder.display());
    let classes = class_folders(folder, "test")?;
    let Labelled { files, labels } = Labelled::list(&folder.join("test"), &classes, &classes)?;
    let first = First { shape: Picture::read(&files[0])?.shape, path: files[0].clone() };
    let (mut done, total) = (0, files.len());
    let pixels = decode_all(&files, &first, &mut || {
        done += 1;
        progress(Progress::Decoding { done, total });
    })?;
    let [channels, height, width] = first.shape;
    let images = Array4::from_shape_vec((total, channels, height, width), pixels)
        .expect("every file gives the pixels of one image");
    let test = ImageSet::new(&name, images, Array1::from(labels), classes.len())?;
    Ok(TestImages { name, test, class_names: class_names(&classes) })
}

fn class_names(classes: &[OsString]) -> Vec<String> {
    classes.iter().map(|class| class.to_string_lossy().into_owned()).collect()
}

/// Returns the names of the folders in `folder/half`.
fn class_folders(folder: &Path, half: &'static str) -> Result<Vec<OsString>, DataError> {
    let inner = folder.join(half);
    if !inner.is_dir() {
        let present = shown(&visible(folder)?);
        return Err(ImageFolderError::MissingHalf { folder: folder.to_owned(), half, present }.into());
    }
    let present = visible(&inner)?;
    let (folders, files): (Vec<_>, Vec<_>) =
        present.iter().cloned().partition(|name| inner.join(name).is_dir());
    if let Some(image) = files.iter().find(|name| is_image(name)) {
        return Err(ImageFolderError::ImageWithoutClass { path: inner.join(image) }.into());
    }
    if folders.is_empty() {
        return Err(ImageFolderError::NoClasses { folder: inner, present: shown(&present) }.into());
    }
    Ok(folders)
}

/// Image files with one label each, not yet read.
struct Labelled {
    files: Vec<PathBuf>,
    labels: Vec<i64>,
}

impl Labelled {
    /// Lists the images in the folders of `half` that are called `present`, labelled by the position of their class in `classes`.
    fn list(half: &Path, present: &[OsString], classes: &[OsString]) -> Result<Self, DataError> {
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        for (label, class) in classes.iter().enumerate().filter(|(_, class)| present.contains(class)) {
            files.append(&mut image_files(&half.join(class))?);
            labels.resize(files.len(), label as i64);
        }
        Ok(Self { files, labels })
    }
}

/// Returns the images in the folder of a class.
fn image_files(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let present = visible(folder)?;
    if let Some(nested) = present.iter().map(|name| folder.join(name)).find(|path| path.is_dir()) {
        return Err(ImageFolderError::NestedFolder { path: nested }.into());
    }
    let images: Vec<_> = present.iter().filter(|name| is_image(name)).map(|name| folder.join(name)).collect();
    if images.is_empty() {
        let folder = folder.to_owned();
        return Err(ImageFolderError::EmptyClass { folder, present: shown(&present) }.into());
    }
    Ok(images)
}

/// Returns the entries of `folder` that are not hidden.
fn visible(folder: &Path) -> Result<Vec<OsString>, DataError> {
    let mut names = names(folder)?;
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    Ok(names)
}

fn is_image(name: &OsString) -> bool {
    let ending = Path::new(name).extension().unwrap_or_default();
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

#[cfg(test)]
#[path = "image_folder_tests.rs"]
mod tests;
