//! Tests of reading and cutting series.

// The numbers are whole.
#![allow(clippy::float_cmp)]

use super::*;
use crate::error::DataError;
use crate::progress::Progress;
use crate::source::{DataSource, Parts, SplitRequest, Trained};
use lnn_core::{InputShape, SampleSet, Timing};

/// Writes a file and opens it with options.
pub(super) fn opened(content: &str, options: &str) -> Result<Box<dyn DataSource>, SeriesError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, content).unwrap();
    open(&format!("{}{options}", path.display()), None, &mut |_| ())
}

pub(super) fn parts(series: &dyn DataSource, validation_fraction: f64) -> Result<Parts, DataError> {
    series.parts(&SplitRequest::new(validation_fraction, 0))
}

pub(super) fn refused(content: &str, options: &str) -> String {
    match opened(content, options) {
        Err(error) => error.to_string(),
        Ok(series) => parts(&*series, 0.2).unwrap_err().to_string(),
    }
}

/// Returns `rows` rows of a time that increases by 2, a number and ten times the number.
fn counted(rows: usize) -> String {
    let rows = (0..rows).map(|i| format!("{},{i},{}\n", 2 * i + 5, 10 * i));
    std::iter::once("t,a,b\n".to_owned()).chain(rows).collect()
}

#[test]
fn windows_show_the_past_and_their_target_lies_a_horizon_behind() {
    let data = opened(&counted(40), ",target=b,columns=a+b,window=3,horizon=2,time=t,time_unit=4").unwrap();
    assert_eq!(data.spec().shape, InputShape::Sequences { features: vec!["a".into(), "b".into()] });
    assert_eq!(data.spec().task.names(), ["b"]);
    assert_eq!(data.spec().timing, Some(Timing { unit: 4.0, typical_dt: 0.5 }));
    let parts = parts(&*data, 0.25).unwrap();
    // 6 of 40 rows are for the test and 9 of the other 34 (8.5, rounded) for validation.
    assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [21, 9, 2]);
    let (train, test) = (parts.train.narrow(0, 21), parts.test.narrow(0, 2));
    assert_eq!(train.input.x.size(), [21, 3, 2]);
    assert_eq!(train.input.x.double_value(&[4, 2, 0]), 6.0);
    assert_eq!(train.targets.double_value(&[4, 0]), 80.0);
    assert_eq!(test.input.x.double_value(&[0, 0, 0]), 34.0);
    assert_eq!(train.input.dt.unwrap().eq(2.0).all().int64_value(&[]), 1);
    assert_eq!(data.test().unwrap().narrow(0, 2).input.x, test.input.x);
}

/// The features, the first window and its target.
fn first_window(content: &str, options: &str) -> (InputShape, Vec<f64>, Vec<f64>) {
    let series = opened(content, &format!("{options},window=2,test=all")).unwrap();
    let first = series.test().unwrap().narrow(0, 1);
    let numbers = |tensor: &tch::Tensor| Vec::<f64>::try_from(tensor.view(-1)).unwrap();
    (series.spec().shape, numbers(&first.input.x), numbers(&first.targets))
}

#[test]
fn a_table_is_read_whatever_signs_it_has() {
    let expected = first_window("a,b\n1.5,2\n3.25,4\n5,6\n", "");
    assert_eq!((&expected.1[..], &expected.2[..]), (&[1.5, 2.0, 3.25, 4.0][..], &[6.0][..]));
    for (content, options) in [
        ("a;b\n1,5;2\n3,25;4\n5;6\n", ""),
        ("a\tb\n1.5\t2\n3.25\t4\n5\t6\n", ""),
        ("\u{feff}\"a\",\"b\"\r\n1.5,2\r\n3.25,4\r\n5,6", ""),
        ("# of a logger\n\na,b\n1.5,2\n\n3.25,4\n5,6\n", ""),
        ("a b\n1.5 2\n3.25 4\n5 6\n", ",separator=space"),
        ("a,b\n5,6\n3.25,4\n1.5,2\n", ",reverse"),
        (",a,b,note\n0,1.5,2,x\n1,3.25,4,y\n2,5,6,\n", ",columns=a+b,target=b"),
    ] {
        assert_eq!(first_window(content, options), expected, "{content:?}");
    }
}

