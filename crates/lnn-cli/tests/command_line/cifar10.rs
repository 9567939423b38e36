//! CIFAR-10 by name and as `--data cifar10:DIR`. Its files are too large to be made here: what is read well is tested in
//! the library.

use crate::program::Call;
use crate::run_contents::json_lines;
use lnn_data::readers::cifar10::{ARCHIVE, BATCHES, NAMES};
use std::fs;
use std::path::Path;

/// The message about a folder with the seven files, each of one byte, that `change` has changed.
fn refused(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    for name in BATCHES {
        fs::write(folder.path().join(name), [0]).unwrap();
    }
    fs::write(folder.path().join(NAMES), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n").unwrap();
    change(folder.path());
    let spec = format!("cifar10:{}", folder.path().display());
    let run = folder.path().join("run");
    let message = Call::new("train").flag("model", "lnn").flag("data", spec).flag("out", &run).refused();
    assert!(!run.exists());
    message
}

#[test]
fn a_missing_or_truncated_file_is_named() {
    let message = refused(|folder| fs::remove_file(folder.join(BATCHES[4])).unwrap());
    assert!(message.contains("lacks a file: data_batch_5.bin expected, found batches.meta.txt"), "{message}");
    let message = refused(|_| ());
    for part in
        ["data_batch_1.bin is truncated", "30730000 bytes expected", "10000 records", "ends at byte 1"]
    {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn an_archive_that_is_none_is_named() {
    let message = refused(|folder| {
        for name in BATCHES {
            fs::remove_file(folder.join(name)).unwrap();
        }
        fs::write(folder.join(ARCHIVE), "<html>").unwrap();
    });
    assert!(message.contains(ARCHIVE) && message.contains("expected"), "{message}");
}

#[test]
fn the_data_command_knows_it() {
    let root = tempfile::tempdir().unwrap();
    let data = |command: &str| Call::new("data").arg(command).env("LNN_DATA_DIR", root.path());
    let listed = json_lines(&data("list").arg("--json").succeed().stdout);
    let cifar10 = listed.iter().find(|set| set["name"] == "cifar10").expect("it is listed");
    assert_eq!((&cifar10["cached"], &cifar10["verified"]), (&false.into(), &false.into()));
    let message = data("verify").arg("cifar10").refused();
    assert!(message.contains("data fetch cifar10"), "{message}");

    fs::write(root.path().join(ARCHIVE), "not it").unwrap();
    let listed = data("list").succeed().stdout;
    assert!(listed.contains(&format!("here, not yet verified, in {}", root.path().display())), "{listed}");
    let message = data("verify").arg("cifar10").refused();
    assert!(message.contains("c4a38c50") && message.contains(ARCHIVE), "{message}");
}
