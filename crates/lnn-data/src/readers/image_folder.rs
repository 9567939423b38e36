//! A folder of images, sorted into folders by class: `--data folder:DIR`.
//!
//! ```text
//! DIR/train/cat/0001.png     DIR/test/cat/0001.jpg
//! DIR/train/dog/0001.jpeg    DIR/test/dog/0001.PNG
//! ```
//!
//! The classes are the folders of `train` in the order of their names; `test` may lack a class, but must not have another one. If there
//! is a folder `valid`, `val` or `validation` beside them, its images are those for validation, and none are held out of `train`.
//! Images are PNG, JPEG, WebP or BMP files that end in `.png`, `.jpg`, `.jpeg`, `.webp` or `.bmp`, in upper or lower case, read in the
//! order of their names. Files of other kinds in the folder of a class are left out with a notice, and without one everything whose
//! name starts with a dot. A folder inside the folder of a class is an error, because it is unclear whether its images should be read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array4};

use crate::error::DataError;
use crate::images::{ImageData, ImageSet, TestImages};
use crate::progress::Progress;
use crate::readers::decoding::{First, decode_all};
use crate::readers::folder_content::{names, shown};
use crate::readers::image_folder_error::ImageFolderError;
use crate::readers::picture::is_known;

/// The possible names of the folder with the images for validation.
const VALIDATION: [&str; 3] = ["valid", "val", "validation"];

/// Files that desktops leave in folders, in lower case: they are left out without a notice.
const OF_DESKTOPS: [&str; 3] = ["thumbs.db", "ehthumbs.db", "desktop.ini"];

/// Reads the images in `folder` and names the set after the folder.
///
/// # Errors
/// Each [`ImageFolderError`], [`DataError::Io`].
pub fn open_dir(folder: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<ImageData, DataError> {
    let name = format!("folder:{}", folder.display());
    let classes = class_folders(folder, "train")?;
    let mut others = BTreeMap::new();
    let train = Labelled::list(&folder.join("train"), &classes, &classes, &mut others)?;
    let mut list = |half: &'static str| {
        let present = class_folders(folder, half)?;
        if let Some(other) = present.iter().find(|class| !classes.contains(class)) {
            let folder = folder.join(half).join(other);
            return Err(ImageFolderError::UnknownClass { folder, classes: shown(&classes) }.into());
        }
        Labelled::list(&folder.join(half), &present, &classes, &mut others)
    };
    let test = list("test")?;
    let validation = validation_folder(folder)?.map(&mut list).transpose()?;
    if !others.is_empty() {
        progress(Progress::Warning { text: &left_out(folder, &others) });
    }

    let first = First::read(&train.files[0])?;
    let to_validate = validation.as_ref().map_or(0, |validation| validation.files.len());
    if to_validate > 0 {
        let text = format!(
            "{to_validate} images of {} are for validation; none are held out of train",
            folder.display()
        );
        progress(Progress::Note { text: &text });
    }
    let (mut done, total) = (0, train.files.len() + test.files.len() + to_validate);
    let mut read = |half: Labelled| {
        half.decode(&name, classes.len(), &first, &mut || {
            done += 1;
            progress(Progress::Decoding { done, total });
        })
    };
    let (train, test) = (read(train)?, read(test)?);
    let validation = validation.map(read).transpose()?;
    let data = ImageData::new(name, train, test, class_names(&classes))?;
    match validation {
        Some(validation) => data.with_validation(validation),
        None => Ok(data),
    }
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
    let mut others = BTreeMap::new();
    let test = Labelled::list(&folder.join("test"), &classes, &classes, &mut others)?;
    if !others.is_empty() {
        progress(Progress::Warning { text: &left_out(folder, &others) });
    }
    let first = First::read(&test.files[0])?;
    let (mut done, total) = (0, test.files.len());
    let test = test.decode(&name, classes.len(), &first, &mut || {
        done += 1;
        progress(Progress::Decoding { done, total });
    })?;
    Ok(TestImages { name, test, class_names: class_names(&classes) })
}

fn class_names(classes: &[OsString]) -> Vec<String> {
    classes.iter().map(|class| class.to_string_lossy().into_owned()).collect()
}

/// Returns the name of the folder with the images for validation, if there is one.
fn validation_folder(folder: &Path) -> Result<Option<&'static str>, DataError> {
    let present: Vec<_> = VALIDATION.into_iter().filter(|name| folder.join(name).is_dir()).collect();
    match present[..] {
        [] => Ok(None),
        [name] => Ok(Some(name)),
        _ => Err(ImageFolderError::TwoValidations { folder: folder.to_owned(), present }.into()),
    }
}

/// Describes the files of class folders that are not images of a known kind: their number by ending.
fn left_out(folder: &Path, others: &BTreeMap<String, usize>) -> String {
    let kinds: Vec<_> = others.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    format!(
        "folder:{}: left out {}; hint: only .png, .jpg, .jpeg, .webp and .bmp are read, convert other images to one of them",
        folder.display(),
        kinds.join(", ")
    )
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
    /// Other files are counted in `others`.
    fn list(
        half: &Path,
        present: &[OsString],
        classes: &[OsString],
        others: &mut BTreeMap<String, usize>,
    ) -> Result<Self, DataError> {
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        for (label, class) in classes.iter().enumerate().filter(|(_, class)| present.contains(class)) {
            files.append(&mut image_files(&half.join(class), others)?);
            labels.resize(files.len(), label as i64);
        }
        Ok(Self { files, labels })
    }

    /// Decodes the files, which must have the shape of `first`. `place` names their origin in error messages; `on_image` is called
    /// after each of them.
    fn decode(
        self,
        place: &str,
        classes: usize,
        first: &First,
        on_image: &mut dyn FnMut(),
    ) -> Result<ImageSet, DataError> {
        let pixels = decode_all(&self.files, first, on_image)?;
        let [channels, height, width] = first.shape;
        let images = Array4::from_shape_vec((self.files.len(), channels, height, width), pixels)
            .expect("every file gives the pixels of one image");
        ImageSet::new(place, images, Array1::from(self.labels), classes)
    }
}

/// Returns the images in the folder of a class and counts the other files by their ending.
fn image_files(folder: &Path, others: &mut BTreeMap<String, usize>) -> Result<Vec<PathBuf>, DataError> {
    let present = visible(folder)?;
    if let Some(nested) = present.iter().map(|name| folder.join(name)).find(|path| path.is_dir()) {
        return Err(ImageFolderError::NestedFolder { path: nested }.into());
    }
    let (images, rest): (Vec<_>, Vec<_>) = present.iter().partition(|name| is_image(name));
    let images: Vec<_> = images.into_iter().map(|name| folder.join(name)).collect();
    if images.is_empty() {
        let folder = folder.to_owned();
        return Err(ImageFolderError::EmptyClass { folder, present: shown(&present) }.into());
    }
    for name in
        rest.into_iter().filter(|name| !OF_DESKTOPS.iter().any(|known| name.eq_ignore_ascii_case(known)))
    {
        let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
        *others
            .entry(ending.map_or("without an ending".to_owned(), |ending| format!(".{ending}")))
            .or_default() += 1;
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
    Path::new(name).extension().is_some_and(is_known)
}

#[cfg(test)]
#[path = "image_folder_tests.rs"]
mod tests;
