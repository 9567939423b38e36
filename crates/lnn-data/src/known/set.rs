//! What is known of a set: its files with checksums, and where they are found.

use crate::known::format::Format;
use crate::known::source::Source;
use crate::readers::cifar10;

/// A set known by name.
#[derive(Debug, Clone, Copy)]
pub struct KnownSet {
    /// Its name as the value of `--data`, also the name of its folder.
    pub name: &'static str,
    /// A short description of its content.
    pub title: &'static str,
    /// The authors and the licence.
    pub licence: &'static str,
    /// The name of each class, where the files do not say them.
    pub class_names: &'static [&'static str],
    /// The format of its files.
    pub format: Format,
    /// Its files, in the order of the format.
    pub files: &'static [KnownFile],
    /// Its sources, in the order in which they are tried.
    pub sources: &'static [Source],
}

impl KnownSet {
    /// Returns the files that a user who cannot download puts into its folder.
    pub fn to_be_put(&self) -> Vec<String> {
        match self.format {
            Format::Idx => self.files.iter().map(|file| format!("{}.gz", file.name)).collect(),
            Format::Cifar => vec![cifar10::ARCHIVE.to_owned()],
            Format::Ts | Format::Table => self.files.iter().map(|file| file.name.to_owned()).collect(),
        }
    }
}

/// One file of a known set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFile {
    /// Its official name, without `.gz`.
    pub name: &'static str,
    /// Its uncompressed size in bytes.
    pub bytes: u64,
    /// The SHA-256 checksum of its uncompressed content, in lower-case hexadecimal.
    pub sha256: &'static str,
}
