//! JPEG. A decoded value may differ by 1 from what libjpeg computes, because the standard leaves rounding open.

use super::decoded::{CONVERT, Picture, Problem, blank, claims_too_much};
use super::orientation;
use image::metadata::Orientation;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

const START_OF_SCAN: &[u8] = &[0xff, 0xda];
const END: &[u8] = &[0xff, 0xd9];

/// The maximum number of pixels of a byte: a block of 64 takes at least one bit, and one of colour stands for up to 16.
const MOST_PIXELS_PER_BYTE: u64 = 64 * 8 * 16;

pub(super) fn read(content: &[u8]) -> Result<Picture, Problem> {
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
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("it has no size".to_owned()))?;
    let size = [width, height].map(|extent| extent as u64);
    if size[0] * size[1] / MOST_PIXELS_PER_BYTE > content.len() as u64 {
        return Err(claims_too_much("a JPEG", size));
    }
    let mut pixels = blank(channels, size)?;
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    decoder.decode_into(&mut pixels).map_err(|error| damaged(error.to_string()))?;
    // The decoder does not report an error if only the last few bytes are missing. A photo holds a small one for previews, with an
    // end of its own, before the scan.
    let scan = content.windows(2).rposition(|pair| pair == START_OF_SCAN).unwrap_or(0);
    if !content[scan..].windows(2).any(|pair| pair == END) {
        return Err(damaged("it ends before its end mark".to_owned()));
    }
    let orientation = decoder.exif().map_or(Orientation::NoTransforms, |exif| orientation::of_exif(exif));
    Ok(orientation::turned(Picture { shape: [channels, height, width], pixels }, orientation))
}
