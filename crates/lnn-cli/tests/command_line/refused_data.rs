//! Data that cannot be trained on: exit 2 and a message with the file.

use crate::image_sets::SetFolder;
use crate::program::Call;
use lnn_data::readers::idx::{write_images, write_labels};
use ndarray::Array4;
use std::fs::{self, File};

/// The message about a set that `spoil` has changed.
fn refused(spoil: impl FnOnce(&SetFolder)) -> String {
    let set = SetFolder::of([12, 8], 8);
    spoil(&set);
    refused_spec(&set.spec())
}

fn refused_spec(spec: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let message = Call::new("train").flag("model", "lnn").flag("data", spec).flag("out", &run).refused();
    assert!(!run.exists());
    message
}

#[test]
fn a_set_that_is_not_known_comes_back_with_the_known_ones() {
    let message = refused_spec("mnits");
    assert!(message.contains("did you mean \"mnist\"?") && message.contains("idx:DIR"), "{message}");
    let message = Call::new("data").args(["verify", "mnits"]).refused();
    assert!(message.contains("did you mean \"mnist\"?"), "{message}");
}

#[test]
fn a_folder_that_is_missing_or_lacks_a_file_is_named() {
    let message = refused_spec("idx:/nowhere/at/all");
    assert!(message.contains("/nowhere/at/all") && message.contains("No such file"), "{message}");
    let message = refused(|set| fs::remove_file(set.file(3)).unwrap());
    assert!(message.contains("lacks a file: one of t10k-labels-idx1-ubyte.gz"), "{message}");
    assert!(message.contains("found t10k-images-idx3-ubyte, train-images-idx3-ubyte"), "{message}");
}

#[test]
fn a_file_that_was_cut_off_is_named_with_both_sizes() {
    let message = refused(|set| File::options().write(true).open(set.file(0)).unwrap().set_len(100).unwrap());
    for part in [
        "train-images-idx3-ubyte is truncated",
        "784 bytes expected",
        "12 × 8 × 8 pixels",
        "ends at byte 100",
    ] {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn images_and_labels_that_are_not_equally_many_are_named_with_both_numbers() {
    let message = refused(|set| write_labels(&mut File::create(set.file(1)).unwrap(), &[0, 1, 2]).unwrap());
    assert!(message.contains("12 images but 3 labels"), "{message}");
}

#[test]
fn an_empty_set_is_refused() {
    let message = refused(|set| {
        write_images(&mut File::create(set.file(0)).unwrap(), &Array4::zeros((0, 1, 8, 8))).unwrap();
        write_labels(&mut File::create(set.file(1)).unwrap(), &[]).unwrap();
    });
    assert!(message.contains("train-labels-idx1-ubyte: impossible extents [0]"), "{message}");
}

#[test]
fn files_that_are_swapped_are_recognised() {
    let message = refused(|set| {
        fs::copy(set.file(1), set.file(0)).unwrap();
    });
    assert!(message.contains("this is a labels file, are the two swapped?"), "{message}");
}

#[test]
fn too_few_images_to_hold_some_out_are_refused() {
    let message = refused_spec(&SetFolder::of([4, 4], 8).spec());
    assert!(
        message.contains("at least 2 samples to train on and 1 to validate on, found 4 and 0"),
        "{message}"
    );
}
