//! Valid and invalid folders of images.

use std::fs;

use jpeg_encoder::ColorType as JpegColour;
use png::{BitDepth, ColorType};

use super::*;
use crate::readers::picture::tests::{jpeg, png};
use crate::source::{DataSource, SplitRequest};

struct Folder(tempfile::TempDir);

impl Folder {
    /// Classes `cat` and `dog`, two training images and one test image each, grey, 3 × 2 pixels.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (value, path) in [
            "train/dog/b.png",
            "train/dog/a.PNG",
            "train/cat/2.png",
            "train/cat/1.png",
            "test/cat/x.png",
            "test/dog/y.png",
        ]
        .iter()
        .enumerate()
        {
            folder.write(path, &grey([3, 2], value as u8));
        }
        folder
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn open(&self) -> Result<ImageData, DataError> {
        open_dir(self.0.path(), &mut |_| ())
    }

    /// Returns the error, which must be an `ImageFolderError`, and its message.
    fn refused(&self) -> (ImageFolderError, String) {
        match self.open().unwrap_err() {
            DataError::ImageFolder(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("expected") && text.contains("found") && text.contains("hint: "),
                    "{text}"
                );
                (error, text)
            }
            other => panic!("{other}"),
        }
    }
}

fn grey(size: [u32; 2], value: u8) -> Vec<u8> {
    let data = vec![value; (size[0] * size[1]) as usize];
    png(size, (ColorType::Grayscale, BitDepth::Eight), None, &data)
}

#[test]
fn images_come_in_the_order_of_their_names() {
    let folder = Folder::new();
    let mut counted = Vec::new();
    let data = open_dir(folder.0.path(), &mut |event| match event {
        Progress::Decoding { done, total } => counted.push((done, total)),
        other => panic!("{other:?}"),
    });
    let data = data.unwrap();
    assert_eq!(data.class_names, ["cat", "dog"]);
    assert_eq!(data.image_shape(), [1, 2, 3]);
    assert_eq!(data.train.labels.to_vec(), [0, 0, 1, 1]);
    let values = |set: &ImageSet| set.images.outer_iter().map(|image| image[[0, 1, 2]]).collect::<Vec<_>>();
    assert_eq!((values(&data.train), values(&data.test)), (vec![3, 2, 1, 0], vec![4, 5]));
    assert_eq!(counted, (1..=4).chain(5..=6).map(|done| (done, 6)).collect::<Vec<_>>());
    assert_eq!(data.name, format!("folder:{}", folder.0.path().display()));
}

#[test]
fn png_and_jpeg_in_colour_mix() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let colour = [200, 100, 50].repeat(64);
    folder.write("train/a/1.png", &png([8, 8], (ColorType::Rgb, BitDepth::Eight), None, &colour));
    folder.write("train/a/2.JPeG", &jpeg([8, 8], JpegColour::Rgb, &colour));
    folder.write("test/a/1.jpg", &jpeg([8, 8], JpegColour::Rgb, &colour));
    let data = folder.open().unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.image_shape()), (2, 1, [3, 8, 8]));
    assert_eq!(data.train.images[[0, 1, 7, 7]], 100);
}

#[test]
fn hidden_files_and_other_files_are_left_out_and_a_class_may_lack_tests() {
    let folder = Folder::new();
    let whole = folder.open().unwrap();
    for path in [
        ".hidden/x",
        "notes.txt",
        "more/x.png",
        "train/.git/a.png",
        "train/labels.csv",
        "train/cat/._1.png",
        "test/cat/readme",
    ] {
        folder.write(path, b"no image");
    }
    assert_eq!(folder.open().unwrap(), whole);
    fs::remove_dir_all(folder.path("test/cat")).unwrap();
    assert_eq!(folder.open().unwrap().test.labels.to_vec(), [1]);
}

#[test]
fn files_of_other_kinds_are_counted_by_kind_and_those_of_desktops_are_not() {
    let folder = Folder::new();
    for path in
        ["train/cat/a.HEIC", "train/dog/b.heic", "test/cat/notes", "test/cat/Thumbs.db", "test/cat/.x.gif"]
    {
        folder.write(path, b"no image");
    }
    let mut warnings = Vec::new();
    open_dir(folder.0.path(), &mut |event| {
        if let Progress::Warning { text } = event {
            warnings.push(text.to_owned());
        }
    })
    .unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("left out 2 .heic, 1 without an ending; hint: "), "{warnings:?}");
}

