//! Tests of reading `.ts` files.

// The numbers are exact.
#![allow(clippy::float_cmp)]

use super::*;
use crate::source::{DataSource, SplitRequest};
use lnn_core::SampleSet;
use std::fs;

const HEADER: &str = "# a comment\n@problemName Waves\n@timeStamps false\n@missing false\n@univariate false\n@dimensions 2\n\
                      @equalLength false\n@classLabel true up down\n@data\n";

/// A series of `length` rows `[i, 10 i]` plus `offset`.
fn line(length: usize, offset: usize, class: &str) -> String {
    let list =
        |factor: usize| (0..length).map(|i| (i * factor + offset).to_string()).collect::<Vec<_>>().join(",");
    format!("{}:{}:{class}\n", list(1), list(10))
}

/// Ten series of each class, of 3 to 7 rows.
fn series(offset: usize) -> String {
    (0..20).map(|i| line(3 + i % 5, i + offset, ["up", "down"][i % 2])).collect()
}

fn opened(text: &str) -> Result<SeriesSet, DataError> {
    open(text, None, &mut |_| ())
}

/// A folder with a training and a test file, and the path of the first.
fn two_files() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Waves_TRAIN.ts");
    fs::write(&path, HEADER.to_owned() + &series(0)).unwrap();
    fs::write(folder.path().join("Waves_TEST.ts"), HEADER.to_owned() + &series(100)).unwrap();
    let text = path.display().to_string();
    (folder, text)
}

#[test]
fn series_of_unequal_lengths_come_with_a_mask_and_their_class() {
    let (_folder, path) = two_files();
    let data = opened(&path).unwrap();
    assert_eq!(data.spec().task.names(), ["up", "down"]);
    let parts = data.parts(&SplitRequest::new(0.2, 0)).unwrap();
    assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [16, 4, 20]);
    let test = parts.test.narrow(0, 5);
    assert_eq!(test.input.x.size(), [5, 7, 2]);
    let lengths = test.input.mask.unwrap().sum_dim_intlist(1, false, tch::Kind::Int64);
    assert_eq!(Vec::<i64>::try_from(lengths).unwrap(), [3, 4, 5, 6, 7]);
    assert_eq!(Vec::<i64>::try_from(test.targets).unwrap(), [0, 1, 0, 1, 0]);
    assert_eq!(test.input.x.double_value(&[1, 3, 1]), 131.0);
    let held_out = parts.validation.narrow(0, 4).targets.sum(tch::Kind::Int64).int64_value(&[]);
    assert_eq!(held_out, 2, "two of each class");
}

#[test]
fn a_file_without_a_test_file_gives_a_part_of_each_class_to_the_test() {
    let (folder, path) = two_files();
    fs::remove_file(folder.path().join("Waves_TEST.ts")).unwrap();
    let data = opened(&path).unwrap();
    let test = data.test().unwrap();
    assert_eq!(test.len(), 4);
    assert_eq!(test.narrow(0, 4).targets.sum(tch::Kind::Int64).int64_value(&[]), 2);
    // Whatever the seed of the run.
    let of_seed = |seed| data.parts(&SplitRequest::new(0.2, seed)).unwrap();
    assert_eq!(of_seed(1).test.narrow(0, 4).input.x, of_seed(2).test.narrow(0, 4).input.x);
    assert_ne!(of_seed(1).fingerprints, of_seed(2).fingerprints);
}

#[test]
fn a_trained_model_is_tested_on_the_test_file_and_not_on_what_it_was_trained_on() {
    let (folder, path) = two_files();
    let data = opened(&path).unwrap();
    let known = data.parts(&SplitRequest::new(0.2, 0)).unwrap().fingerprints;
    let input = data.spec();
    let trained = Trained { data: &format!("ts:{path}"), input: &input, known: Some(&known) };
    let tested = |text: &str| open(text, Some(&trained), &mut |_| ()).unwrap().test().map(|set| set.len());
    assert_eq!(tested(&path).unwrap(), 20);
    fs::remove_file(folder.path().join("Waves_TEST.ts")).unwrap();
    let error = tested(&path).unwrap_err().to_string();
    assert!(error.contains("test part") && error.contains("0 series"), "{error}");
}

#[test]
fn missing_values_are_refused_or_masked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    let rows = "1,?,3:1,2,3:up\n".to_owned() + &series(0);
    fs::write(&path, HEADER.to_owned() + &rows).unwrap();
    let error = opened(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("line 10") && error.contains("missing=mask"), "{error}");
    let data = opened(&format!("{},missing=mask", path.display())).unwrap();
    assert!(data.spec().may_miss());
    assert_eq!(data.rows.features.isnan().sum(tch::Kind::Int64).int64_value(&[]), 1);
}

#[test]
fn series_may_have_values_instead_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.ts");
    let rows: Vec<String> = (0..20).map(|i| format!("{i},{}:{}\n", i + 1, 0.5 * f64::from(i))).collect();
    let rows = rows.concat();
    fs::write(&path, format!("@targetLabel true\n@data\n{rows}")).unwrap();
    let data = opened(path.to_str().unwrap()).unwrap();
    assert_eq!(data.spec().task.names(), ["target"]);
    let test = data.test().unwrap();
    assert_eq!(test.len(), 3);
    let first = test.narrow(0, 1);
    assert_eq!(first.targets.double_value(&[0, 0]) * 2.0, first.input.x.double_value(&[0, 0, 0]));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("", vec!["@data"]),
        ("@classLabel true a b\n", vec!["@data"]),
        ("@classLabel true a b\n@data\n", vec!["series behind it"]),
        ("1,2:a\n@data\n", vec!["line 1", "@classLabel"]),
        ("@classLabel false\n@data\n1,2:a\n", vec!["line 1", "trains nothing"]),
        ("@classLabel true a a\n@data\n1,2:a\n", vec!["line 1", "each once"]),
        ("@classLabel true a b\n@data\n1,2:c\n", vec!["line 3", "a, b", "\"c\""]),
        ("@classLabel true a b\n@data\n1,x:a\n", vec!["line 3", "finite numbers", "\"x\""]),
        ("@classLabel true a b\n@data\n1,2:3:a\n", vec!["line 3", "2 values in each dimension"]),
        ("@classLabel true a b\n@data\n1,2:a\n1,2:1,2:b\n", vec!["line 4", "1 dimensions"]),
        ("@timeStamps true\n@classLabel true a b\n@data\n(0,1),(1,2):a\n", vec!["line 4", "csv:FILE,time=A"]),
        ("@targetLabel true\n@data\n1,2:a\n", vec!["line 3", "finite number"]),
    ] {
        let path = folder.path().join("a.ts");
        fs::write(&path, text).unwrap();
        let error = opened(path.to_str().unwrap()).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text:?}: {error} lacks {word}");
        }
    }
    assert!(opened("/nowhere/x.ts").unwrap_err().to_string().contains("/nowhere/x.ts"));
    assert!(opened("x.ts,missing=zero").unwrap_err().to_string().contains("refuse or mask"));
    assert!(opened("x.ts,window=3").unwrap_err().to_string().contains("the one option"));
    assert_eq!(split_path("a,b.ts,missing=mask"), ("a,b.ts", ",missing=mask"));
}