#[test]
fn names_with_a_comma_or_a_plus_are_chosen_in_quotes() {
    let content = "\"load, kW\",day+night,c\n1,2,3\n4,5,6\n7,8,9\n";
    assert_eq!(first_window(content, ",target=\"load, kW\"").2, [7.0]);
    assert_eq!(first_window(content, ",target='day+night'").2, [8.0]);
    assert_eq!(first_window(content, ",target='day+night'+c").2, [8.0, 9.0]);
    assert!(refused(content, ",target=day+night").contains("as \"day+night\""));
}

#[test]
fn dates_are_a_time_in_seconds_and_the_median_step_is_the_unit() {
    let dates = "at,a\n2016-07-01 00:00,1\n2016-07-01 01:00,2\n2016-07-01 02:00,3\n2016-07-01 06:00,4\n";
    let series = opened(dates, ",time=at,window=2,test=all").unwrap();
    assert_eq!(series.spec().timing, Some(Timing { unit: 3600.0, typical_dt: 1.0 }));
    let dt = series.test().unwrap().narrow(1, 1).input.dt.unwrap();
    assert_eq!(Vec::<f64>::try_from(dt.view(-1)).unwrap(), [3600.0, 3600.0]);
    let explicit = opened(dates, ",time=at,time_unit=60").unwrap();
    assert_eq!(explicit.spec().timing, Some(Timing { unit: 60.0, typical_dt: 60.0 }));
}

/// Opens a table for the test of a model that was trained on another one with `trained` as the options.
fn tested(
    content: &str,
    options: &str,
    trained: &str,
) -> Result<(Box<dyn DataSource>, Vec<String>), SeriesError> {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["learned.csv", "later.csv"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], counted(60)).unwrap();
    std::fs::write(&paths[1], content).unwrap();
    let [learned, later] = paths.map(|path| path.display().to_string());
    let source = open(&format!("{learned}{trained}"), None, &mut |_| ()).unwrap();
    let known = parts(&*source, 0.1).unwrap().fingerprints;
    let data = format!("csv:{learned}{trained}");
    let trained = Trained { data: &data, input: &source.spec(), known: Some(&known) };
    let mut remarks = Vec::new();
    let series = open(&format!("{later}{options}"), Some(&trained), &mut |progress| {
        if let Progress::Note { text } | Progress::Warning { text } = progress {
            remarks.push(text.to_owned());
        }
    })?;
    Ok((series, remarks))
}

#[test]
fn rows_of_the_training_are_left_out_of_the_test() {
    let trained = ",window=2,target=a,columns=a+b";
    let rest = |content: &str, options: &str| {
        let (series, remarks) = tested(content, options, trained).unwrap();
        (series.test().unwrap().len(), remarks.len())
    };
    // 51 of 60 rows were for training and validation.
    assert_eq!(rest(&counted(60), ""), (9 - 2, 1));
    let sorted: String = counted(60)
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            format!("{},{}", cells[2], cells[1])
        })
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(rest(&sorted, ""), (9 - 2, 1));
    assert_eq!(rest(&sorted, ",test=all"), (60 - 2, 1));
    // A file that begins within the training, and one that has other rows.
    let later: String = sorted
        .lines()
        .enumerate()
        .filter(|(i, _)| *i == 0 || *i > 40)
        .map(|(_, row)| row.to_owned() + "\n")
        .collect();
    assert_eq!(rest(&later, ""), (9 - 2, 1));
    let other: String = sorted.replace('1', "7");
    assert_eq!(rest(&other, ""), (60 - 2, 0));
    let all: String = sorted.lines().take(40).map(|row| row.to_owned() + "\n").collect();
    assert!(tested(&all, "", trained).unwrap().0.test().unwrap_err().to_string().contains("trained on all"));
}

#[test]
fn a_test_is_opened_as_the_model_was_trained_and_is_of_the_whole_file() {
    let shuffled = "b,note,a,t\n10,x,1,1\n20,y,2,5\n30,z,3,9\n40,,4,11\n";
    let (series, _) = tested(shuffled, "", ",window=2,horizon=2,time=t,target=a").unwrap();
    assert_eq!(series.spec().shape, InputShape::Sequences { features: vec!["a".into(), "b".into()] });
    let test = series.test().unwrap();
    assert_eq!(test.len(), 1);
    let first = test.narrow(0, 1);
    assert_eq!(Vec::<f64>::try_from(first.input.x.view(-1)).unwrap(), [1.0, 10.0, 2.0, 20.0]);
    assert_eq!(Vec::<f64>::try_from(first.targets.view(-1)).unwrap(), [4.0]);
    assert!(first.input.dt.is_some());
}

