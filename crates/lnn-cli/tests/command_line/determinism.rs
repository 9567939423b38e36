//! What decides the weights: configuration, seed and number of threads, and nothing else.

use crate::checkpoint_file::CheckpointFile;
use crate::program::Call;
use crate::run_contents::{assert_same_run, config};
use crate::trained_runs::{
    CIFAR_CONV, CIFAR_TUNED, CLLNN_ARTICLE, CLLNN_TUNED, EPOCHS, LIQUID_TUNED, LNN_ARTICLE, LNN_TUNED,
    SNLNN_TUNED, shared_data,
};
use std::path::Path;

#[test]
fn the_same_command_gives_the_same_run_bit_for_bit() {
    let again = tempfile::tempdir().unwrap();
    CLLNN_TUNED.train(again.path()).flag("data", shared_data()).flag("epochs", EPOCHS.to_string()).succeed();
    assert_same_run(&CLLNN_TUNED.run().folder, again.path());
}

#[test]
fn the_same_command_on_two_threads_gives_the_same_run_bit_for_bit_also_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    for variant in [CLLNN_TUNED, SNLNN_TUNED, LIQUID_TUNED] {
        let [whole, again, parts] =
            ["whole", "again", "parts"].map(|name| folder.path().join(name).join(variant.model));
        let train = |out: &Path| {
            let call = variant.train_by(Call::on_threads("train", 2), out);
            call.flag("data", shared_data()).flag("epochs", "2")
        };
        train(&whole).succeed();
        train(&again).succeed();
        assert_same_run(&whole, &again);
        train(&parts).flag("pause-after", "1").succeed();
        Call::on_threads("train", 2).flag("resume", &parts).succeed();
        assert_same_run(&whole, &parts);
    }
}

/// Onto its own preset and onto another, where keys that are null there are objects here and the other way round.
#[test]
fn a_configuration_fed_back_gives_the_same_run_whatever_the_preset() {
    let again = tempfile::tempdir().unwrap();
    for variant in [LNN_ARTICLE, LNN_TUNED, CLLNN_ARTICLE, CLLNN_TUNED, CIFAR_TUNED, CIFAR_CONV] {
        let run = &variant.run().folder;
        for preset in ["article", "tuned"] {
            let again = again.path().join(format!("{}-{}-{preset}", variant.model, variant.preset));
            let call = Call::new("train").flag("model", variant.model).flag("preset", preset);
            call.flag("config", run.join("config.json")).flag("out", &again).succeed();
            assert_eq!(config(&again), config(run));
            assert_same_run(run, &again);
        }
    }
}

#[test]
fn another_seed_draws_other_weights_and_holds_out_other_images() {
    let other = tempfile::tempdir().unwrap();
    for variant in [LNN_TUNED, CLLNN_TUNED] {
        let run = &variant.run().folder;
        let other = other.path().join(variant.model);
        let call = variant.train(&other).flag("data", shared_data()).flag("epochs", "1").flag("seed", "1");
        call.succeed();
        let tensors = |run: &Path| CheckpointFile::read(&run.join("last.safetensors")).tensors("model.");
        let (one, other) = (tensors(run), tensors(&other));
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        // The mean of the training images shows which of them were held out.
        let differ = ["recurrent_weights", "readout.weight", "preprocessing.mean"];
        for (name, stored) in one.iter().filter(|(name, _)| differ.iter().any(|end| name.ends_with(end))) {
            assert!(*stored != other[name], "{name} of {variant:?}");
        }
    }
}

#[test]
fn features_that_are_not_kept_in_memory_give_the_same_weights() {
    let (kept, computed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let train = |out: &Path, megabytes: u64| {
        let call = LNN_TUNED.train(out).flag("data", shared_data()).flag("epochs", "2");
        // A batch of all images, so that both ways compute the features in blocks of the same size.
        let call = call.flag("batch-size", "180").set(&format!("feature_cache_mb={megabytes}"));
        call.succeed().stderr
    };
    assert!(!train(kept.path(), 100).contains("recomputes"));
    assert!(train(computed.path(), 0).contains("more than feature_cache_mb = 0: each epoch recomputes them"));
    let floats = |run: &Path| -> Vec<f32> {
        let tensors = CheckpointFile::read(&run.join("last.safetensors")).tensors("model.readout.weight");
        let (_, _, bytes) = &tensors["model.readout.weight"];
        bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
    };
    let pairs = floats(kept.path()).into_iter().zip(floats(computed.path()));
    let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-4, "{largest}");
}

#[test]
fn on_a_cpu_a_step_that_cannot_be_recorded_changes_nothing_and_the_run_says_so() {
    let [plain, asked] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let train = |out: &Path, key: &str| {
        let call = CLLNN_TUNED.train(out).flag("data", shared_data()).flag("epochs", "2").set(key);
        call.flag("device", "cpu").succeed().stderr
    };
    assert!(!train(plain.path(), "cuda_graph=false").contains("CUDA graph"));
    assert!(train(asked.path(), "cuda_graph=true").contains("is not recorded in a CUDA graph: "));
    let weights = |run: &Path| CheckpointFile::read(&run.join("last.safetensors")).tensors("model.");
    assert!(weights(plain.path()) == weights(asked.path()));
}
