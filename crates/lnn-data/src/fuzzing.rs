//! Entries to readers that otherwise need a whole folder around their bytes, for the fuzz targets.

use crate::readers::archive;
use crate::readers::cifar10;
use crate::readers::picture::Picture;
use std::path::{Path, PathBuf};

/// Decodes an image and writes its planes.
pub fn image(bytes: &[u8]) {
    if let Ok(picture) = Picture::decode(bytes) {
        picture.write_planes(&mut vec![0; picture.shape.iter().product()]);
    }
}

/// Reads two files from a tar archive, 1 MiB of each.
pub fn tar(bytes: &[u8]) {
    let _ = archive::extract(Path::new("fuzzed.tar"), bytes, &["a", "b"], 1 << 20);
}

/// Reads the bytes as every batch of a CIFAR-10 set of two records.
pub fn cifar10(bytes: &[u8]) {
    let names = (0..10).map(|class| class.to_string()).collect();
    let batches = (0..6).map(|_| Ok((PathBuf::from("fuzzed.bin"), bytes.to_vec())));
    let _ = cifar10::read("fuzzed", batches, names, 2);
}
