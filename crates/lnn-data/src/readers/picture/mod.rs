//! A decoded image file; its first bytes decide the format, not its name. One file per decoder; a new format is a line in [`FORMATS`].
//!
//! Only images that a model takes unchanged are accepted: 8 bits per channel, grey or RGB. Palettes and lower bit
//! depths are expanded, and an image is turned as its EXIF data say. A truncated file is an error, although an image viewer would show
//! the missing part in grey.

mod bmp;
mod jpeg;
mod orientation;
mod png;
mod webp;

use std::fs;
use std::path::Path;

use crate::error::DataError;
use crate::readers::image_folder_error::ImageFolderError;

/// The maximum number of pixels of an image, because a file of some bytes may claim any number. Decoding takes up to 6 bytes each.
const MOST_PIXELS: u64 = 1 << 26;

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

/// The formats in words, for messages.
pub(crate) const FORMAT_NAMES: &str = "PNG, JPEG, WebP or BMP";

/// Whether a file with this ending, in upper or lower case, is read as an image.
pub(crate) fn is_known(ending: &std::ffi::OsStr) -> bool {
    FORMATS.iter().flat_map(|format| format.endings).any(|known| ending.eq_ignore_ascii_case(known))
}

/// A decoded image.
#[derive(Debug)]
pub(crate) struct Picture {
    /// `[C, H, W]`; C is 1 (grey) or 3 (red, green, blue).
    pub(crate) shape: [usize; 3],
    /// `[H, W, C]`, 0 to 255.
    pixels: Vec<u8>,
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

    /// Writes the pixels into `target` as `[C, H, W]`.
    pub(crate) fn write_planes(&self, target: &mut [u8]) {
        let [channels, height, width] = self.shape;
        for (channel, plane) in target.chunks_exact_mut(height * width).enumerate() {
            let values = self.pixels.iter().skip(channel).step_by(channels);
            plane.iter_mut().zip(values).for_each(|(pixel, value)| *pixel = *value);
        }
    }
}

/// The reason why a file cannot be decoded to a picture.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The file is damaged or not an image; contains what was found.
    Damaged(String),
    /// The image is neither 8-bit grey nor 8-bit RGB; contains what was found and how to correct it.
    Form(String, &'static str),
}

const FLATTEN: &str = "put it on a background of one colour and save it without alpha";
const CONVERT: &str = "convert it to RGB";

fn claims_too_much(what: &str, [width, height]: [u64; 2]) -> Problem {
    Problem::Damaged(format!("{what} that claims {width} × {height} pixels, more than it can hold"))
}

/// Returns zeros for the pixels of an image, unless it claims too many.
fn blank(channels: usize, [width, height]: [u64; 2]) -> Result<Vec<u8>, Problem> {
    if width.saturating_mul(height) > MOST_PIXELS {
        return Err(Problem::Form(format!("{width} × {height} pixels"), "scale it down"));
    }
    let mut pixels = Vec::new();
    let bytes = width as usize * height as usize * channels;
    pixels.try_reserve_exact(bytes).map_err(|_| {
        Problem::Form(format!("{width} × {height} pixels, more than fit into memory"), "scale it down")
    })?;
    pixels.resize(bytes, 0);
    Ok(pixels)
}

#[cfg(test)]
pub(crate) mod tests;
