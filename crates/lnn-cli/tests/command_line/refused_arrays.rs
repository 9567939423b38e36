//! Input and output of `predict` that cannot be used: exit 2 and a message with the file.

use crate::image_sets::SIDE;
use crate::program::Call;
use crate::trained_runs::LNN_TUNED;
use ndarray::{Array, Array4, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use std::fs::{self, File};
use std::path::Path;
use tempfile::TempDir;

fn call(input: &Path, output: &Path) -> Call {
    Call::new("predict").arg(&LNN_TUNED.run().folder).flag("input", input).flag("output", output)
}

/// The message about a file that `write` makes.
fn refused_file(write: impl FnOnce(&Path)) -> String {
    let folder = TempDir::new().unwrap();
    let [input, output] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    write(&input);
    let message = call(&input, &output).refused();
    assert!(!output.exists(), "there is an output beside the message {message}");
    message
}

fn refused_array<A: WritableElement, D: Dimension>(array: &Array<A, D>) -> String {
    refused_file(|path| array.write_npy(File::create(path).unwrap()).unwrap())
}

#[test]
fn images_of_another_shape_are_refused_with_both_shapes() {
    let message = refused_array(&Array4::<f32>::zeros((2, 1, 16, 12)));
    assert!(message.contains("takes images [N, 1, 16, 16], found [2, 1, 16, 12]"), "{message}");
    let message = refused_array(&Array::<f32, _>::zeros((2, SIDE, SIDE)));
    assert!(message.contains("takes images [N, 1, 16, 16], found [2, 16, 16]"), "{message}");
    let message = refused_array(&Array4::<f32>::zeros((0, 1, SIDE, SIDE)));
    assert!(message.contains("x.npy: expected at least one sample as images [N, 1, 16, 16]"), "{message}");
}

#[test]
fn numbers_of_another_type_are_refused_because_they_may_hide_another_range() {
    let message = refused_array(&Array4::<u8>::zeros((2, 1, SIDE, SIDE)));
    assert!(message.contains("expected a float32") && message.contains("u1"), "{message}");
}

#[test]
fn pixels_up_to_255_are_refused_with_what_to_do() {
    let mut images = Array4::<f32>::zeros((2, 1, SIDE, SIDE));
    images[[1, 0, 2, 3]] = 200.0;
    for message in [refused_array(&images), refused_array(&images.mapv(f64::from)), refused_array(&-images)] {
        assert!(message.contains("expected pixels in 0..1") && message.contains("divide"), "{message}");
    }
}

#[test]
fn a_number_that_is_not_finite_is_refused_with_its_place() {
    let mut images = Array4::<f32>::zeros((2, 1, SIDE, SIDE));
    images[[1, 0, 2, 3]] = f32::NAN;
    let message = refused_array(&images);
    assert!(message.contains("expected finite numbers, found NaN at [1, 0, 2, 3]"), "{message}");
}

#[test]
fn a_file_that_is_no_npy_is_refused() {
    let message = refused_file(|path| fs::write(path, "pixels, more or less").unwrap());
    assert!(message.contains("x.npy: expected a .npy file"), "{message}");
    let whole = |path: &Path| {
        Array4::<f32>::zeros((2, 1, SIDE, SIDE)).write_npy(File::create(path).unwrap()).unwrap();
    };
    let message = refused_file(|path| {
        whole(path);
        File::options().write(true).open(path).unwrap().set_len(500).unwrap();
    });
    assert!(message.contains("x.npy: expected 2048 bytes") && message.contains("found 372"), "{message}");
}

#[test]
fn a_header_that_claims_a_terabyte_is_refused_before_memory_is_taken() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }";
    let message = refused_file(|path| {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        fs::write(path, [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), &[0; 64]].concat()).unwrap();
    });
    assert!(message.contains("expected 4000000000000 bytes"), "{message}");
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("x.npy");
    Array4::<f32>::zeros((2, 1, SIDE, SIDE)).write_npy(File::create(&input).unwrap()).unwrap();
    let output = folder.path().join("missing").join("y.npy");
    let message = call(&input, &output).refused();
    assert!(message.contains("cannot write") && message.contains("missing/y.npy"), "{message}");
}
