//! PNG.

use super::decoded::{CONVERT, FLATTEN, Picture, Problem, blank, claims_too_much};
use super::orientation;
use png::{BitDepth, ColorType, Transformations};
use std::io::Cursor;

/// The maximum compression factor of Deflate (RFC 1951: 258 bytes in two bits).
const MOST_DEFLATE_CAN_SHRINK: usize = 1032;

impl From<png::DecodingError> for Problem {
    fn from(error: png::DecodingError) -> Self {
        Self::Damaged(format!("a PNG that cannot be decoded ({error})"))
    }
}

pub(super) fn read(content: &[u8]) -> Result<Picture, Problem> {
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
    let can_hold = |bytes: usize| bytes / MOST_DEFLATE_CAN_SHRINK <= content.len();
    if !reader.output_buffer_size().is_some_and(can_hold) {
        return Err(claims_too_much("a PNG", [width, height].map(u64::from)));
    }
    let mut pixels = blank(channels, [width, height].map(u64::from))?;
    reader.next_frame(&mut pixels)?;
    // Reads up to the end marker.
    reader.finish()?;
    let picture = Picture { shape: [channels, height as usize, width as usize], pixels };
    let orientation = orientation::of_exif(reader.info().exif_metadata.as_deref().unwrap_or_default());
    Ok(orientation::turned(picture, orientation))
}
