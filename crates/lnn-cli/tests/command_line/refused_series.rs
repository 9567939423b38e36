//! Series, and models that do not go with them: exit 2, a message with line and column, and no trace of a run.

use crate::image_sets::SetFolder;
use crate::program::Call;
use crate::sequences;
use crate::series_files::{SeriesFile, wave};

/// The message about a liquid model on a file with the given text.
fn refused(text: &str, options: &str) -> String {
    let series = SeriesFile::of(text);
    let message = refused_call("liquid", &series.spec(options), &[]);
    assert!(message.contains(series.path().to_str().unwrap()) || message.contains("--data csv"), "{message}");
    message
}

fn refused_call(model: &str, data: &str, arguments: &[&str]) -> String {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("run");
    let call = Call::new("train").flag("model", model).flag("data", data).flag("out", &out).args(arguments);
    let message = call.refused();
    assert!(!out.exists(), "the refused run left a folder");
    message
}

#[track_caller]
fn assert_has(message: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in {message}");
}

#[test]
fn a_cell_that_is_no_finite_number_is_named_with_line_and_column() {
    for cell in ["NaN", "inf", "-inf", "1e300", "x"] {
        let message = refused(&format!("a,b\n1,2\n3,{cell}\n"), "");
        assert_has(
            &message,
            &["line 3, column \"b\"", "expected a finite number", &format!("found {cell:?}")],
        );
    }
    assert_has(&refused("a,b\n,2\n", ""), &["line 2, column \"a\"", "found \"\"", "hint: a missing value"]);
}

#[test]
fn a_row_with_more_or_fewer_cells_is_named_with_its_line() {
    assert_has(&refused("a,b\n1,2\n3,4\n5\n", ""), &["line 4", "expected 2 cells", "found 1"]);
    assert_has(&refused("a,b\n1,2,3\n", ""), &["line 2", "expected 2 cells", "found 3"]);
}

#[test]
fn a_time_that_does_not_rise_is_named_with_line_and_column() {
    let message = refused("t,a\n1,2\n3,4\n3,5\n", ",time=t");
    assert_has(&message, &["line 4, column \"t\"", "expected a time later than 3, found 3"]);
}

#[test]
fn a_series_shorter_than_a_window_is_named_with_both_lengths() {
    let text = SeriesFile::wave();
    let message = refused_call("liquid", &text.spec(",window=30"), &[]);
    assert_has(&message, &["the test part has 24 rows", "expected at least 31", "hint: a smaller window"]);
    // As large as a number can be.
    let message = refused_call("liquid", &text.spec(&format!(",window={}", usize::MAX)), &[]);
    assert_has(&message, &["the training part has 122 rows", &format!("expected at least {}", i64::MAX)]);
    assert_has(&refused("a,b\n", ""), &["the training part has 0 rows"]);
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    for option in ["target=z", "columns=a+z", "time=z"] {
        let message = refused("t,a,b\n1,2,3\n", &format!(",{option}"));
        assert_has(&message, &["expected a column \"z\"", "found t, a, b"]);
    }
}

#[test]
fn a_header_without_names_and_an_unknown_option_are_named() {
    assert_has(&refused("1,2\n3,4\n", ""), &["line 1", "expected a header", "found numbers"]);
    assert_has(&refused("a,a\n3,4\n", ""), &["line 1", "\"a\" twice"]);
    assert_has(&refused("a,b\n3,4\n", ",widow=5"), &["widow", "expected one of target, label, id"]);
    assert_has(&refused_call("liquid", "csv:/nowhere/at/all.csv", &[]), &["/nowhere/at/all.csv"]);
}

#[test]
fn models_of_images_refuse_a_series_with_a_hint() {
    let series = SeriesFile::wave();
    for model in ["cllnn", "snlnn", "cifar"] {
        for preset in ["article", "tuned"] {
            for data in [&series.spec(",window=8"), "toy"] {
                let message = refused_call(model, data, &["--preset", preset]);
                let parts = ["expected images, found sequences", "hint: the model liquid takes sequences"];
                assert_has(&message, &[model, parts[0], parts[1]]);
            }
        }
    }
}

#[test]
fn changes_of_images_are_refused_for_a_series() {
    let series = SeriesFile::wave();
    let message = refused_call("liquid", &series.spec(",window=8"), &["--set", "augmentation.shift=1"]);
    assert_has(
        &message,
        &["augmentation changes images, the data has sequences", "hint: leave its amounts at 0"],
    );
}

#[test]
fn an_encoding_of_intensities_is_refused_for_standardised_images() {
    let set = SetFolder::of([12, 8], 8);
    let message = refused_call("snlnn", &set.spec(), &["--set", "model.encoding.kind=rate"]);
    assert_has(&message, &["read intensities in 0..1", "hint: --set standardization=none"]);
}

#[test]
fn a_run_on_a_series_is_not_evaluated_without_its_columns() {
    let other = SeriesFile::of(&wave(1.0).replace("t,a,b", "t,a,c"));
    let eval =
        |data: String| Call::new("eval").arg(&sequences::trained().folder).flag("data", data).refused();
    assert_has(&eval(other.spec("")), &["expected a column \"b\"", "found t, a, c"]);
    let message = eval(other.spec(",columns=a+c"));
    assert_has(&message, &["features", "only the model has \"b\"", "only the data has \"c\""]);
    let message = eval(SeriesFile::wave().spec(",horizon=3"));
    assert_has(&message, &["horizon=3", "1 rows ahead"]);
}

#[test]
fn what_the_data_lacks_or_has_twice_is_named() {
    assert_has(&refused_call("liquid", "csv:", &[]), &["expected the name of a file", "csv:FILE"]);
    assert_has(&refused_call("liquid", "csv:,window=12", &[]), &["expected the name of a file"]);
    assert_has(&refused("a,b\n1,2\n", ",window=3,window=4"), &["window", "once"]);
    let series = SeriesFile::wave();
    let path = series.path().display().to_string();
    assert_has(&refused_call("liquid", &path, &[]), &[&format!("did you mean \"csv:{path}\"")]);
    let dates = "d,a\n2016-07-01,1\n2016-07-02,2\n";
    assert_has(&refused(dates, ",target=a"), &["line 2, column \"d\"", "it is a date", "time=d"]);
}
