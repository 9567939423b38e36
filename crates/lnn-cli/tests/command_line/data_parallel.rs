//! Two ranks compute what one rank with batches of twice the size computes.

use crate::image_sets::SetFolder;
use crate::program::Call;
use crate::rank_calls::{Launcher, distance, start_by, succeed_two};
use crate::run_contents::{metrics, training};
use crate::series_files::SeriesFile;
use crate::trained_runs::{
    CIFAR_CONV, CLLNN_TUNED, LIQUID_TUNED, LNN_ARTICLE, LNN_TUNED, SNLNN_TUNED, Variant,
};
use lnn_data::readers::idx::write_images;
use ndarray::Array4;
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Training of `variant` as gradient descent with a constant rate in float64: with such an ε, Adam divides all gradients by the same.
fn by_descent(call: Call, epochs: u64) -> Call {
    call.flag("precision", "f64")
        .set("optimizer={\"learning_rate\": 1e5, \"beta1\": 0.0, \"beta2\": 0.0, \"epsilon\": 1e6, \"weight_decay\": 0.0}")
        .set("schedule.kind=constant")
        .flag("epochs", epochs.to_string())
}

/// The runs of one rank and of two, whose batches have `each` samples a rank.
struct Both {
    folder: TempDir,
}

impl Both {
    fn trained(each: i64, call: impl Fn(&Path) -> Call) -> Self {
        let both = Self { folder: tempfile::tempdir().unwrap() };
        let with = |name: &str, size: i64| call(&both.run(name)).set(&format!("batch_size={size}"));
        let one = with("one", 2 * each).succeed();
        let two = succeed_two(|| with("two", each));
        let accuracy = |text: &str| text.split(", loss").next().unwrap_or_default().to_owned();
        assert_eq!(accuracy(&one.stdout), accuracy(&two.stdout));
        both
    }

    fn run(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn assert_close(&self, weights: f64, losses: f64) {
        let runs = ["one", "two"].map(|name| self.run(name));
        let found = distance(
            runs.each_ref().map(|run| run.join("last.safetensors")).each_ref().map(PathBuf::as_path),
        );
        assert!(found <= weights, "the weights differ by {found:.1e}");
        let [one, two] = runs.each_ref().map(|run| metrics(run));
        assert_eq!(one.len(), two.len());
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one["step"], two["step"]);
            for key in ["loss", "val_loss", "accuracy", "val_accuracy", "mean_state"] {
                let Some(one) = one[key].as_f64() else { continue };
                let two = two[key].as_f64().unwrap();
                assert!((one - two).abs() <= losses * one.abs().max(1.0), "{key}: {one} and {two}");
            }
        }
    }

    fn steps(&self) -> u64 {
        training(&self.run("two"))["step"].as_u64().unwrap()
    }
}

fn images(variant: Variant, data: &SetFolder, out: &Path) -> Call {
    variant.train(out).flag("data", data.spec())
}

#[test]
fn fifty_steps_of_descent_are_the_same_with_dropout_and_augmentation() {
    let data = SetFolder::of([121, 20], 16);
    let both = Both::trained(5, |out| {
        by_descent(images(LIQUID_TUNED, &data, out), 5)
            .set("model.dropout=0.3")
            .set("label_smoothing=0.1")
            .set("optimizer.clip=1.0")
            .set("augmentation={\"rotation\": 8, \"zoom\": 0.1, \"shift\": 1, \"shear\": 0.1, \"flip\": true, \"crop\": 1}")
    });
    assert!(both.steps() >= 50, "{}", both.steps());
    both.assert_close(1e-10, 1e-10);
}

/// Images in which no two pixels beside each other are equal: which of equal pixels a pooling takes is a matter of rounding.
fn uneven_images() -> SetFolder {
    let data = SetFolder::of([121, 20], 16);
    for (file, count) in [(0, 121), (2, 20)] {
        let pixel = |i: usize| (i.wrapping_mul(2_654_435_761) >> 16) as u8;
        let images =
            Array4::from_shape_fn((count, 1, 16, 16), |(n, _, y, x)| pixel((n * 16 + y) * 16 + x + 1));
        write_images(&mut File::create(data.file(file)).unwrap(), &images).unwrap();
    }
    data
}

#[test]
fn fifty_steps_of_descent_are_the_same_with_batches_normalised_over_the_ranks() {
    let data = uneven_images();
    for variant in [CIFAR_CONV, CLLNN_TUNED] {
        let both = Both::trained(5, |out| {
            by_descent(images(variant, &data, out), 5).set("sync_batch_norm=true").set("model.dropout=0.2")
        });
        assert!(both.steps() >= 50, "{}", both.steps());
        both.assert_close(1e-10, 1e-10);
    }
}

