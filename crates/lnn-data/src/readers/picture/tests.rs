//! Valid and invalid image files.

use std::path::PathBuf;

use ::png::{BitDepth, ColorType};
use image::codecs::bmp::BmpEncoder;
use image_webp::{ColorType as WebpColour, WebPEncoder};
use jpeg_encoder::{ColorType as JpegColour, Encoder};

use super::decoded::blank;
use super::*;

/// Returns a PNG file; a palette has four colours, of which the last may be transparent.
pub(crate) fn png(
    [width, height]: [u32; 2],
    (colour, depth): (ColorType, BitDepth),
    transparent: Option<u8>,
    data: &[u8],
) -> Vec<u8> {
    let mut content = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut content, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 11, 12, 13, 21, 22, 23, 31, 32, 33]);
    }
    if let Some(opacity) = transparent {
        encoder.set_trns(vec![255, 255, 255, opacity]);
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    content
}

/// Returns a JPEG file.
pub(crate) fn jpeg([width, height]: [u16; 2], colour: JpegColour, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    Encoder::new(&mut content, 100).encode(data, width, height, colour).unwrap();
    content
}

/// Returns a WebP file.
pub(crate) fn webp([width, height]: [u32; 2], colour: WebpColour, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    WebPEncoder::new(&mut content).encode(data, width, height, colour).unwrap();
    content
}

/// Returns a BMP file.
fn bmp([width, height]: [u32; 2], colour: image::ExtendedColorType, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    BmpEncoder::new(&mut content).encode(data, width, height, colour).unwrap();
    content
}

/// Returns EXIF data with this orientation, big-endian.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif
}

/// Returns the JPEG with these EXIF data.
fn with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    let length = (exif.len() as u16 + 8).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, b"Exif\0\0", exif, &jpeg[2..]].concat()
}

const GREY: (ColorType, BitDepth) = (ColorType::Grayscale, BitDepth::Eight);
const RGB: (ColorType, BitDepth) = (ColorType::Rgb, BitDepth::Eight);
const INDEXED: (ColorType, BitDepth) = (ColorType::Indexed, BitDepth::Two);

fn read(content: &[u8]) -> Result<Picture, DataError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, content).unwrap();
    Picture::read(file.path())
}

/// Returns the shape and the planes.
fn planes(content: &[u8]) -> ([usize; 3], Vec<u8>) {
    let picture = read(content).unwrap();
    let mut planes = vec![0; picture.pixels.len()];
    picture.write_planes(&mut planes);
    (picture.shape, planes)
}

#[test]
fn grey_and_colour_come_back_as_planes() {
    let data: Vec<u8> = (0..6).collect();
    assert_eq!(planes(&png([3, 2], GREY, None, &data)), ([1, 2, 3], data));
    let data: Vec<u8> = (0..18).collect();
    let expected = [0, 3, 6, 9, 12, 15, 1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17];
    assert_eq!(planes(&png([3, 2], RGB, None, &data)), ([3, 2, 3], expected.to_vec()));
}

#[test]
fn a_jpeg_keeps_its_plain_areas() {
    let (shape, pixels) = planes(&jpeg([16, 8], JpegColour::Luma, &[77; 128]));
    assert_eq!((shape, pixels), ([1, 8, 16], vec![77; 128]));
    let (shape, pixels) = planes(&jpeg([8, 8], JpegColour::Rgb, &[200, 100, 50].repeat(64)));
    assert_eq!(shape, [3, 8, 8]);
    for (plane, expected) in pixels.chunks_exact(64).zip([200_u8, 100, 50]) {
        assert!(plane.iter().all(|&pixel| pixel.abs_diff(expected) <= 3), "{expected}: {plane:?}");
    }
}

#[test]
fn webp_and_bmp_in_colour_come_back_as_planes() {
    let data: Vec<u8> = (0..18).collect();
    let expected = ([3, 2, 3], [0, 3, 6, 9, 12, 15, 1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17].to_vec());
    assert_eq!(planes(&webp([3, 2], WebpColour::Rgb8, &data)), expected);
    assert_eq!(planes(&bmp([3, 2], image::ExtendedColorType::Rgb8, &data)), expected);
}

