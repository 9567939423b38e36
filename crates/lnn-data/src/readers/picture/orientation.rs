//! How a camera was held: the orientation in the EXIF data of a photo.

use super::decoded::Picture;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};

/// Returns the orientation in EXIF data; none are those of an image that lies as it is stored.
pub(super) fn of_exif(exif: &[u8]) -> Orientation {
    // Some programs write the name of the segment into the chunk of a PNG, too.
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// Returns the picture as a viewer shows it.
pub(super) fn turned(picture: Picture, orientation: Orientation) -> Picture {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let Picture { shape: [channels, height, width], pixels } = picture;
    let (w, h) = (width as u32, height as u32);
    let image = match channels {
        1 => GrayImage::from_raw(w, h, pixels).map(DynamicImage::ImageLuma8),
        _ => RgbImage::from_raw(w, h, pixels).map(DynamicImage::ImageRgb8),
    };
    let mut image = image.expect("a picture has the pixels of its shape");
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    Picture { shape: [channels, height, width], pixels: image.into_bytes() }
}
