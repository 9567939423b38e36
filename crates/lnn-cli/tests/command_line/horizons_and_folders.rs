//! Several horizons at once, and folders of tables.

use crate::program::Call;
use crate::series_files::{SeriesFile, wave};
use std::path::Path;

fn train(data: &str, out: &Path) -> Call {
    let call = Call::new("train").flag("model", "gru").flag("data", data).flag("out", out);
    call.set("model.units=8").flag("epochs", "2")
}

fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn every_horizon_has_an_error_and_a_column_of_predictions_with_its_truth() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file.spec(",time=t,target=b,window=8,horizon=1..3"), &run).succeed();
    let evaluated = Call::new("eval").arg(&run).succeed().stdout;
    assert!(["b+1", "b+2", "b+3"].iter().all(|name| evaluated.contains(name)), "{evaluated}");
    let done = Call::new("predict").arg(&run).flag("input", file.path()).succeed();
    assert!(done.stderr.contains("1..3 rows later"), "{}", done.stderr);
    let (lines, source) = (table(&done.stdout), std::fs::read_to_string(file.path()).unwrap());
    let rows = table(&source);
    assert_eq!(lines[0], ["t", "b+1", "b+2", "b+3", "b+1_true", "b+2_true", "b+3_true"]);
    assert_eq!((lines[1][0], &lines[1][4..]), (rows[8][0], &[rows[9][2], rows[10][2], rows[11][2]][..]));
    // Past the end there are predictions and no truth.
    let end = &lines[lines.len() - 2];
    assert_eq!((end[0], &end[4..]), (rows[159][0], &[rows[160][2], "", ""][..]));
    assert!(lines[lines.len() - 1][1..4].iter().all(|cell| cell.parse::<f64>().is_ok()));
    let refused = Call::new("forecast").arg(&run).flag("steps", "3").refused();
    assert!(refused.contains("1..3 rows ahead at once") && refused.contains("hint: "), "{refused}");
}

#[test]
fn a_folder_of_tables_is_trained_on_tested_and_predicted_file_by_file() {
    let (folder, tables) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for i in 0..5 {
        std::fs::write(tables.path().join(format!("{i}.csv")), wave(f64::from(i + 1))).unwrap();
    }
    let run = folder.path().join("run");
    let data = format!("csv:{}/*.csv,time=t,target=b,window=8,split=time", tables.path().display());
    train(&data, &run).succeed();
    Call::new("eval").arg(&run).succeed();
    for input in [format!("{}/*.csv", tables.path().display()), format!("csv:{}", tables.path().display())] {
        let out = Call::new("predict").arg(&run).flag("input", input).succeed().stdout;
        let lines = table(&out);
        assert_eq!((&lines[0][..2], lines.len()), (&["file", "t"][..], 1 + 5 * 153));
        assert_eq!(lines[1][0], "0.csv");
        assert_eq!(lines[lines.len() - 1][0], "4.csv");
    }
    std::fs::write(tables.path().join("5.csv"), "t,x,b\n1,2,3\n").unwrap();
    let refused = Call::new("eval").arg(&run).refused();
    assert!(refused.contains("5.csv: expected the columns of"), "{refused}");
}