#[test]
fn a_photo_is_turned_as_its_exif_data_say_whatever_the_format() {
    // Where the pixels 0 to 5 of an image of 3 × 2 come to lie, as the EXIF standard defines the eight orientations.
    let upright: [(u8, [usize; 3], [u8; 6]); 8] = [
        (1, [1, 2, 3], [0, 1, 2, 3, 4, 5]),
        (2, [1, 2, 3], [2, 1, 0, 5, 4, 3]),
        (3, [1, 2, 3], [5, 4, 3, 2, 1, 0]),
        (4, [1, 2, 3], [3, 4, 5, 0, 1, 2]),
        (5, [1, 3, 2], [0, 3, 1, 4, 2, 5]),
        (6, [1, 3, 2], [3, 0, 4, 1, 5, 2]),
        (7, [1, 3, 2], [5, 2, 4, 1, 3, 0]),
        (8, [1, 3, 2], [2, 5, 1, 4, 0, 3]),
    ];
    let png = png([3, 2], GREY, None, &[0, 1, 2, 3, 4, 5]);
    for (orientation, shape, pixels) in upright {
        let exif = exif(orientation);
        let mut chunk = [b"eXIf", &exif[..]].concat();
        chunk.extend(crc32(&chunk).to_be_bytes());
        // After the header, whose chunk ends at byte 33.
        let turned = [&png[..33], &(exif.len() as u32).to_be_bytes(), &chunk, &png[33..]].concat();
        assert_eq!(planes(&turned), (shape, pixels.to_vec()), "{orientation}");
    }
    // Blocks of 8 × 8 survive the JPEG: six of them, 0 to 5 times 40.
    let block = |x: usize, y: usize| ((y / 8 * 3 + x / 8) * 40) as u8;
    let data: Vec<u8> = (0..16).flat_map(|y| (0..24).map(move |x| block(x, y))).collect();
    let jpeg = jpeg([24, 16], JpegColour::Luma, &data);
    for (orientation, [_, height, width], pixels) in upright {
        let (shape, planes) = planes(&with_exif(&jpeg, &exif(orientation)));
        assert_eq!(shape, [1, height * 8, width * 8]);
        for (i, expected) in pixels.iter().enumerate() {
            let found = planes[(i / width * 8 + 4) * width * 8 + i % width * 8 + 4];
            assert!(found.abs_diff(expected * 40) <= 2, "{orientation}: {found}");
        }
    }
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new(&mut webp);
    encoder.set_exif_metadata(exif(6));
    encoder.encode(&[0, 0, 0, 1, 1, 1], 2, 1, WebpColour::Rgb8).unwrap();
    assert_eq!(planes(&webp), ([3, 2, 1], vec![0, 1, 0, 1, 0, 1]));
}

#[test]
fn exif_data_that_are_damaged_or_say_nothing_leave_the_image_as_it_is() {
    let jpeg = jpeg([8, 16], JpegColour::Luma, &[7; 128]);
    for exif in [&b"MM"[..], &exif(0), &exif(9), &[0; 40], b"II*\0\xff\xff\xff\xff"] {
        assert_eq!(planes(&with_exif(&jpeg, exif)).0, [1, 16, 8]);
    }
}

#[test]
fn palettes_and_few_bits_are_expanded() {
    // Colours 0, 1, 2 and 3 in two bits each.
    let (shape, pixels) = planes(&png([4, 1], INDEXED, None, &[0b0001_1011]));
    assert_eq!((shape, pixels), ([3, 1, 4], vec![1, 11, 21, 31, 2, 12, 22, 32, 3, 13, 23, 33]));
    let (shape, pixels) = planes(&png([4, 1], (ColorType::Grayscale, BitDepth::One), None, &[0b0101_0000]));
    assert_eq!((shape, pixels), ([1, 1, 4], vec![0, 255, 0, 255]));
}

