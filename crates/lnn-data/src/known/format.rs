//! The formats of known sets.

use std::path::{Path, PathBuf};

use crate::readers::cifar10;
use crate::readers::content::Content;
use crate::readers::idx_folder;

/// The names, the location and the reader of the files of a known set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Train images, train labels, test images, test labels, each an IDX file.
    Idx,
    /// Series for training, and for the test, each a `.ts` file with a name of its own.
    Ts,
    /// A series of whole numbers `[R, 1]` as a `.npy` file.
    Table,
    /// The files of CIFAR-10: five batches for training and one for the test.
    Cifar,
}

impl Format {
    /// Returns the number of files of a set.
    pub fn files(self) -> usize {
        match self {
            Self::Idx => 4,
            Self::Ts => 2,
            Self::Table => 1,
            Self::Cifar => cifar10::BATCHES.len(),
        }
    }

    /// Returns the value of `--data` that reads a set of this format from any folder.
    pub fn spec(self) -> &'static str {
        match self {
            Self::Idx => "idx:DIR",
            Self::Ts => "ts:NAME_TRAIN.ts",
            Self::Table => "csv:FILE",
            Self::Cifar => "cifar10:DIR",
        }
    }

    /// Returns the kind of samples of its sets.
    pub fn content(self) -> Content {
        match self {
            Self::Idx | Self::Cifar => Content::Images,
            Self::Ts | Self::Table => Content::Sequences,
        }
    }

    /// Returns the possible names of file `role`, whose official name is `name`; that comes first.
    pub(crate) fn candidates(self, role: usize, name: &str) -> Vec<String> {
        match self {
            Self::Idx => idx_folder::candidates(role),
            Self::Cifar => vec![cifar10::BATCHES[role].to_owned()],
            Self::Ts | Self::Table => vec![name.to_owned()],
        }
    }

    /// Returns the folders in which the files of the set with the folder `folder` may lie: `folder` itself, and the
    /// places where the archive of the set or another program that shares the data folder puts them.
    pub(crate) fn folders(self, folder: &Path) -> Vec<PathBuf> {
        let mut folders = vec![folder.to_owned()];
        if self == Self::Cifar {
            folders.push(folder.join(cifar10::FOLDER));
            folders.extend(folder.parent().map(|root| root.join(cifar10::FOLDER)));
        }
        folders
    }
}
