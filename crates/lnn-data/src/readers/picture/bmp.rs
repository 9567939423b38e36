//! BMP.

use super::decoded::{CONVERT, FLATTEN, Picture, Problem, blank};
use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, ImageError};
use std::io::Cursor;

pub(super) fn read(content: &[u8]) -> Result<Picture, Problem> {
    let damaged = |error: ImageError| Problem::Damaged(format!("a BMP that cannot be decoded ({error})"));
    let decoder = BmpDecoder::new(Cursor::new(content)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let channels = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::Rgb8 => 3,
        ColorType::La8 | ColorType::Rgba8 => {
            return Err(Problem::Form("transparency (an alpha channel)".to_owned(), FLATTEN));
        }
        other => return Err(Problem::Form(format!("{other:?}"), CONVERT)),
    };
    let mut pixels = blank(channels, [width, height].map(u64::from))?;
    decoder.read_image(&mut pixels).map_err(damaged)?;
    Ok(Picture { shape: [channels, height as usize, width as usize], pixels })
}
