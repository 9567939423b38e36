//! `--data folder:DIR`: images in a folder for each class.

use crate::image_sets::{SIDE, draw};
use crate::program::Call;
use crate::run_contents::{config, metrics};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// 40 images to train on and 20 to test on, in four classes.
fn image_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, (half, count)) in [("train", 40), ("test", 20)].into_iter().enumerate() {
        let (images, labels) = draw(count, SIDE, seed as u64);
        for (i, (image, label)) in images.outer_iter().zip(labels).enumerate() {
            let class = folder.path().join(half).join(format!("quadrant {label}"));
            fs::create_dir_all(&class).unwrap();
            write_png(&class.join(format!("{i:03}.png")), SIDE, &image.iter().copied().collect::<Vec<_>>());
        }
    }
    folder
}

/// A grey image of `side` by `side` pixels.
fn write_png(path: &Path, side: usize, pixels: &[u8]) {
    let mut content = Vec::new();
    let mut encoder = png::Encoder::new(&mut content, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    fs::write(path, content).unwrap();
}

fn train(data: &str, out: &Path) -> Call {
    let call = Call::new("train").flag("model", "lnn").set("model.reservoir.units=4").flag("epochs", "2");
    call.flag("data", data).flag("out", out)
}

/// The message about a folder that `spoil` has changed.
fn refused(spoil: impl FnOnce(&Path)) -> String {
    let (folder, out) = (image_folder(), tempfile::tempdir().unwrap());
    spoil(folder.path());
    let run = out.path().join("run");
    let message = train(&format!("folder:{}", folder.path().display()), &run).refused();
    assert!(!run.exists());
    assert!(message.contains("hint: "), "{message}");
    message
}

#[test]
fn a_run_on_images_of_a_relative_folder_goes_on_from_anywhere() {
    let (folder, elsewhere) = (image_folder(), tempfile::tempdir().unwrap());
    let run = elsewhere.path().join("run");
    train("folder:.", &run).inside(folder.path()).flag("pause-after", "1").succeed();
    let here = folder.path().canonicalize().unwrap();
    assert_eq!(config(&run)["data"], format!("folder:{}", here.display()));
    let resumed = Call::new("train").flag("resume", &run).inside(elsewhere.path()).succeed();
    assert!(resumed.stdout.starts_with("test accuracy "), "{}", resumed.stdout);
    assert_eq!(metrics(&run).len(), 2);
    let inspected = Call::new("inspect").arg(&run).succeed().stdout;
    assert!(inspected.contains("quadrant 0, quadrant 1, quadrant 2, quadrant 3"), "{inspected}");
}

#[test]
fn a_folder_without_test_images_is_refused() {
    let message = refused(|folder| fs::remove_dir_all(folder.join("test")).unwrap());
    assert!(message.contains("a folder test") && message.contains("found train"), "{message}");
}

#[test]
fn an_image_of_another_size_is_named_with_the_first_one() {
    let message = refused(|folder| write_png(&folder.join("test/quadrant 3/z.png"), 8, &[0; 64]));
    for part in ["quadrant 3/z.png", "16 × 16 pixels in grey expected", "quadrant 0/000.png", "found 8 × 8"]
    {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

#[test]
fn an_image_that_was_cut_off_is_named() {
    let message = refused(|folder| {
        let file = fs::File::options().write(true).open(folder.join("train/quadrant 2/020.png")).unwrap();
        file.set_len(60).unwrap();
    });
    assert!(
        message.contains("train/quadrant 2/020.png") && message.contains("cannot be decoded"),
        "{message}"
    );
}

#[test]
fn a_class_that_only_the_tests_have_is_refused() {
    let message =
        refused(|folder| fs::rename(folder.join("test/quadrant 1"), folder.join("test/q1")).unwrap());
    assert!(message.contains("test/q1") && message.contains("quadrant 0, quadrant 1"), "{message}");
}

#[test]
fn a_folder_without_its_format_is_met_with_the_format() {
    let (folder, out) = (image_folder(), tempfile::tempdir().unwrap());
    let message = train(folder.path().to_str().unwrap(), &out.path().join("run")).refused();
    assert!(message.contains("did you mean \"folder:/"), "{message}");
}

/// Renames the folders of a class in both halves.
fn rename(folder: &Path, from: &str, to: &str) {
    for half in ["train", "test"] {
        fs::rename(folder.join(half).join(from), folder.join(half).join(to)).unwrap();
    }
}

#[test]
fn classes_are_found_by_their_names_and_a_test_folder_is_enough() {
    let (folder, out) = (image_folder(), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let trained = train(&format!("folder:{}", folder.path().display()), &run).succeed();
    let eval =
        |folder: &Path| Call::new("eval").arg(&run).flag("data", format!("folder:{}", folder.display()));
    fs::remove_dir_all(folder.path().join("train")).unwrap();
    let whole = eval(folder.path()).succeed();
    assert!(whole.stdout.starts_with(trained.stdout.trim_end()), "{}", whole.stdout);
    // Without its first class the others keep their labels.
    fs::remove_dir_all(folder.path().join("test/quadrant 0")).unwrap();
    let part = eval(folder.path()).arg("--json").succeed();
    assert!(part.stderr.contains("note: the data has no sample of quadrant 0"), "{}", part.stderr);
    let test: serde_json::Value = serde_json::from_str(part.stdout.trim_end()).unwrap();
    assert_eq!(test["data"]["samples"], 15);
    assert_eq!(test["data"]["confusion"][0], serde_json::json!([0, 0, 0, 0]));
    // A class that the model does not know is named.
    fs::rename(folder.path().join("test/quadrant 1"), folder.path().join("test/quadrant x")).unwrap();
    let message = eval(folder.path()).refused();
    assert!(message.contains("only the data has \"quadrant x\""), "{message}");
}

#[test]
fn a_model_that_starts_from_another_has_the_classes_of_its_own_data() {
    let (first, second, out) = (image_folder(), image_folder(), tempfile::tempdir().unwrap());
    let spec = |folder: &TempDir| format!("folder:{}", folder.path().display());
    let [one, same, fewer, module] = ["one", "same", "fewer", "model.pt"].map(|name| out.path().join(name));
    train(&spec(&first), &one).succeed();
    for place in 0..4 {
        rename(second.path(), &format!("quadrant {place}"), &format!("place {place}"));
    }
    let start = |run: &Path| {
        Call::new("train")
            .flag("model", "lnn")
            .flag("init", &one)
            .flag("epochs", "1")
            .flag("data", spec(&second))
            .flag("out", run)
    };
    let ended = start(&same).succeed();
    assert!(ended.stderr.contains("the readout keeps its weights"), "{}", ended.stderr);
    Call::new("export").arg(&same).flag("out", &module).succeed();
    for source in [&same, &module] {
        let inspected = Call::new("inspect").arg(source).succeed().stdout;
        assert!(inspected.contains("place 0, place 1, place 2, place 3"), "{inspected}");
    }
    for half in ["train", "test"] {
        fs::remove_dir_all(second.path().join(half).join("place 2")).unwrap();
    }
    let ended = start(&fewer).succeed();
    assert!(ended.stderr.contains("3 outputs instead of 4"), "{}", ended.stderr);
    let inspected = Call::new("inspect").arg(&fewer).succeed().stdout;
    assert!(inspected.contains("place 0, place 1, place 3"), "{inspected}");
}

#[test]
fn every_class_is_validated_on_and_one_that_cannot_be_is_named() {
    let (folder, out) = (image_folder(), tempfile::tempdir().unwrap());
    let rare = folder.path().join("train/quadrant 2");
    for (i, entry) in fs::read_dir(&rare).unwrap().enumerate() {
        let path = entry.unwrap().path();
        if i > 0 {
            fs::remove_file(path).unwrap();
        }
    }
    let ended = train(&format!("folder:{}", folder.path().display()), &out.path().join("run")).succeed();
    assert!(ended.stderr.contains("warning: no image is for validation of: quadrant 2;"), "{}", ended.stderr);
}