#[test]
fn an_option_that_contradicts_the_training_is_refused_and_another_window_is_announced() {
    let trained = ",window=2,time=t,time_unit=4";
    for (options, word) in [(",horizon=2", "1 rows ahead"), (",time_unit=5", "with 4")] {
        let error = tested(&counted(20), options, trained).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert!(tested(&counted(20), ",time=t", ",window=2").unwrap_err().to_string().contains("without"));
    let same = tested(&counted(20), ",time_unit=4", trained).unwrap().1;
    assert!(!same.concat().contains("windows of"), "{same:?}");
    assert!(tested(&counted(20), ",window=3", trained).unwrap().1[0].contains("windows of 2"));
}

#[test]
fn a_limit_leaves_the_first_windows() {
    let data = opened(&counted(40), ",window=3,horizon=2").unwrap();
    let request = SplitRequest { limit: Some(8), ..SplitRequest::new(0.25, 0) };
    let parts = data.parts(&request).unwrap();
    assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [6, 2, 2]);
    assert_eq!(parts.train.narrow(5, 1).input.x.double_value(&[0, 0, 1]), 5.0);
}

#[test]
fn without_options_all_columns_are_shown_and_the_last_is_predicted() {
    let data = opened(&counted(600), "").unwrap();
    assert_eq!(data.spec().task.names(), ["b"]);
    assert_eq!(parts(&*data, 0.1).unwrap().train.narrow(0, 1).input.x.size(), [1, 32, 3]);
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_column() {
    for (content, options, words) in [
        ("a,b\n1,2\n3,x\n", "", vec!["line 3", "\"b\"", "\"x\""]),
        ("a,b\n1,NaN\n", "", vec!["line 2", "\"b\"", "NaN"]),
        ("a,b\n1,\n", "", vec!["line 2", "missing=mask"]),
        ("a,b\n1,1e300\n", "", vec!["finite number"]),
        ("a,b\n1,2\n3\n", "", vec!["line 3", "2 cells", "found 1"]),
        ("1,2\n3,4\n", "", vec!["header", "numbers"]),
        ("a,a\n3,4\n", "", vec!["header", "twice"]),
        ("a,\n3,4\n", "", vec!["header", "column 2"]),
        ("", "", vec!["header"]),
        ("a,b\n", ",time=a", vec!["training", "0 rows"]),
        ("a,b\n3,4\n", ",target=c", vec!["\"c\"", "a, b"]),
        ("a,b\n3,4\n3,5\n", ",time=a", vec!["line 3", "later than 3"]),
        ("a,b\n3,4\n", ",window=0", vec!["window", "from 1"]),
        ("a,b\n3,4\n", ",widow=5", vec!["widow", "horizon"]),
        ("a,b\n1,2\n\n\n# x\n3,x\n", "", vec!["line 6"]),
        ("\n\na,b\n1,2\n\n3\n", "", vec!["line 6", "separator=semicolon"]),
        ("a,b\r1,2\r3,?\r", "", vec!["line 3", "\"b\"", "missing value"]),
        (",a\n0,1\n", "", vec!["column 1", "index"]),
        ("d,a\n2016-07-01,1\n", ",target=a", vec!["line 2", "\"d\"", "time=d"]),
        ("d,a\n1,1\nx,1\n", ",time=d", vec!["line 3", "\"d\"", "number or a date"]),
        ("t,a\n3,1\n2,1\n1,1\n", ",time=t", vec!["line 3", "later than 3", "reverse"]),
        ("a;b\n1,234;5\n", "", vec!["line 2", "decimal=comma"]),
        ("a,b\n1,2\n", ",test=all", vec!["training", "0 rows"]),
        ("a,b\n3,4\n", ",test=1.5", vec!["test", "up to 1"]),
        ("a,b\n3,4\n5,6\n", ",window=9", vec!["training", "window of 9"]),
    ] {
        let error = refused(content, options);
        for word in words {
            assert!(error.contains(word), "{error:?} lacks {word:?}");
        }
    }
    assert!(open("/nowhere/x.csv", None, &mut |_| ()).unwrap_err().to_string().contains("/nowhere/x.csv"));
}

/// Rows `a, b` with gaps: `b` is missing at 3 and 4, `a` at 0 and 7.
fn with_gaps() -> String {
    let cell = |gap: bool, i: usize| if gap { String::new() } else { i.to_string() };
    let rows = (0..40).map(|i| format!("{},{}\n", cell(i == 0 || i == 7, i), cell(i == 3 || i == 4, 10 * i)));
    std::iter::once("a,b\n".to_owned()).chain(rows).collect()
}

#[test]
fn missing_values_become_nan_and_windows_without_a_target_are_left_out() {
    let series = opened(&with_gaps(), ",target=b,window=3,missing=mask").unwrap();
    assert!(series.spec().may_miss());
    let parts = parts(&*series, 0.25).unwrap();
    let train = parts.train.narrow(0, parts.train.len());
    let targets = Vec::<f64>::try_from(train.targets.view(-1)).unwrap();
    assert_eq!(targets[..3], [50.0, 60.0, 70.0]);
    assert_eq!(train.input.x.isnan().any().int64_value(&[]), 1);
    let left_out = "2 of the 22 windows of the training part have no target";
    assert!(parts.notices.len() == 1 && parts.notices[0].starts_with(left_out), "{:?}", parts.notices);
}

#[test]
fn missing_values_become_those_of_the_row_before_on_request() {
    let text = with_gaps().replacen("\n,0\n", "\n0,0\n", 1);
    let series = opened(&text, ",columns=a+b,target=b,window=8,missing=previous,test=all").unwrap();
    assert!(!series.spec().may_miss());
    let first = series.test().unwrap().narrow(0, 1).input.x;
    assert_eq!(
        Vec::<f64>::try_from(first.select(2, 0).view(-1)).unwrap(),
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0]
    );
    assert_eq!(Vec::<f64>::try_from(first.select(2, 1).view(-1)).unwrap()[2..5], [20.0, 20.0, 20.0]);
    // What is made up for the model is no target.
    let short = opened(&text, ",columns=a+b,target=b,window=3,missing=previous,test=all").unwrap();
    assert_eq!(short.test().unwrap().len(), 40 - 3 - 2);
    let latest_first: String = {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        lines.join("\n")
    };
    let reversed =
        opened(&latest_first, ",columns=a+b,target=b,window=8,missing=previous,test=all,reverse").unwrap();
    assert_eq!(reversed.test().unwrap().narrow(0, 1).input.x, first);
    let error = refused(&with_gaps(), ",missing=previous");
    assert!(error.contains("line 2, column \"a\"") && error.contains("missing=mask"), "{error}");
    let error = refused(&with_gaps(), "");
    assert!(error.contains("line 2") && error.contains("missing=mask") && error.contains("missing=previous"));
}

