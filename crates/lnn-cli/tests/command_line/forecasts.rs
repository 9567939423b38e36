//! `forecast`, which goes on from the end of a series.

use crate::program::Call;
use crate::series_files::SeriesFile;
use std::path::Path;

fn train(file: &SeriesFile, options: &str, out: &Path) {
    let call = Call::new("train").flag("model", "gru").flag("data", file.spec(options)).flag("out", out);
    call.set("model.units=8").flag("epochs", "2").succeed();
}

fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap()
}

#[test]
fn the_first_row_is_the_prediction_of_the_last_window_and_times_go_on() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",time=t,target=b+a,columns=a+b,window=8", &run);
    let forecast = table(&Call::new("forecast").arg(&run).flag("steps", "5").succeed().stdout);
    assert_eq!((forecast.len(), &forecast[0][..]), (6, &["t".to_owned(), "b".into(), "a".into()][..]));
    let predicted = table(&Call::new("predict").arg(&run).flag("input", file.path()).succeed().stdout);
    let last = predicted.last().unwrap();
    for column in [1, 2] {
        assert!((number(&forecast[1][column]) - number(&last[column])).abs() < 1e-4);
    }
    let steps = [number(&last[0])].into_iter().chain(forecast[1..].iter().map(|row| number(&row[0])));
    let steps: Vec<f64> = steps.collect();
    let apart: Vec<f64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(apart.iter().all(|dt| (dt - apart[0]).abs() < 1e-9 && (0.3..0.5).contains(dt)), "{apart:?}");
    // The second row is the prediction of a table that ends with the first.
    let longer = std::fs::read_to_string(file.path()).unwrap()
        + &format!("{},{},{}\n", forecast[1][0], forecast[1][2], forecast[1][1]);
    let longer = SeriesFile::of(&longer);
    let again = table(
        &Call::new("forecast").arg(&run).flag("input", longer.path()).flag("steps", "1").succeed().stdout,
    );
    for column in [1, 2] {
        assert!((number(&again[1][column]) - number(&forecast[2][column])).abs() < 1e-4);
    }
}

#[test]
fn what_the_model_sees_and_does_not_predict_must_be_given() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",time=t,target=b,columns=a+b,window=8", &run);
    let forecast = || Call::new("forecast").arg(&run);
    let refused = forecast().flag("steps", "2").refused();
    assert!(refused.contains("a: the model sees it and does not predict it"), "{refused}");
    let future = folder.path().join("future.csv");
    std::fs::write(&future, "t,a\n100,0.5\n101,0.6\n102,0.7\n").unwrap();
    let out = folder.path().join("y.csv");
    forecast().flag("steps", "2").flag("future", &future).flag("output", &out).succeed();
    let rows = table(&std::fs::read_to_string(&out).unwrap());
    assert_eq!((rows.len(), &rows[1][0], &rows[2][0]), (3, &"100".to_owned(), &"101".to_owned()));
    let refused = forecast().flag("steps", "4").flag("future", &future).refused();
    assert!(refused.contains("expected 4 rows to come") && refused.contains("found 3"), "{refused}");
    std::fs::write(&future, "t,a\n1,0.5\n").unwrap();
    let refused = forecast().flag("steps", "1").flag("future", &future).refused();
    assert!(refused.contains("expected rows later than"), "{refused}");
}

#[test]
fn classes_and_values_of_the_row_itself_are_no_forecast() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file, ",target=b,columns=a,window=8,horizon=0", &run);
    let refused = Call::new("forecast").arg(&run).flag("steps", "2").refused();
    assert!(refused.contains("of the row that it sees"), "{refused}");
    let toy = folder.path().join("toy");
    Call::new("train")
        .flag("model", "gru")
        .flag("data", "toy")
        .flag("epochs", "1")
        .flag("out", &toy)
        .succeed();
    let refused = Call::new("forecast").arg(&toy).flag("steps", "2").refused();
    assert!(refused.contains("toy is no series to go on from"), "{refused}");
}

#[test]
fn a_generated_table_is_a_series() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mg.csv");
    Call::new("data").arg("generate").arg("mackey-glass").flag("rows", "300").flag("out", &path).succeed();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("x\n") && text.lines().count() == 301);
    let shown = Call::new("data").arg("generate").arg("mackey-glass").flag("rows", "300").succeed().stdout;
    assert_eq!(shown, text);
    let refused = Call::new("data").arg("generate").arg("henon").refused();
    assert!(refused.contains("mackey-glass, lorenz, narma10, sine"), "{refused}");
    let file = SeriesFile::of(&text);
    let run = folder.path().join("run");
    train(&file, ",task=per-step,window=20", &run);
    let forecast = Call::new("forecast").arg(&run).flag("steps", "7").succeed().stdout;
    assert_eq!(table(&forecast).len(), 8);
    assert!(forecast.starts_with("step,x\n1,"), "{forecast}");
}

#[test]
fn a_picture_has_the_times_of_the_table_and_the_truth_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..120)
        .map(|row| format!("2024-03-{:02}T{:02}:00,{}\n", 1 + row / 24, row % 24, f64::from(row).sin()))
        .collect();
    let file = SeriesFile::of(&("date,load\n".to_owned() + &rows.concat()));
    let (run, picture) = (folder.path().join("run"), folder.path().join("picture.svg"));
    train(&file, ",time=date,target=load,window=8", &run);
    let forecast = || Call::new("forecast").arg(&run).flag("steps", "6").flag("picture", &picture);
    let with_picture = forecast().succeed().stdout;
    assert_eq!(with_picture, Call::new("forecast").arg(&run).flag("steps", "6").succeed().stdout);
    let svg = std::fs::read_to_string(&picture).unwrap();
    for text in ["load", "date", "history", "forecast", "2024-03-05T00:00"] {
        assert!(svg.contains(text), "{text} is missing");
    }
    assert!(!svg.contains("truth"));
    let future = folder.path().join("future.csv");
    let later: Vec<String> = (0..8).map(|hour| format!("2024-03-06T{hour:02}:00,0.5\n")).collect();
    std::fs::write(&future, "date,load\n".to_owned() + &later.concat()).unwrap();
    forecast().flag("future", &future).succeed();
    assert!(std::fs::read_to_string(&picture).unwrap().contains("truth"));
    // Neither the table that is read nor the one that is written may be drawn over.
    let refused = Call::new("forecast").arg(&run).flag("steps", "6").flag("picture", file.path()).refused();
    assert!(refused.contains("series.csv"), "{refused}");
    let refused = forecast().flag("output", &picture).refused();
    assert!(refused.contains("--picture: expected another file than --output"), "{refused}");
}

#[test]
fn a_forecast_that_runs_away_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // What grows goes on growing: the readout of small inputs is nearly linear.
    let rows: Vec<String> = (0..200).map(|row| format!("{:.6}\n", 1.03_f64.powi(row))).collect();
    let file = SeriesFile::of(&("x\n".to_owned() + &rows.concat()));
    let run = folder.path().join("run");
    let call =
        Call::new("train").flag("model", "lnn").flag("data", file.spec(",window=10")).flag("out", &run);
    let call =
        call.flag("precision", "f64").set("model.reservoir.units=5").set("model.reservoir.bias_scale=0");
    call.set("model.reservoir.input_scale=0.001").set("method.regularization=1e-10").succeed();
    let forecast = |steps: &str| Call::new("forecast").arg(&run).flag("steps", steps).succeed().stderr;
    assert!(!forecast("2").contains("run away"));
    let far = forecast("100");
    assert!(far.contains("the forecast of x") && far.contains("eval --backtest"), "{far}");
}
