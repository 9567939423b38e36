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
        let file = fs::File::options().write(true).open(folder.join("train/quadrant 2/002.png")).unwrap();
        file.set_len(60).unwrap();
    });
    assert!(
        message.contains("train/quadrant 2/002.png") && message.contains("cannot be decoded"),
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
