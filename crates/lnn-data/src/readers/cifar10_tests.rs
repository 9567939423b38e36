//! Valid and invalid folders and archives of CIFAR-10, four records per file.

use std::fs;

use flate2::{Compression, write::GzEncoder};

use super::*;

const FEW: usize = 4;

/// The seven files of a set. The records of each file have ascending labels; all pixels of a plane are equal.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let batch = |file: usize| {
        let records = (0..FEW).map(|i| {
            let planes = [file, 100 + i, 200].map(|value| [value as u8; SIDE * SIDE]);
            [vec![(file + i) as u8], planes.concat()].concat()
        });
        (BATCHES[file], records.collect::<Vec<_>>().concat())
    };
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", ""].join("\n");
    (0..BATCHES.len()).map(batch).chain([(NAMES, names.into_bytes())]).collect()
}

fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, content) in files() {
        fs::write(folder.join(name), content).unwrap();
    }
}

fn write_archive(folder: &Path) {
    let gzip = GzEncoder::new(File::create(folder.join(ARCHIVE)).unwrap(), Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (name, content) in files() {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, Path::new(FOLDER).join(name), &content[..]).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

/// Returns the error for a folder that `spoil` has changed.
fn refused(spoil: impl FnOnce(&Path)) -> DataError {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    spoil(folder.path());
    open_records(folder.path(), FEW).unwrap_err()
}

#[test]
fn a_folder_and_its_archive_give_the_same_set() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let data = open_records(folder.path(), FEW).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (5 * FEW, FEW));
    assert_eq!(data.image_shape(), [3, 32, 32]);
    assert_eq!(data.class_names[9], "j");
    assert_eq!(data.train.labels.to_vec()[..6], [0, 1, 2, 3, 1, 2]);
    assert_eq!(data.test.labels.to_vec(), [5, 6, 7, 8]);
    let pixel = |image: usize, plane: usize| data.train.images[[image, plane, 31, 17]];
    assert_eq!([pixel(5, 0), pixel(5, 1), pixel(5, 2)], [1, 101, 200]);

    let (inner, packed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&inner.path().join(FOLDER));
    write_archive(packed.path());
    for other in [inner, packed] {
        let other = open_records(other.path(), FEW).unwrap();
        assert_eq!((&other.train, &other.test), (&data.train, &data.test));
        assert_eq!(other.class_names, data.class_names);
    }
}

#[test]
fn official_files_are_of_ten_thousand_records() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let error = open_dir(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Truncated { expected: 30_730_000, .. }), "{error}");
}

#[test]
fn a_file_that_was_cut_off_is_named_with_both_sizes() {
    let error = refused(|folder| {
        let file = File::options().write(true).open(folder.join(BATCHES[2])).unwrap();
        file.set_len(9000).unwrap();
    });
    assert!(matches!(error, DataError::Truncated { expected: 12_292, found: 9000, .. }), "{error}");
    assert!(error.to_string().contains("data_batch_3.bin"), "{error}");
}

#[test]
fn bytes_left_over_are_noticed() {
    let error = refused(|folder| fs::write(folder.join(BATCHES[5]), vec![0; FEW * RECORD + 7]).unwrap());
    assert!(matches!(error, DataError::TrailingBytes { expected: 12_292, .. }), "{error}");
    assert!(error.to_string().contains("4 records"), "{error}");
}

#[test]
fn a_label_without_a_class_is_named_with_its_byte() {
    let error = refused(|folder| {
        let mut content = fs::read(folder.join(BATCHES[1])).unwrap();
        content[2 * RECORD] = 10;
        fs::write(folder.join(BATCHES[1]), content).unwrap();
    });
    assert!(
        matches!(
            error,
            DataError::LabelOutOfRange { index: 2, offset: Some(6146), label: 10, classes: 10, .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("data_batch_2.bin"), "{error}");
}

#[test]
fn a_missing_file_is_named_with_what_is_there() {
    for (name, others) in
        [(BATCHES[3], "found batches.meta.txt, data_batch_1.bin"), (NAMES, "found data_batch_1.bin")]
    {
        let error = refused(|folder| fs::remove_file(folder.join(name)).unwrap()).to_string();
        assert!(
            error.contains(&format!("lacks a file: {name} expected")) && error.contains(others),
            "{error}"
        );
    }
    let empty = tempfile::tempdir().unwrap();
    let error = open_dir(empty.path()).unwrap_err().to_string();
    assert!(error.contains(BATCHES[0]) && error.contains(FOLDER) && error.contains(ARCHIVE), "{error}");
}

#[test]
fn another_number_of_classes_is_refused() {
    let error = refused(|folder| fs::write(folder.join(NAMES), "cat\ndog\n").unwrap());
    assert!(matches!(error, DataError::ClassNames { expected: 10, found: 2, .. }), "{error}");
}

#[test]
fn an_archive_that_is_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_archive(folder.path());
    let whole = fs::read(folder.path().join(ARCHIVE)).unwrap();
    let mut wrong_sum = whole.clone();
    let crc = whole.len() - 8;
    wrong_sum[crc] ^= 1;
    for content in [&whole[..whole.len() / 2], &wrong_sum, b"something else"] {
        fs::write(folder.path().join(ARCHIVE), content).unwrap();
        let error = open_records(folder.path(), FEW).unwrap_err();
        assert!(matches!(error, DataError::Archive { .. }), "{error}");
        assert!(error.to_string().contains(ARCHIVE), "{error}");
    }
}