#[test]
fn each_row_may_have_a_class_or_values_of_its_own() {
    let rows = (0..40).map(|i| format!("{i},{}\n", ["walk", "run", ""][i % 3]));
    let text: String = std::iter::once("a,gait\n".to_owned()).chain(rows).collect();
    let series = opened(&text, ",label=gait,task=per-step,window=4").unwrap();
    assert_eq!(series.spec().task.names(), ["run", "walk"]);
    assert_eq!(series.spec().shape, InputShape::Sequences { features: vec!["a".into()] });
    let parts = parts(&*series, 0.25).unwrap();
    assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [6, 2, 1]);
    let train = parts.train.narrow(0, 2);
    let labels = Vec::<i64>::try_from(train.targets.view(-1)).unwrap();
    assert_eq!(labels, [1, 0, -100, 1, 0, -100, 1, 0]);
    assert_eq!(train.target_count().int64_value(&[]), 6);
    let numbers =
        opened(&counted(40), ",target=b,columns=a,task=per-step,window=4,horizon=0,time=t").unwrap();
    let first = numbers.test().unwrap().narrow(0, 1);
    assert_eq!((first.input.x.select(2, 0) * 10.0).view(-1), first.targets.view(-1));
}

#[test]
fn classes_of_numbers_are_in_their_order_and_too_many_are_refused() {
    let labelled = |label: &dyn Fn(usize) -> usize, rows: usize| {
        let rows = (0..rows).map(|i| format!("{i},{}\n", label(i)));
        std::iter::once("a,y\n".to_owned()).chain(rows).collect::<String>()
    };
    let series = opened(&labelled(&|i| i % 12, 40), ",label=y,task=per-step,window=4").unwrap();
    assert_eq!(series.spec().task.names()[9..], ["9", "10", "11"]);
    let error = refused(&labelled(&|i| i, 1500), ",label=y,task=per-step");
    assert!(error.contains("at most 1000") && error.contains("target=y"), "{error}");
    for (options, words) in [
        (",label=b", "task=per-step"),
        (",label=b,target=a,task=per-step", "beside a label"),
        (",target=b,horizon=0", "columns=A+B without \"b\""),
    ] {
        let error = refused(&counted(40), options);
        assert!(error.contains(words), "{options}: {error}");
    }
}
