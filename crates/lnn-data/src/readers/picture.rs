//! A decoded PNG or JPEG file; its first bytes decide the format, not its name.
//!
//! Only images that a model takes unchanged are accepted: 8 bits per channel, grey or RGB. Palettes and lower bit
//! depths are expanded. A truncated file is an error, although an image viewer would show the missing part in grey.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use png::{BitDepth, ColorType, Transformations};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::DataError;
use crate::readers::image_folder_error::ImageFolderError;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xff, 0xd8];
const JPEG_END: &[u8] = &[0xff, 0xd9];

/// The maximum compression factor of Deflate (RFC 1951: 258 bytes in two bits).
const MOST_DEFLATE_CAN_SHRINK: usize = 1032;

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
        let problem = match &content {
            content if content.starts_with(PNG) => match read_png(content) {
                Ok(picture) => return Ok(picture),
                Err(problem) => problem,
            },
            content if content.starts_with(JPEG) => match read_jpeg(content) {
                Ok(picture) => return Ok(picture),
                Err(problem) => problem,
            },
            content if content.is_empty() => Problem::Damaged("an empty file".to_owned()),
            _ => Problem::Damaged("another format".to_owned()),
        };
        let path = path.to_owned();
        Err(DataError::from(match problem {
            Problem::Damaged(found) => ImageFolderError::Undecodable { path, found },
            Problem::Form(found, hint) => ImageFolderError::Form { path, found, hint },
        }))
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
enum Problem {
    /// The file is damaged or not an image; contains what was found.
    Damaged(String),
    /// The image is neither 8-bit grey nor 8-bit RGB; contains what was found and how to correct it.
    Form(String, &'static str),
}

impl From<png::DecodingError> for Problem {
    fn from(error: png::DecodingError) -> Self {
        Self::Damaged(format!("a PNG that cannot be decoded ({error})"))
    }
}

fn read_png(content: &[u8]) -> Result<Picture, Problem> {
    let mut decoder = png::Decoder::new(Cursor::new(content));
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info()?;
    let channels = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => 1,
        (ColorType::Rgb, BitDepth::Eight) => 3,
        (_, BitDepth::Sixteen) => {
            return Err(Problem::Form("16 bits per channel".to_owned(), "convert it to 8 bits"));
        }
        (ColorType::GrayscaleAlpha | ColorType::Rgba, _) => {
            return Err(Problem::Form("transparency (an alpha channel)".to_owned(), FLATTEN));
        }
        (colour, depth) => return Err(Problem::Form(format!("{colour:?} of {depth:?} bits"), CONVERT)),
    };
    let (width, height) = reader.info().size();
    // No memory is allocated for a size that this file cannot contain.
    let bytes = reader.output_buffer_size().filter(|bytes| bytes / MOST_DEFLATE_CAN_SHRINK <= content.len());
    let bytes = bytes.ok_or_else(|| {
        Problem::Damaged(format!("a PNG that claims {width} × {height} pixels, more than it can hold"))
    })?;
    let mut pixels = vec![0; bytes];
    reader.next_frame(&mut pixels)?;
    // Reads up to the end marker.
    reader.finish()?;
    Ok(Picture { shape: [channels, height as usize, width as usize], pixels })
}

const FLATTEN: &str = "put it on a background of one colour and save it without alpha";
const CONVERT: &str = "convert it to RGB";

fn read_jpeg(content: &[u8]) -> Result<Picture, Problem> {
    let damaged = |reason: String| Problem::Damaged(format!("a JPEG that cannot be decoded ({reason})"));
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(content), options);
    decoder.decode_headers().map_err(|error| damaged(error.to_string()))?;
    let (channels, space) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (3, ColorSpace::RGB),
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => {
            return Err(Problem::Form("CMYK, the colours of print".to_owned(), CONVERT));
        }
        other => return Err(Problem::Form(format!("{other:?}"), CONVERT)),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(|error| damaged(error.to_string()))?;
    if !content.windows(2).any(|pair| pair == JPEG_END) {
        // The decoder does not report an error if only the last few bytes are missing.
        return Err(damaged("it ends before its end mark".to_owned()));
    }
    let (width, height) = decoder.dimensions().expect("the header is decoded");
    Ok(Picture { shape: [channels, height, width], pixels })
}

#[cfg(test)]
#[path = "picture_tests.rs"]
pub(crate) mod tests;
