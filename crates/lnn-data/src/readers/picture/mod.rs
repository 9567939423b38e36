//! Image files; the first bytes of a file decide its format, not its name. One file per decoder; a new format is a line in [`FORMATS`].
//!
//! Only images that a model takes unchanged are accepted: 8 bits per channel, grey or RGB. Palettes and lower bit
//! depths are expanded, and an image is turned as its EXIF data say. A truncated file is an error, although an image viewer would show
//! the missing part in grey.

mod bmp;
mod decoded;
mod jpeg;
mod orientation;
mod png;
mod webp;

use std::fs;
use std::path::Path;

use crate::error::DataError;
use crate::readers::image_folder_error::ImageFolderError;
use decoded::Problem;

pub(crate) use decoded::Picture;

/// A format.
struct Format {
    /// The endings of its files.
    endings: &'static [&'static str],
    /// Whether a file begins as one of this format.
    begins: fn(&[u8]) -> bool,
    decode: fn(&[u8]) -> Result<Picture, Problem>,
}

const FORMATS: [Format; 4] = [
    Format {
        endings: &["png"],
        begins: |content| content.starts_with(b"\x89PNG\r\n\x1a\n"),
        decode: png::read,
    },
    Format {
        endings: &["jpg", "jpeg"],
        begins: |content| content.starts_with(&[0xff, 0xd8]),
        decode: jpeg::read,
    },
    Format {
        endings: &["webp"],
        begins: |content| content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP"),
        decode: webp::read,
    },
    Format { endings: &["bmp"], begins: |content| content.starts_with(b"BM"), decode: bmp::read },
];

/// Whether a file with this ending, in upper or lower case, is read as an image.
pub(crate) fn is_known(ending: &std::ffi::OsStr) -> bool {
    FORMATS.iter().flat_map(|format| format.endings).any(|known| ending.eq_ignore_ascii_case(known))
}

impl Picture {
    /// Decodes the file at `path`.
    ///
    /// # Errors
    /// [`ImageFolderError::Undecodable`], [`ImageFolderError::Form`], [`DataError::Io`].
    pub(crate) fn read(path: &Path) -> Result<Self, DataError> {
        let content = fs::read(path).map_err(DataError::io("read", path))?;
        let path = path.to_owned();
        Self::decode(&content).map_err(|problem| match problem {
            Problem::Damaged(found) => ImageFolderError::Undecodable { path, found }.into(),
            Problem::Form(found, hint) => ImageFolderError::Form { path, found, hint }.into(),
        })
    }

    /// Decodes the content of a file.
    pub(crate) fn decode(content: &[u8]) -> Result<Self, Problem> {
        match FORMATS.iter().find(|format| (format.begins)(content)) {
            Some(format) => (format.decode)(content),
            None if content.is_empty() => Err(Problem::Damaged("an empty file".to_owned())),
            None => Err(Problem::Damaged("another format".to_owned())),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