#[test]
fn what_is_not_8_bit_grey_or_rgb_is_refused_with_what_it_is() {
    let eight = BitDepth::Eight;
    for (content, found) in [
        (png([2, 1], (ColorType::Rgba, eight), None, &[9; 8]), "alpha"),
        (png([2, 1], (ColorType::GrayscaleAlpha, eight), None, &[9; 4]), "alpha"),
        (png([4, 1], INDEXED, Some(0), &[0]), "alpha"),
        (png([2, 1], (ColorType::Grayscale, BitDepth::Sixteen), None, &[9; 4]), "16 bits"),
        (png([2, 1], (ColorType::Rgba, BitDepth::Sixteen), None, &[9; 16]), "16 bits"),
        (jpeg([8, 8], JpegColour::Cmyk, &[9; 256]), "CMYK"),
        (jpeg([8, 8], JpegColour::CmykAsYcck, &[9; 256]), "CMYK"),
        (webp([2, 1], WebpColour::Rgba8, &[9; 8]), "alpha"),
    ] {
        let error = read(&content).unwrap_err();
        assert!(matches!(error, DataError::ImageFolder(ImageFolderError::Form { .. })), "{error}");
        assert!(error.to_string().contains(found) && error.to_string().contains("hint: "), "{error}");
    }
}

#[test]
fn every_truncation_is_noticed() {
    let data: Vec<u8> = (0..768).map(|i| (i * 37 % 251) as u8).collect();
    let photo = with_exif(&jpeg([16, 16], JpegColour::Rgb, &data), &[&exif(6)[..], &[0xff, 0xd9]].concat());
    for whole in [
        png([16, 16], RGB, None, &data),
        jpeg([16, 16], JpegColour::Rgb, &data),
        photo,
        webp([16, 16], WebpColour::Rgb8, &data),
        bmp([16, 16], image::ExtendedColorType::Rgb8, &data),
    ] {
        assert!(read(&whole).is_ok());
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            let undecodable = matches!(error, DataError::ImageFolder(ImageFolderError::Undecodable { .. }));
            assert!(undecodable, "{length} of {}: {error}", whole.len());
        }
    }
}

#[test]
fn another_format_and_a_damaged_file_are_refused() {
    let mut flipped = png([16, 16], GREY, None, &[50; 256]);
    let middle = flipped.len() - 20;
    flipped[middle] ^= 1;
    for (content, found) in
        [(&b"GIF89a"[..], "another format"), (b"", "an empty file"), (&flipped, "cannot be decoded")]
    {
        let error = read(content).unwrap_err().to_string();
        assert!(error.contains(found), "{error}");
    }
}

#[test]
fn a_header_that_claims_gigapixels_is_refused_without_allocating_them() {
    let mut content = png([16, 16], GREY, None, &[50; 256]);
    for extent in [0x7fff_ffff_u32, 60_000] {
        content[16..20].copy_from_slice(&extent.to_be_bytes());
        content[20..24].copy_from_slice(&extent.to_be_bytes());
        let sum = crc32(&content[12..29]).to_be_bytes();
        content[29..33].copy_from_slice(&sum);
        let error = read(&content).unwrap_err();
        assert!(matches!(error, DataError::ImageFolder(ImageFolderError::Undecodable { .. })), "{error}");
    }
}

#[test]
fn a_jpeg_a_webp_and_a_bmp_that_claim_gigapixels_are_refused_too() {
    let mut jpeg = jpeg([16, 16], JpegColour::Luma, &[50; 256]);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    let mut webp = webp([16, 16], WebpColour::Rgb8, &[50; 768]);
    // 14 bits each of width and height, minus 1, after the signature of the lossless format.
    webp[21..24].copy_from_slice(&[0xff; 3]);
    let mut bmp = bmp([16, 16], image::ExtendedColorType::Rgb8, &[50; 768]);
    bmp[18..26].copy_from_slice(&[0, 0xff, 0, 0, 0, 0xff, 0, 0]);
    for content in [jpeg, webp, bmp] {
        let error = read(&content).unwrap_err();
        assert!(matches!(error, DataError::ImageFolder(_)), "{error}");
    }
    let error = blank(3, [1 << 14, 1 << 14]).unwrap_err();
    assert!(matches!(error, Problem::Form(found, _) if found == "16384 × 16384 pixels"));
    for extents in [[1 << 40, 1], [u64::MAX, u64::MAX]] {
        assert!(blank(1, extents).is_err());
    }
}

/// Returns the checksum at the end of a PNG chunk.
fn crc32(chunk: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(chunk);
    sum.sum()
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = Picture::read(&PathBuf::from("/nowhere/at/all.png")).unwrap_err();
    assert!(matches!(error, DataError::Io { .. }) && error.to_string().contains("/nowhere/at/all.png"));
}
