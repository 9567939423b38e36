//! Small sets of images in files of their own: a bright square in noise, whose quadrant is the class. They are sorted by class, as
//! folders are read.

use lnn_data::readers::idx::{write_images, write_labels};
use ndarray::Array4;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Classes of every set.
pub(crate) const CLASSES: usize = 4;

/// Height and width of the images, unless a test asks for others; three halvings leave 2.
pub(crate) const SIDE: usize = 16;

/// The names of the four files: training images and labels, test images and labels.
pub(crate) const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A folder with a set.
pub(crate) struct SetFolder(TempDir);

impl SetFolder {
    /// Draws a set of `train` and `test` images of `side` by `side` pixels.
    pub(crate) fn of([train, test]: [usize; 2], side: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        write(folder.path(), [train, test], side);
        Self(folder)
    }

    /// A set of the usual size: 200 images to train on, 60 to test on.
    pub(crate) fn usual() -> Self {
        Self::of([200, 60], SIDE)
    }

    /// What `--data` takes.
    pub(crate) fn spec(&self) -> String {
        spec(self.0.path())
    }

    /// One of its [`FILES`].
    pub(crate) fn file(&self, role: usize) -> PathBuf {
        self.0.path().join(FILES[role])
    }
}

/// What `--data` takes for the set in `folder`.
pub(crate) fn spec(folder: &Path) -> String {
    format!("idx:{}", folder.display())
}

/// Writes the four files of a set.
pub(crate) fn write(folder: &Path, counts: [usize; 2], side: usize) {
    fs::create_dir_all(folder).expect("the folder can be made");
    for (half, count) in counts.into_iter().enumerate() {
        let (images, labels) = draw(count, side, half as u64);
        let file =
            |role: usize| File::create(folder.join(FILES[2 * half + role])).expect("the file can be made");
        write_images(&mut file(0), &images).expect("the images can be written");
        write_labels(&mut file(1), &labels).expect("the labels can be written");
    }
}

/// Images `[count, 1, side, side]` and their labels; the same `seed` draws the same ones.
pub(crate) fn draw(count: usize, side: usize, seed: u64) -> (Array4<u8>, Vec<u8>) {
    let mut noise = Noise(seed);
    let mut images = Array4::from_shape_simple_fn((count, 1, side, side), || noise.below(64) as u8);
    let labels: Vec<usize> = (0..count).map(|i| i * CLASSES / count).collect();
    let size = side / 4;
    for (mut image, label) in images.outer_iter_mut().zip(&labels) {
        let (row, column) =
            (label / 2 * side / 2 + noise.below(size), label % 2 * side / 2 + noise.below(size));
        let brightness = 192 + noise.below(64) as u8;
        for (y, x) in (row..=row + size).flat_map(|y| (column..=column + size).map(move |x| (y, x))) {
            image[[0, y, x]] = brightness;
        }
    }
    (images, labels.into_iter().map(|label| label as u8).collect())
}

/// Knuth's linear congruential generator.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
