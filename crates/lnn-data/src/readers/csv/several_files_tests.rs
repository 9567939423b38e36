//! Tests of folders and patterns of tables.

// The numbers are whole.
#![allow(clippy::float_cmp)]

use super::tests::parts;
use super::*;
use lnn_core::SampleSet;
use std::fs;
use tempfile::TempDir;

/// Writes files into a folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn opened_in(folder: &TempDir, rest: &str) -> Result<Box<dyn DataSource>, SeriesError> {
    open(&format!("{}{rest}", folder.path().display()), None, &mut |_| ())
}

/// `rows` rows of a number that counts from `start`, and of twice that number.
fn counted(start: usize, rows: usize) -> String {
    let rows = (start..start + rows).map(|i| format!("{i},{}\n", 2 * i));
    std::iter::once("a,b\n".to_owned()).chain(rows).collect()
}

/// Eight files of 10 rows, the numbers of each from a hundred of its own.
fn eight() -> TempDir {
    let files: Vec<(String, String)> = (0..8).map(|i| (format!("{i}.csv"), counted(100 * i, 10))).collect();
    folder(&files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect::<Vec<_>>())
}

#[test]
fn each_file_of_a_folder_or_a_pattern_is_a_series_that_no_window_leaves() {
    let folder = eight();
    for place in ["", "/*.csv"] {
        let data = opened_in(&folder, &format!("{place},window=4,target=b,columns=a,test=0.25")).unwrap();
        let parts = parts(&*data, 0.25).unwrap();
        let sets = [&parts.train, &parts.validation, &parts.test];
        // Whole files, 6 windows of each.
        assert_eq!(sets.map(SampleSet::len), [4 * 6, 2 * 6, 2 * 6]);
        for set in sets {
            let batch = set.narrow(0, set.len());
            let expected: tch::Tensor = (batch.input.x.select(1, 3) + 1.0) * 2.0;
            assert_eq!(batch.targets, expected);
        }
    }
}

#[test]
fn columns_may_come_in_another_order_but_must_be_the_same() {
    let swapped = "b,a\n20,10\n22,11\n24,12\n";
    let folder = folder(&[("x.csv", &counted(0, 6)), ("y.csv", swapped)]);
    let data = opened_in(&folder, ",window=2,target=b,columns=a,test=all").unwrap();
    let last = data.test().unwrap().narrow(4, 1);
    assert_eq!((last.input.x.double_value(&[0, 0, 0]), last.targets.double_value(&[0, 0])), (10.0, 24.0));
    fs::write(folder.path().join("z.csv"), "a,c\n1,2\n").unwrap();
    let error = opened_in(&folder, ",window=2").unwrap_err().to_string();
    assert!(error.contains("z.csv") && error.contains("a, b") && error.contains("found a, c"), "{error}");
}

#[test]
fn an_error_in_one_of_the_files_names_it_with_the_line() {
    let folder = folder(&[("x.csv", "t,a\n1,2\n2,3\n"), ("y.csv", "t,a\n1,2\n\n2,x\n")]);
    let refused = |rest: &str| opened_in(&folder, rest).unwrap_err().to_string();
    let error = refused(",window=1,target=a");
    assert!(error.contains("y.csv, line 4, column \"a\""), "{error}");
    fs::write(folder.path().join("y.csv"), "t,a\n2016-07-01,2\n2016-07-02,3\n").unwrap();
    let error = refused(",window=1,target=a,time=t");
    assert!(error.contains("y.csv") && error.contains("expected numbers as the time"), "{error}");
    assert!(refused("/none*.csv,window=1").contains("found none"));
    fs::write(folder.path().join("y.csv"), "t,a\n1,1\n").unwrap();
    fs::write(folder.path().join("x.csv"), "t,a\n1,1\n1,2\n").unwrap();
    let error = refused(",label=a,time=t");
    assert!(error.contains("x.csv, line 3"), "{error}");
}

#[test]
fn with_an_id_a_series_is_that_of_a_file_and_an_id() {
    let content = "id,a\n1,0\n2,10\n1,1\n2,11\n1,2\n2,12\n";
    let folder = folder(&[("x.csv", content), ("y.csv", content)]);
    let data = opened_in(&folder, ",id=id,window=2,target=a,test=all").unwrap();
    let test = data.test().unwrap();
    let batch = test.narrow(0, test.len());
    assert_eq!(Vec::<f64>::try_from(batch.targets.squeeze()).unwrap(), [2.0, 12.0, 2.0, 12.0]);
}

#[test]
fn a_label_for_each_file_needs_no_id() {
    let files: Vec<(String, String)> =
        (0..6).map(|i| (format!("{i}.csv"), format!("a,k\n{i},{}\n{i},{}\n", i % 2, i % 2))).collect();
    let folder = folder(&files.iter().map(|(name, text)| (&name[..], &text[..])).collect::<Vec<_>>());
    let data = opened_in(&folder, ",label=k,test=0.34").unwrap();
    let test = data.test().unwrap();
    assert_eq!(test.len(), 2);
    // One file alone, for the same model.
    let (text, input) = (format!("csv:{},label=k", folder.path().display()), data.spec());
    let trained = Trained { data: &text, input: &input, known: None };
    let one = folder.path().join("3.csv").display().to_string();
    let found = open(&one, Some(&trained), &mut |_| ()).unwrap();
    assert_eq!((found.test().unwrap().len(), found.spec().task.names()), (1, &["1".to_owned()][..]));
}

#[test]
fn predictions_tell_the_file_and_a_forecast_takes_one_series() {
    let folder = eight();
    let text = format!("{},window=4,target=b", folder.path().display());
    let input = open(&text, None, &mut |_| ()).unwrap().spec();
    let data = format!("csv:{text}");
    let trained = Trained { data: &data, input: &input, known: None };
    let found = open_to_predict(&folder.path().display().to_string(), &trained, &mut |_| ()).unwrap();
    assert_eq!(found.names, [Some("file".to_owned()), None]);
    let row = &found.rows[19];
    assert_eq!((row.id.as_deref(), &row.truth), (Some("1.csv"), &None));
    assert_eq!(found.rows[18].truth, Some(vec!["218".to_owned()]));
    let error = open_history(&text, &trained, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("expected one series, found 8"), "{error}");
    let one = folder.path().join("1.csv").display().to_string();
    assert_eq!(open_history(&one, &trained, &mut |_| ()).unwrap().input.x.size(), [1, 10, 2]);
}
