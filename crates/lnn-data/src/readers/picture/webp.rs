//! WebP: one image, with or without loss.

use super::decoded::{FLATTEN, Picture, Problem, blank};
use super::orientation;
use image_webp::{DecodingError, WebPDecoder};
use std::io::Cursor;

/// Bytes before the content that the header claims: `RIFF` and the size itself.
const BEFORE: u64 = 8;

pub(super) fn read(content: &[u8]) -> Result<Picture, Problem> {
    let size = content.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
    let (expected, found) = (u64::from(size) + BEFORE, content.len());
    if expected > found as u64 {
        return Err(Problem::Damaged(format!("a WebP of {found} bytes, which should have {expected}")));
    }
    let damaged = |error: DecodingError| Problem::Damaged(format!("a WebP that cannot be decoded ({error})"));
    let mut decoder = WebPDecoder::new(Cursor::new(content)).map_err(damaged)?;
    // No part of a file is longer than the file.
    decoder.set_memory_limit(found);
    if decoder.is_animated() {
        return Err(Problem::Form("an animation".to_owned(), "save its images one by one"));
    }
    if decoder.has_alpha() {
        return Err(Problem::Form("transparency (an alpha channel)".to_owned(), FLATTEN));
    }
    let (width, height) = decoder.dimensions();
    let mut pixels = blank(3, [width, height].map(u64::from))?;
    decoder.read_image(&mut pixels).map_err(damaged)?;
    let exif = decoder.exif_metadata().map_err(damaged)?.unwrap_or_default();
    let picture = Picture { shape: [3, height as usize, width as usize], pixels };
    Ok(orientation::turned(picture, orientation::of_exif(&exif)))
}
