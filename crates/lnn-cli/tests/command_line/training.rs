//! train → eval → predict → inspect, for both models and both presets.

use crate::image_sets::{self, CLASSES, SIDE, SetFolder};
use crate::program::Call;
use crate::run_contents::{config, json_lines, metrics};
use crate::trained_runs::{CLLNN_TUNED, LNN_ARTICLE, LNN_TUNED, VARIANTS, Variant, shared_data};
use ndarray::{Array2, Array4, ShapeBuilder, Zip};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use std::fs::File;
use std::path::Path;

/// The test images of the shared set as `predict` takes them, and their labels.
fn test_images() -> (Array4<f32>, Vec<u8>) {
    let (images, labels) = image_sets::draw(60, SIDE, 1);
    (images.mapv(|byte| f32::from(byte) / 255.0), labels)
}

/// The accuracy in `test accuracy 0.9833, loss 0.1234`.
fn accuracy(line: &str) -> f64 {
    let number = line.strip_prefix("test accuracy ").and_then(|rest| rest.split(',').next());
    number.expect("the line has the accuracy").parse().expect("the accuracy is a number")
}

fn write_npy(images: &Array4<f32>, path: &Path) {
    images.write_npy(File::create(path).expect("the file can be made")).expect("the images can be written");
}

fn predict(source: &Path, images: &Array4<f32>) -> Array2<f32> {
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["x.npy", "y.npy"].map(|name| folder.path().join(name));
    write_npy(images, &input);
    let ended = Call::new("predict").arg(source).flag("input", input).flag("output", &output).succeed();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    Array2::read_npy(File::open(output).unwrap()).expect("the output is float32 with two axes")
}

/// How many rows have their largest number at their label.
fn hits(logits: &Array2<f32>, labels: &[u8]) -> usize {
    let largest = |row: ndarray::ArrayView1<f32>| {
        (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("a row is not empty")
    };
    Zip::from(logits.rows())
        .and(labels)
        .fold(0, |hits, row, &label| hits + usize::from(largest(row) == usize::from(label)))
}

#[test]
fn every_variant_learns_far_more_than_chance() {
    for variant in VARIANTS {
        let found = accuracy(&variant.run().ended.stdout);
        assert!(found > 0.6, "{variant:?}: {found}, where chance is {}", 1.0 / CLASSES as f64);
    }
}

/// The files of the set are sorted by class: the first half of them has two classes of four.
#[test]
fn a_run_on_a_part_of_a_sorted_set_sees_every_class() {
    let out = tempfile::tempdir().unwrap();
    let call = LNN_TUNED.train(out.path()).flag("data", shared_data()).flag("epochs", "4");
    let found = accuracy(&call.flag("limit", "100").succeed().stdout);
    assert!(found > 0.6, "{found}");
}

#[test]
fn eval_repeats_what_train_reported() {
    for variant in VARIANTS {
        let run = variant.run();
        let ended = Call::new("eval").arg(&run.folder).succeed();
        let expected = format!(
            "{}, 60 samples of {}\n",
            run.ended.stdout.trim_end(),
            crate::trained_runs::shared_data()
        );
        assert_eq!(ended.stdout, expected, "{variant:?}");
        assert_eq!(ended.stderr, "", "{variant:?}");
    }
}

#[test]
fn the_largest_logit_of_predict_is_right_as_often_as_eval_says() {
    let (images, labels) = test_images();
    for variant in VARIANTS {
        let run = variant.run();
        let logits = predict(&run.folder, &images);
        assert_eq!(logits.dim(), (60, CLASSES), "{variant:?}");
        let expected = accuracy(&run.ended.stdout) * 60.0;
        assert_eq!(hits(&logits, &labels), expected.round() as usize, "{variant:?}");
    }
}

#[test]
fn predict_takes_a_checkpoint_file_and_columns_first_in_memory() {
    let (images, _) = test_images();
    let folder = &LNN_ARTICLE.run().folder;
    let mut columns_first = Array4::zeros(images.raw_dim().f());
    columns_first.assign(&images);
    assert_eq!(predict(&folder.join("best.safetensors"), &columns_first), predict(folder, &images));
}

#[test]
fn eval_takes_another_set_of_the_same_shape() {
    let other = SetFolder::of([40, 24], SIDE);
    let ended = Call::new("eval").arg(&LNN_TUNED.run().folder).flag("data", other.spec()).succeed();
    assert!(ended.stdout.ends_with(&format!(", 24 samples of {}\n", other.spec())), "{}", ended.stdout);
}

#[test]
fn inspect_prints_the_configuration_and_every_tensor() {
    let Variant { model, .. } = CLLNN_TUNED;
    let run = CLLNN_TUNED.run();
    let text = Call::new("inspect").arg(&run.folder).succeed().stdout;
    for part in ["format      3", "cllnn", "[N, 1, 16, 16]", "0, 1, 2, 3", "seed 0", "best        epoch"] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let pretty = serde_json::to_string_pretty(&config(&run.folder)["model"]).unwrap();
    assert!(text.contains(&pretty), "{pretty}\nin\n{text}");
    assert!(text.contains("lstm") && text.contains("trainable") && text.contains("fixed"), "{text}");

    let lines = json_lines(&Call::new("inspect").arg(&run.folder).arg("--json").succeed().stdout);
    let [report] = &lines[..] else { panic!("one line, found {}", lines.len()) };
    assert_eq!(report["description"]["model"], config(&run.folder)["model"]);
    assert_eq!(report["description"]["model"]["kind"], model);
    assert_eq!(report["resumable"], false);
    let tensors = report["tensors"].as_array().unwrap();
    let readout =
        tensors.iter().find(|tensor| tensor["name"] == "readout.weight").expect("there is a readout");
    assert_eq!(readout["shape"], serde_json::json!([CLASSES, 8]));
    assert_eq!((&readout["dtype"], &readout["trainable"]), (&"float".into(), &true.into()));
}

#[test]
fn inspect_tells_that_the_last_checkpoint_can_go_on() {
    let text = Call::new("inspect").arg(LNN_TUNED.run().folder.join("last.safetensors")).succeed().stdout;
    assert!(text.contains("resumable   yes") && text.contains("4 finished"), "{text}");
}

/// With one step an epoch the first loss is that of the weights that were drawn, which label smoothing does not change.
#[test]
fn the_training_loss_is_without_label_smoothing_as_the_validation_loss() {
    let runs = tempfile::tempdir().unwrap();
    let losses = ["0.0", "0.3"].map(|smoothing| {
        let out = runs.path().join(smoothing);
        let call =
            LNN_ARTICLE.train(&out).flag("data", shared_data()).flag("batch-size", "200").flag("epochs", "3");
        call.set(&format!("label_smoothing={smoothing}")).succeed();
        metrics(&out).iter().map(|line| line["loss"].as_f64().unwrap()).collect::<Vec<_>>()
    });
    assert!((losses[0][0] - losses[1][0]).abs() < 1e-6, "{losses:?}");
    assert!((losses[0][2] - losses[1][2]).abs() > 1e-6, "smoothing has no effect: {losses:?}");
}
