//! The errors of a folder of images: one variant per kind of error.

use std::path::PathBuf;

/// The reason why the images of `--data folder:DIR` could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFolderError {
    /// There is no folder `train` or no folder `test`.
    #[error(
        "{}: a folder {half} with a folder of images for each class expected, found {}; hint: {}",
        folder.display(),
        listing(present),
        match *half {
            "test" => "move some images of every class to test/CLASS (those to validate on are held out of train)",
            _ => "name the folder that holds train and test",
        }
    )]
    MissingHalf {
        /// The folder after `folder:`.
        folder: PathBuf,
        /// `train` or `test`.
        half: &'static str,
        /// What the folder contains (at most a dozen names).
        present: Vec<String>,
    },

    /// `train` or `test` contains no folder.
    #[error(
        "{}: at least one folder of images expected, named after its class, found {}; hint: DIR/train/CLASS/*.png",
        folder.display(),
        listing(present)
    )]
    NoClasses {
        /// The folder `train` or `test`.
        folder: PathBuf,
        /// What it contains (at most a dozen names).
        present: Vec<String>,
    },

    /// The folder of a class contains no image.
    #[error(
        "{}: at least one .png, .jpg, .jpeg, .webp or .bmp file expected, found {}; hint: remove the folder if there is no such class",
        folder.display(),
        listing(present)
    )]
    EmptyClass {
        /// The folder of the class.
        folder: PathBuf,
        /// What it contains (at most a dozen names).
        present: Vec<String>,
    },

    /// `test` has a class that `train` does not have.
    #[error(
        "{}: a class of train expected ({}), found another one; hint: names must be equal to the letter",
        folder.display(),
        classes.join(", ")
    )]
    UnknownClass {
        /// The folder of the class.
        folder: PathBuf,
        /// The classes of `train` (at most a dozen).
        classes: Vec<String>,
    },

    /// The folder of a class contains a folder.
    #[error(
        "{}: only images expected in the folder of a class, found a folder; hint: move its images up, or start its name with a dot to leave it out",
        path.display()
    )]
    NestedFolder {
        /// The folder in the folder of the class.
        path: PathBuf,
    },

    /// An image lies in `train` or `test` itself.
    #[error(
        "{}: an image expected in the folder of its class, found it beside these folders; hint: move it into one",
        path.display()
    )]
    ImageWithoutClass {
        /// The image.
        path: PathBuf,
    },

    /// There are several folders that may be the one for validation.
    #[error(
        "{}: one folder of images for validation expected, found {}; hint: keep one, or start the others' names with a dot",
        folder.display(),
        present.join(", ")
    )]
    TwoValidations {
        /// The folder after `folder:`.
        folder: PathBuf,
        /// The folders.
        present: Vec<&'static str>,
    },

    /// A file is not a valid image of a known format.
    #[error("{}: a PNG, JPEG, WebP or BMP image expected, found {found}; hint: copy it again, or remove it", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },

    /// An image is neither 8-bit grey nor 8-bit RGB.
    #[error("{}: grey or RGB of 8 bits per channel expected, found {found}; hint: {hint}", path.display())]
    Form {
        /// The image.
        path: PathBuf,
        /// What it is instead.
        found: String,
        /// How to correct it.
        hint: &'static str,
    },

    /// Two images differ in size, or one is grey and the other is RGB.
    #[error(
        "{}: {} expected as in {}, found {}; hint: {}",
        path.display(),
        described(*first_shape),
        first.display(),
        described(*shape),
        match first_shape[0] == shape[0] {
            true => "scale or crop all images to one size",
            false => "convert all images to grey, or all to RGB",
        }
    )]
    Unequal {
        /// The first image of the set.
        first: PathBuf,
        /// Its `[C, H, W]`.
        first_shape: [usize; 3],
        /// The image that differs.
        path: PathBuf,
        /// Its `[C, H, W]`.
        shape: [usize; 3],
    },

    /// The images do not fit into memory.
    #[error(
        "{}: {images} images of {} need {} MB, more memory than there is; hint: scale them down",
        folder.display(),
        described(*shape),
        (images * shape.iter().product::<usize>()) >> 20
    )]
    TooLarge {
        /// The folder of the first image.
        folder: PathBuf,
        /// Number of images.
        images: usize,
        /// `[C, H, W]` of each.
        shape: [usize; 3],
    },
}

/// Formats names as `a, b` or `nothing`.
fn listing(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Formats a shape as `32 × 24 pixels in RGB`, width first, as image viewers do.
fn described([channels, height, width]: [usize; 3]) -> String {
    format!("{width} × {height} pixels in {}", if channels == 1 { "grey" } else { "RGB" })
}
