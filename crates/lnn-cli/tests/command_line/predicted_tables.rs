//! `predict` on tables, and series in files of many.

use crate::program::Call;
use crate::series_files::SeriesFile;
use std::fmt::Write;
use std::path::Path;

fn train(data: &str, out: &Path, epochs: u32) -> Call {
    let call = Call::new("train").flag("model", "gru").flag("data", data).flag("out", out);
    call.set("model.units=8").flag("epochs", epochs.to_string())
}

/// Twelve series of unequal length that rise or fall, whose rows lie between one another.
fn many() -> String {
    let mut text = "who,t,a,way\n".to_owned();
    for row in 0..9 {
        for id in (0..12).filter(|id| row < 5 + id % 5) {
            let (sign, way) = if id % 2 == 0 { (1.0, "up") } else { (-1.0, "down") };
            writeln!(text, "s{id},{row},{},{way}", sign * f64::from(row) + 0.1 * f64::from(id)).unwrap();
        }
    }
    text
}

fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn every_window_of_a_table_has_a_line_with_its_time_its_prediction_and_the_truth() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train(&file.spec(",time=t,target=b+a,window=8,horizon=2"), &run, 2).succeed();
    let done = Call::new("predict").arg(&run).flag("input", file.path()).succeed();
    assert!(done.stderr.contains("2 rows later"), "{}", done.stderr);
    let (lines, source) = (table(&done.stdout), std::fs::read_to_string(file.path()).unwrap());
    let rows = table(&source);
    assert_eq!(lines[0], ["t", "b", "a", "b_true", "a_true"]);
    assert_eq!(lines.len(), 1 + 160 - 7);
    assert_eq!((lines[1][0], lines[1][3], lines[1][4]), (rows[8][0], rows[10][2], rows[10][1]));
    let last = &lines[lines.len() - 1];
    assert_eq!((last[0], last[3], last[4]), (rows[160][0], "", ""));
    // The predictions are those of the arrays of the same windows, and a file without the targets is enough.
    let written = folder.path().join("y.csv");
    Call::new("predict").arg(&run).flag("input", file.path()).flag("output", &written).succeed();
    assert_eq!(std::fs::read_to_string(&written).unwrap(), done.stdout);
    let refused = Call::new("predict").arg(&run).flag("input", file.path()).flag("dt", "x.npy").refused();
    assert!(refused.contains("time in a column"), "{refused}");
}

#[test]
fn whole_series_are_predicted_one_by_one_in_the_order_of_the_file() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::of(&many()));
    let run = folder.path().join("run");
    train(&file.spec(",id=who,label=way,time=t,test=0.34"), &run, 2)
        .set("optimizer.learning_rate=0.05")
        .succeed();
    let out = Call::new("predict").arg(&run).flag("input", file.path()).succeed().stdout;
    let lines = table(&out);
    assert_eq!(lines[0], ["who", "t", "class", "probability", "class_true"]);
    assert_eq!(lines.len(), 13);
    assert_eq!((lines[3][0], lines[3][1], lines[3][4]), ("s2", "6", "up"));
    assert!(lines[1..].iter().all(|line| ["up", "down"].contains(&line[2])));
    // Without the labels there is no truth, and the predictions are the same.
    let bare: String =
        many().lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n").collect();
    let bare = SeriesFile::of(&bare);
    let unlabelled = Call::new("predict").arg(&run).flag("input", bare.path()).succeed().stdout;
    let without: Vec<Vec<&str>> = lines.iter().map(|line| line[..4].to_vec()).collect();
    assert_eq!(table(&unlabelled), without);
}

#[test]
fn every_row_is_predicted_once_by_a_model_per_step() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::of(&many()));
    let run = folder.path().join("run");
    let options = ",id=who,target=a,columns=a,task=per-step,window=3,test=0.34";
    train(&file.spec(options), &run, 2).succeed();
    let out = Call::new("predict").arg(&run).flag("input", file.path()).succeed().stdout;
    let lines = table(&out);
    assert_eq!(lines.len(), many().lines().count());
    assert_eq!(lines[0], ["who", "row", "a", "a_true"]);
    assert_eq!(lines[1][3], "1");
}

#[test]
fn a_file_of_the_archive_is_trained_on_and_tested_beside_its_test_file() {
    let folder = tempfile::tempdir().unwrap();
    let series = |offset: i32| {
        let line = |i: i32| {
            let sign = if i % 2 == 0 { 1 } else { -1 };
            let values: Vec<String> = (0..5 + i % 3).map(|t| (sign * t + offset).to_string()).collect();
            format!("{}:{}\n", values.join(","), ["up", "down"][(i % 2) as usize])
        };
        "@classLabel true up down\n@data\n".to_owned() + &(0..40).map(line).collect::<String>()
    };
    let path = folder.path().join("Ways_TRAIN.ts");
    std::fs::write(&path, series(0)).unwrap();
    std::fs::write(folder.path().join("Ways_TEST.ts"), series(0)).unwrap();
    let run = folder.path().join("run");
    let data = format!("ts:{}", path.display());
    let ended = train(&data, &run, 30).set("batch_size=8").set("optimizer.learning_rate=0.02");
    let ended = ended.succeed();
    assert!(ended.stdout.contains("test accuracy 1.0000"), "{}", ended.stdout);
    let evaluated = Call::new("eval").arg(&run).arg("--json").succeed().stdout;
    assert!(evaluated.contains("\"samples\":40"), "{evaluated}");
}
