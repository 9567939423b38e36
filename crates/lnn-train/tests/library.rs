//! The trainer as a library: without the program, and without what only the program needs.

#[allow(dead_code, unreachable_pub)]
#[path = "../examples/train_on_a_sine.rs"]
mod example;

use std::process::Command;

#[test]
fn the_example_learns_the_series() {
    let folder = tempfile::tempdir().unwrap();
    let test = example::train(folder.path()).unwrap();
    // Predicting the mean has a loss of 1 in units of the deviation.
    assert!(test.loss < 0.1, "{test:?}");
    assert!(folder.path().join("best.safetensors").exists());
}

#[test]
fn without_features_there_is_neither_a_downloader_nor_a_plotter_nor_a_parser_of_arguments() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            "lnn-train",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let packages: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(packages.contains(&"tch") && packages.contains(&"lnn-data"), "{packages:?}");
    for kept_out in
        ["clap", "ureq", "zip", "lzma-rust2", "serde-pickle", "plotters", "indicatif", "ctrlc", "anyhow"]
    {
        assert!(!packages.contains(&kept_out), "lnn-train brings {kept_out}");
    }
}