/// A series with gaps in its target, which is therefore unevenly spread over batches.
fn gaps() -> SeriesFile {
    let mut text = "a,b\n".to_owned();
    for i in 0..200 {
        let t = f64::from(i) * 0.3;
        let b = if i % 7 == 3 || (60..75).contains(&i) { String::new() } else { (t * 0.7).cos().to_string() };
        writeln!(text, "{},{b}", t.sin()).unwrap();
    }
    SeriesFile::of(&text)
}

#[test]
fn fifty_steps_of_descent_are_the_same_where_steps_have_no_target() {
    let data = gaps();
    let both = Both::trained(6, |out| {
        let call = Call::new("train").flag("model", "cfc").flag("out", out).set("model.units=8");
        by_descent(call.flag("data", data.spec(",target=b,window=9,task=per-step,missing=mask")), 30)
    });
    assert!(both.steps() >= 50, "{}", both.steps());
    both.assert_close(1e-10, 1e-10);
}

#[test]
fn fifty_steps_of_descent_are_the_same_with_weights_of_classes() {
    let data = SetFolder::of([121, 20], 16);
    let both =
        Both::trained(5, |out| by_descent(images(LIQUID_TUNED, &data, out), 5).set("class_weights=balanced"));
    both.assert_close(1e-10, 1e-10);
}

#[test]
fn fifty_steps_with_the_optimizer_of_the_preset_have_the_same_losses() {
    let data = SetFolder::of([121, 20], 16);
    for variant in [LIQUID_TUNED, LNN_ARTICLE] {
        let both = Both::trained(5, |out| images(variant, &data, out).flag("epochs", "5"));
        assert!(both.steps() >= 50, "{}", both.steps());
        both.assert_close(f64::INFINITY, 1e-3);
    }
}

#[test]
fn the_gradients_of_a_step_of_spiking_units_are_the_same() {
    let data = SetFolder::of([121, 20], 16);
    let both =
        Both::trained(1000, |out| by_descent(images(SNLNN_TUNED, &data, out), 1).set("model.dropout=0.2"));
    assert_eq!(both.steps(), 1);
    // The activity is a mean in float32.
    both.assert_close(1e-10, 1e-6);
}

#[test]
fn a_readout_in_closed_form_is_the_same() {
    let data = SetFolder::of([121, 20], 16);
    let both = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| both.path().join(name));
    let call = |out: &Path| images(LNN_TUNED, &data, out).flag("readout", "ridge").flag("precision", "f64");
    let alone = call(&one).succeed();
    let together = succeed_two(|| call(&two));
    let [alone, together] = [alone.stdout, together.stdout];
    assert!(alone.starts_with("test accuracy ") && alone == together, "{alone} and {together}");
    let found = distance([&one.join("last.safetensors"), &two.join("last.safetensors")]);
    assert!(found < 1e-6, "the weights differ by {found:.1e}");
}

#[test]
fn units_are_added_at_the_same_step() {
    let data = SetFolder::of([121, 20], 16);
    let both = Both::trained(5, |out| {
        by_descent(images(SNLNN_TUNED, &data, out), 2)
            .set("model.growth={\"rule\": {\"kind\": \"activity\", \"above\": 0.0}, \"units\": 4, \"every_steps\": 5}")
    });
    let [one, two] = ["one", "two"].map(|name| metrics(&both.run(name)));
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one["births"], two["births"]);
        assert!(one["births"].as_array().is_some_and(|births| !births.is_empty()));
    }
}

#[test]
fn tasks_of_slurm_train_together_too() {
    let data = SetFolder::of([60, 20], 16);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let call = |_| images(LIQUID_TUNED, &data, &out).flag("epochs", "1").arg("--json");
    let ended = start_by(Launcher::Slurm, call).map(crate::program::Running::end);
    assert_eq!(ended.each_ref().map(|ended| ended.code), [Some(0); 2], "{}", ended[1].stderr);
    assert!(ended[0].stdout.contains("\"ranks\":2") && ended[1].stdout.is_empty());
}

#[test]
fn a_run_goes_on_with_another_number_of_ranks_as_if_nothing_had_changed() {
    let data = SetFolder::of([121, 20], 16);
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let call = |out: &Path| {
        by_descent(images(LIQUID_TUNED, &data, out), 3).set("batch_size=5").set("model.dropout=0.3")
    };
    succeed_two(|| call(&whole));
    let resume = || Call::new("train").flag("resume", &parts);
    succeed_two(|| call(&parts).flag("pause-after", "1"));
    let alone = resume().flag("pause-after", "1").succeed();
    assert!(alone.stderr.contains("batches of 10 samples are now shared among 1"), "{}", alone.stderr);
    succeed_two(resume);
    let found = distance([&whole.join("last.safetensors"), &parts.join("last.safetensors")]);
    assert!(found <= 1e-10, "the weights differ by {found:.1e}");
    let steps = |run: &Path| training(run)["step"].as_u64();
    assert_eq!(steps(&whole), steps(&parts));
}