#[test]
fn a_folder_for_validation_is_used_for_it_and_nothing_is_held_out_of_train() {
    for name in ["valid", "val", "validation"] {
        let folder = Folder::new();
        folder.write(&format!("{name}/dog/v.png"), &grey([3, 2], 77));
        let mut notes = Vec::new();
        let data = open_dir(folder.0.path(), &mut |event| {
            if let Progress::Note { text } = event {
                notes.push(text.to_owned());
            }
        })
        .unwrap();
        assert!(
            notes.len() == 1 && notes[0].contains("1 images") && notes[0].contains("for validation"),
            "{notes:?}"
        );
        let parts = data.parts(&SplitRequest::new(0.5, 0)).unwrap();
        assert_eq!([&parts.train, &parts.validation, &parts.test].map(lnn_core::SampleSet::len), [4, 1, 2]);
        let validation = parts.validation.narrow(0, 1);
        assert_eq!(
            (validation.targets.int64_value(&[0]), validation.input.x.max().int64_value(&[])),
            (1, 77)
        );
    }
    let folder = Folder::new();
    for name in ["valid", "val"] {
        folder.write(&format!("{name}/dog/v.png"), &grey([3, 2], 77));
    }
    let (error, text) = folder.refused();
    assert!(
        matches!(error, ImageFolderError::TwoValidations { .. }) && text.contains("valid, val"),
        "{text}"
    );
    let folder = Folder::new();
    folder.write("val/bird/v.png", &grey([3, 2], 77));
    assert!(matches!(folder.refused().0, ImageFolderError::UnknownClass { .. }));
}

#[test]
fn a_missing_half_is_named_with_what_is_there() {
    for half in ["train", "test"] {
        let folder = Folder::new();
        fs::remove_dir_all(folder.path(half)).unwrap();
        let (error, text) = folder.refused();
        assert!(matches!(error, ImageFolderError::MissingHalf { half: missing, .. } if missing == half));
        assert!(text.contains(&format!("found {}", if half == "test" { "train" } else { "test" })), "{text}");
    }
    let error = open_dir(Path::new("/nowhere/at/all"), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn halves_without_classes_and_classes_without_images_are_named() {
    let folder = Folder::new();
    fs::remove_dir_all(folder.path("train")).unwrap();
    folder.write("train/list.txt", b"");
    let (error, text) = folder.refused();
    assert!(matches!(error, ImageFolderError::NoClasses { .. }) && text.contains("found list.txt"), "{text}");

    let folder = Folder::new();
    folder.write("train/bird/1.gif", b"GIF89a");
    let (error, text) = folder.refused();
    assert!(matches!(error, ImageFolderError::EmptyClass { .. }), "{text}");
    assert!(text.contains("train/bird") && text.contains("found 1.gif"), "{text}");
}

#[test]
fn a_class_that_train_has_not_is_named_with_those_it_has() {
    let folder = Folder::new();
    folder.write("test/Dog/1.png", &grey([3, 2], 0));
    let (error, text) = folder.refused();
    assert!(matches!(error, ImageFolderError::UnknownClass { .. }), "{text}");
    assert!(text.contains("test/Dog") && text.contains("(cat, dog)"), "{text}");
}

#[test]
fn images_in_the_wrong_place_are_refused() {
    let folder = Folder::new();
    folder.write("train/cat/more/1.png", &grey([3, 2], 0));
    let (error, text) = folder.refused();
    assert!(matches!(error, ImageFolderError::NestedFolder { .. }) && text.contains("cat/more"), "{text}");

    let folder = Folder::new();
    folder.write("test/1.png", &grey([3, 2], 0));
    let (error, text) = folder.refused();
    assert!(
        matches!(error, ImageFolderError::ImageWithoutClass { .. }) && text.contains("test/1.png"),
        "{text}"
    );
}

#[test]
fn unequal_sizes_are_refused_with_both_files() {
    let folder = Folder::new();
    folder.write("test/dog/y.png", &grey([2, 3], 0));
    let (error, text) = folder.refused();
    assert!(matches!(error, ImageFolderError::Unequal { first_shape: [1, 2, 3], shape: [1, 3, 2], .. }));
    for part in ["test/dog/y.png", "3 × 2 pixels in grey", "train/cat/1.png", "2 × 3 pixels", "one size"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn grey_and_colour_do_not_mix() {
    let folder = Folder::new();
    folder.write("train/dog/c.jpg", &jpeg([3, 2], JpegColour::Rgb, &[9; 18]));
    let (error, text) = folder.refused();
    assert!(
        matches!(error, ImageFolderError::Unequal { first_shape: [1, ..], shape: [3, ..], .. }),
        "{text}"
    );
    for part in ["train/dog/c.jpg", "in RGB", "train/cat/1.png", "in grey", "convert all images"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn of_many_bad_files_always_the_first_is_named() {
    let folder = Folder::new();
    for i in 0..40 {
        folder.write(&format!("train/dog/c{i:02}.png"), &grey([3, 2], 0));
        folder.write(&format!("train/dog/d{i:02}.png"), b"no image");
    }
    for _ in 0..20 {
        let (error, text) = folder.refused();
        assert!(matches!(error, ImageFolderError::Undecodable { .. }) && text.contains("d00.png"), "{text}");
    }
}
