//! The trainer as a library: without the program, and without what only the program needs.

#[allow(dead_code, unreachable_pub)]
#[path = "../examples/train_on_a_sine.rs"]
mod example;

use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn the_example_learns_the_series() {
    let folder = tempfile::tempdir().unwrap();
    let test = example::train(folder.path(), 0).unwrap();
    // Predicting the mean has a loss of 1 in units of the deviation.
    assert!(test.loss < 0.1, "{test:?}");
    assert!(folder.path().join("best.safetensors").exists());
}

/// The weights that a run with `seed` ends with.
fn weights(seed: u64) -> BTreeMap<String, Vec<f32>> {
    tch::set_num_threads(1);
    let folder = tempfile::tempdir().unwrap();
    example::train(folder.path(), seed).unwrap();
    let checkpoint = lnn_models::Checkpoint::load(&folder.path().join("last.safetensors")).unwrap();
    let numbers = |tensor: &tch::Tensor| Vec::try_from(tensor.flatten(0, -1)).unwrap();
    checkpoint.model.iter().map(|(name, tensor)| (name.clone(), numbers(tensor))).collect()
}

#[test]
fn two_trainers_in_two_threads_give_the_results_of_two_processes() {
    // The tuned preset drops a part of what its readout sees: the draws of one run must not reach the other.
    let alone = [1, 2].map(weights);
    let together = std::thread::scope(|scope| {
        [1, 2].map(|seed| scope.spawn(move || weights(seed))).map(|run| run.join().unwrap())
    });
    assert_ne!(alone[0], alone[1]);
    assert!(alone == together, "the runs disturbed each other");
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
    // tch itself brings zip.
    for kept_out in
        ["clap", "ureq", "lzma-rust2", "serde-pickle", "plotters", "indicatif", "signal-hook", "anyhow"]
    {
        assert!(!packages.contains(&kept_out), "lnn-train brings {kept_out}");
    }
}
