//! Valid and invalid IDX files.

use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use ndarray::Array;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.0.path().join("file");
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn images(shape: [usize; 4]) -> Array4<u8> {
    let n: usize = shape.iter().product();
    Array::from_iter((0..n).map(|i| (i * 37 % 251) as u8)).into_shape_with_order(shape).unwrap()
}

fn image_file(shape: [usize; 4]) -> Vec<u8> {
    let mut content = Vec::new();
    write_images(&mut content, &images(shape)).unwrap();
    content
}

fn label_file(labels: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    write_labels(&mut content, labels).unwrap();
    content
}

#[test]
fn what_is_written_is_read_back_grey_or_colour_plain_or_gzipped() {
    let folder = Folder::new();
    for shape in [[3, 1, 4, 5], [2, 3, 4, 5]] {
        let content = image_file(shape);
        for content in [gz(&content), content] {
            assert_eq!(read_images(&folder.file(&content)).unwrap(), images(shape));
        }
    }
    let labels = read_labels(&folder.file(&label_file(&[0, 9, 3])), Some(10)).unwrap();
    assert_eq!(labels.to_vec(), [0, 9, 3]);
}

#[test]
fn the_header_is_the_one_of_mnist() {
    assert_eq!(&image_file([2, 1, 4, 5])[..16], [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 5]);
    assert_eq!(label_file(&[7]), [0, 0, 8, 1, 0, 0, 0, 1, 7]);
}

#[test]
fn every_truncation_of_a_plain_file_is_noticed_and_located() {
    let folder = Folder::new();
    let whole = image_file([2, 1, 3, 3]);
    for length in 0..whole.len() {
        let error = read_images(&folder.file(&whole[..length])).unwrap_err();
        assert!(matches!(error, DataError::Truncated { found, .. } if found == length as u64), "{error}");
    }
}

#[test]
fn every_truncation_of_a_gzipped_file_is_noticed() {
    let folder = Folder::new();
    let whole = gz(&image_file([2, 1, 3, 3]));
    for length in 0..whole.len() {
        assert!(read_images(&folder.file(&whole[..length])).is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn a_short_body_inside_sound_gzip_is_truncated_not_damaged() {
    let whole = image_file([2, 1, 3, 3]);
    let error = read_images(&Folder::new().file(&gz(&whole[..20]))).unwrap_err();
    assert!(matches!(error, DataError::Truncated { expected: 34, found: 20, .. }), "{error}");
}

#[test]
fn bytes_left_over_are_noticed() {
    let folder = Folder::new();
    let mut longer = image_file([2, 1, 3, 3]);
    longer.push(0);
    for content in [gz(&longer), longer] {
        let error = read_images(&folder.file(&content)).unwrap_err();
        assert!(matches!(error, DataError::TrailingBytes { expected: 34, .. }), "{error}");
    }
    let mut garbage_after_gzip = gz(&image_file([2, 1, 3, 3]));
    garbage_after_gzip.extend_from_slice(b"garbage");
    assert!(read_images(&folder.file(&garbage_after_gzip)).is_err());
}

#[test]
fn a_flipped_bit_in_gzip_is_noticed() {
    let mut content = gz(&image_file([2, 1, 3, 3]));
    let crc = content.len() - 8;
    content[crc] ^= 1;
    let error = read_images(&Folder::new().file(&content)).unwrap_err();
    assert!(matches!(error, DataError::Gzip { .. }), "{error}");
}

#[test]
fn swapped_files_are_called_swapped() {
    let folder = Folder::new();
    let error = read_images(&folder.file(&label_file(&[1, 2]))).unwrap_err();
    assert!(matches!(error, DataError::WrongMagic { found: 0x0801, .. }));
    assert!(error.to_string().contains("swapped"), "{error}");
    let error = read_labels(&folder.file(&image_file([1, 1, 2, 2])), None).unwrap_err();
    assert!(matches!(error, DataError::WrongMagic { found: 0x0803, .. }));
}

#[test]
fn another_format_is_refused_with_a_hint() {
    let folder = Folder::new();
    for (start, hint) in
        [(&b"PK\x03\x04xxxx"[..], "zip"), (b"<!DOCTYPE", "web page"), (b"\x89PNG", "not an IDX")]
    {
        let error = read_images(&folder.file(start)).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn an_extent_of_zero_is_refused() {
    let content = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5];
    let error = read_images(&Folder::new().file(&content)).unwrap_err();
    assert!(matches!(error, DataError::BadExtents { ref dims, .. } if dims == &[2, 0, 5]), "{error}");
}

#[test]
fn a_header_that_claims_terabytes_is_refused_without_allocating_them() {
    let folder = Folder::new();
    // Extents of 16 TiB, and a product beyond 64 bits.
    let terabytes = [&[0, 0, 8, 3][..], &[0, 1, 0, 0], &[0, 0, 255, 255], &[0, 0, 16, 0], &[7; 9]].concat();
    let beyond = [&[0, 0, 8, 4][..], &[255; 16], &[7; 9]].concat();
    for content in [gz(&terabytes), terabytes] {
        let error = read_images(&folder.file(&content)).unwrap_err();
        assert!(matches!(error, DataError::Truncated { .. }), "{error}");
    }
    for content in [gz(&beyond), beyond] {
        let error = read_images(&folder.file(&content)).unwrap_err();
        assert!(matches!(error, DataError::BadExtents { .. }), "{error}");
    }
}

#[test]
fn a_label_beyond_the_classes_is_named_with_its_byte() {
    let error = read_labels(&Folder::new().file(&label_file(&[1, 2, 10])), Some(10)).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::LabelOutOfRange { index: 2, offset: Some(10), label: 10, classes: 10, .. }
        ),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = read_images(&Folder::new().0.path().join("absent")).unwrap_err().to_string();
    assert!(error.contains("absent"), "{error}");
}
