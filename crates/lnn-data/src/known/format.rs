//! The formats in which known sets come, and all that depends on them.

use std::path::{Path, PathBuf};

use crate::readers::cifar10;
use crate::readers::idx_folder;

/// How the files of a known set are named, found and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Train images, train labels, test images, test labels, each an IDX file.
    Idx,
    /// Five batches to train on and one to test on, as CIFAR-10 has them.
    Cifar,
}

impl Format {
    /// How many files make up a set.
    pub fn files(self) -> usize {
        match self {
            Self::Idx => 4,
            Self::Cifar => cifar10::BATCHES.len(),
        }
    }

    /// How a set of this format is read from any folder, after `--data`.
    pub fn spec(self) -> &'static str {
        match self {
            Self::Idx => "idx:DIR",
            Self::Cifar => "cifar10:DIR",
        }
    }

    /// The names under which file `role` is looked for, the official one first.
    pub(crate) fn candidates(self, role: usize) -> Vec<String> {
        match self {
            Self::Idx => idx_folder::candidates(role),
            Self::Cifar => vec![cifar10::BATCHES[role].to_owned()],
        }
    }

    /// Where the files of the set with the folder `folder` may lie: there, and where the archive of the set or another
    /// program that shares the data folder puts them.
    pub(crate) fn folders(self, folder: &Path) -> Vec<PathBuf> {
        let mut folders = vec![folder.to_owned()];
        if self == Self::Cifar {
            folders.push(folder.join(cifar10::FOLDER));
            folders.extend(folder.parent().map(|root| root.join(cifar10::FOLDER)));
        }
        folders
    }
}
