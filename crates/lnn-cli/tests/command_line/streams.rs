//! `stream`: rows from standard input.

use crate::program::Call;
use crate::series_files::SeriesFile;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// A model that was trained on a file, beside it.
struct Trained {
    folder: TempDir,
    file: SeriesFile,
}

impl Trained {
    fn on(file: SeriesFile, options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let call = Call::new("train").flag("model", "gru").set("model.units=8").flag("epochs", "2");
        let call = if options.contains("per-step") { call.set("model.summaries=[\"last\"]") } else { call };
        call.flag("data", file.spec(options)).flag("out", folder.path().join("run")).succeed();
        Self { folder, file }
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// A stream that reads `text`.
    fn stream(&self, text: &str) -> Call {
        let input = self.folder.path().join("input");
        std::fs::write(&input, text).unwrap();
        Call::new("stream").arg(self.run()).reading(File::open(input).unwrap())
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file.path()).unwrap()
    }

    /// What `predict` says of a file.
    fn predicted(&self, file: &Path) -> Vec<Vec<String>> {
        table(&Call::new("predict").arg(self.run()).flag("input", file).succeed().stdout)
    }
}

fn table(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn close(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|text| text.parse::<f64>().unwrap());
    (a - b).abs() < 1e-4 * (1.0 + a.abs())
}

/// Series of a slow wave with the next value of each row, as JSON lines or as the rows of a table.
fn waves(series: usize, rows: usize) -> String {
    let mut text = "who,x,next\n".to_owned();
    for id in 0..series {
        for row in 0..rows {
            let x = |row: usize| (row as f64 / 5.0 + id as f64).sin();
            writeln!(text, "s{id},{:.6},{:.6}", x(row), x(row + 1)).unwrap();
        }
    }
    text
}

#[test]
fn the_prediction_after_a_row_is_that_of_predict_for_the_window_that_ends_there() {
    for options in [",time=t,target=b+a,window=8,horizon=2", ",target=b+a,window=8,task=per-step"] {
        let trained = Trained::on(SeriesFile::wave(), options);
        let done = trained.stream(&trained.text()).succeed();
        let lines = table(&done.stdout);
        assert_eq!(lines.len(), 161);
        let first = if options.contains("time") { "t" } else { "row" };
        assert_eq!(lines[0], [first, "b", "a"]);
        if options.contains("per-step") {
            // The state is carried on: as `predict` has it in the first window.
            assert!(done.stderr.contains("the state is carried"), "{}", done.stderr);
            for (line, expected) in lines.iter().zip(trained.predicted(&trained.file.path())).take(9).skip(1)
            {
                assert!(
                    close(&line[1], &expected[1]) && close(&line[2], &expected[2]),
                    "{line:?} {expected:?}"
                );
            }
            continue;
        }
        assert!(done.stderr.contains("from the last 8 rows, from rest"), "{}", done.stderr);
        assert!(done.stderr.contains("2 rows after"), "{}", done.stderr);
        assert!(lines[1..8].iter().all(|line| line[1].is_empty() && line[2].is_empty()));
        let expected = trained.predicted(&trained.file.path());
        assert_eq!(expected.len(), 161 - 7);
        for (line, expected) in lines[8..].iter().zip(&expected[1..]) {
            assert_eq!(line[0], expected[0]);
            assert!(close(&line[1], &expected[1]) && close(&line[2], &expected[2]), "{line:?} {expected:?}");
        }
    }
}

#[test]
fn a_line_is_answered_before_the_next_one_comes_and_bad_lines_are_skipped_with_their_number() {
    let trained = Trained::on(SeriesFile::wave(), ",time=t,target=b,window=2");
    let pipes = || Call::new("stream").arg(trained.run()).reading(Stdio::piped());
    let mut running = pipes().start();
    let answer = |running: &mut crate::program::Running, line: &str| -> Value {
        running.write(&format!("{line}\n"));
        serde_json::from_str(&running.read_line()).unwrap()
    };
    assert_eq!(answer(&mut running, r#"{"t": 1.0, "b": 0.5, "a": 1}"#), json!({"t": 1.0, "b": null}));
    let second = answer(&mut running, r#"{"a": 2, "b": 0.5, "t": 2.5, "more": "x"}"#);
    assert!(second["b"].is_f64() && second["t"] == 2.5, "{second}");
    for bad in [
        "{\"t\": 3.0, \"b\": 0.5}",
        "{\"t\": 3.0, \"b\": \"x\", \"a\": 1}",
        "[1, 2]",
        "{\"t\": 2.5, \"b\": 0.5, \"a\": 1}",
        "{\"t\": 3.0, \"b\": 1e999, \"a\": 1}",
    ] {
        running.write(&format!("{bad}\n"));
    }
    let last = answer(&mut running, r#"{"t": 3.5, "b": 0.25, "a": -1}"#);
    assert!(last["b"].is_f64() && last["t"] == 3.5, "{last}");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let skipped: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("skipped")).collect();
    let said = [
        "line 3 is skipped: a: expected a number",
        "line 4 is skipped: b: expected a finite",
        "line 5",
        "line 6 is skipped: t: expected a time later than 2.5",
        "line 7",
    ];
    assert_eq!(skipped.len(), said.len(), "{skipped:?}");
    for (line, said) in skipped.iter().zip(said) {
        assert!(line.contains(said), "{line}");
    }
}

#[test]
fn a_stream_goes_on_where_another_process_stopped_and_an_interrupted_one_is_saved() {
    let trained =
        Trained::on(SeriesFile::of(&waves(8, 40)), ",id=who,columns=x,target=next,task=per-step,window=all");
    let rows: Vec<String> = waves(1, 60).lines().map(str::to_owned).collect();
    let text = |rows: &[String]| rows.join("\n") + "\n";
    let whole = table(&trained.stream(&text(&rows)).succeed().stdout);
    let state = trained.folder.path().join("state");
    let begin = trained.stream(&text(&rows[..31])).flag("state", &state).succeed();
    let rest: Vec<String> = rows[..1].iter().chain(&rows[31..]).cloned().collect();
    let resumed = trained.stream(&text(&rest)).flag("state", &state).succeed();
    assert!(resumed.stderr.contains("goes on after row 30"), "{}", resumed.stderr);
    let parts = table(&begin.stdout).into_iter().chain(table(&resumed.stdout).into_iter().skip(1));
    for (found, expected) in parts.zip(&whole).skip(1) {
        assert!(found[0] == expected[0] && close(&found[1], &expected[1]), "{found:?} {expected:?}");
    }
    // Rows of another series do not belong to the state.
    let other = trained.stream("who,x\ns1,0.5\n").flag("state", &state).succeed();
    assert!(other.stderr.contains("who: expected rows of s0"), "{}", other.stderr);
    let fresh = trained.folder.path().join("fresh");
    let mut running =
        Call::new("stream").arg(trained.run()).flag("state", &fresh).reading(Stdio::piped()).start();
    running.write("{\"who\": \"s0\", \"x\": 0.5}\n");
    let _ = running.read_line();
    running.signal("TERM");
    running.wait_until(|| fresh.exists());
    assert_eq!(running.end().code, Some(130));
    // The state of one model is not that of another.
    let another = Trained::on(SeriesFile::wave(), ",target=b,window=4");
    let refused = another.stream("b,a\n1,2\n").flag("state", &state).refused();
    assert!(refused.contains("another model"), "{refused}");
    std::fs::write(&fresh, "nothing").unwrap();
    let refused = trained.stream("x\n1\n").flag("state", &fresh).refused();
    assert!(refused.contains("not the state of a stream"), "{refused}");
}

#[test]
fn a_readout_learns_from_targets_in_the_lines_and_is_written_as_a_checkpoint() {
    let options = ",id=who,columns=x,target=next,task=per-step,window=all,horizon=0";
    let trained = Trained::on(SeriesFile::of(&waves(8, 40)), options);
    // The same wave with other targets, which the training has not seen.
    let mut text = "who,x,target\n".to_owned();
    for row in 0..600 {
        let x = (f64::from(row) / 5.0).sin();
        writeln!(text, "s0,{x:.6},{:.6}", 4.0 - 3.0 * x).unwrap();
    }
    let targets: Vec<f64> = table(&text).iter().skip(1).map(|line| line[2].parse().unwrap()).collect();
    let error = |out: &str| {
        let lines = table(out);
        let late = lines.iter().skip(1).zip(&targets).skip(400);
        late.map(|(line, target)| (line[1].parse::<f64>().unwrap() - target).abs()).sum::<f64>() / 200.0
    };
    let frozen = error(&trained.stream(&text).succeed().stdout);
    for rule in ["rls", "lms"] {
        let saved = trained.folder.path().join(format!("{rule}.safetensors"));
        let done = trained.stream(&text).flag("learn", rule).flag("save", &saved).succeed();
        let learnt = error(&done.stdout);
        assert!(learnt < 0.2 * frozen, "{rule}: {learnt} {frozen}");
        // The checkpoint predicts without learning.
        let input = trained.folder.path().join("input");
        let again = Call::new("stream").arg(&saved).reading(File::open(input).unwrap()).succeed();
        assert!(error(&again.stdout) < 0.3 * frozen, "{rule}");
        Call::new("inspect").arg(&saved).succeed();
    }
    // What was learnt is not lost where the same state is taken up by a stream that does not learn, or by another rule.
    let state = trained.folder.path().join("state");
    let with_state = |text: &str| trained.stream(text).flag("state", &state);
    with_state(&text).flag("learn", "rls").succeed();
    let more = "who,x,target\ns0,0.5,2.5\n";
    let refused = with_state(more).refused();
    assert!(refused.contains("without what was learnt"), "{refused}");
    let refused = with_state(more).flag("learn", "lms").refused();
    assert!(refused.contains("another rule"), "{refused}");
    with_state(more).flag("learn", "rls").succeed();
    let refused = with_state(more).flag("learn", "rls").flag("save", &state).refused();
    assert!(refused.contains("expected another file than --state"), "{refused}");
    // A readout that diverges ends the stream and is not written.
    let lost = trained.folder.path().join("lost.safetensors");
    let call = trained.stream(&text).flag("learn", "rls").flag("forgetting", "1e-300").flag("save", &lost);
    let done = call.end();
    assert!(done.code == Some(1) && done.stderr.contains("has diverged"), "{:?} {}", done.code, done.stderr);
    assert!(!lost.exists());
    // A target that is no number matters to a stream that learns alone.
    let bad = "who,x,target\ns0,0.5,none of them\n";
    assert!(!trained.stream(bad).succeed().stderr.contains("skipped"));
    assert!(
        trained
            .stream(bad)
            .flag("learn", "lms")
            .succeed()
            .stderr
            .contains("target: expected a finite number")
    );
    let refused = trained.stream(&text).flag("learn", "rls").flag("forgetting", "1.5").refused();
    assert!(refused.contains("above 0 and up to 1"), "{refused}");
    let refused = trained.stream(&text).flag("save", "x.safetensors").end();
    assert!(refused.code == Some(2) && refused.stderr.contains("--learn"), "{}", refused.stderr);
}

#[test]
fn a_header_that_lacks_a_column_ends_the_stream_and_a_reader_that_leaves_does_not_fail_it() {
    let trained = Trained::on(SeriesFile::wave(), ",time=t,target=b,window=4");
    for (text, said) in [("t,b\n1,2\n", "line 1: expected a first line"), ("1,2,3\n", "t")] {
        let refused = trained.stream(text).refused();
        assert!(refused.contains(said) && refused.contains("JSON"), "{refused}");
    }
    let quiet = trained.stream("t,b,a\n1,2\n2,1,1\n").succeed();
    assert!(quiet.stderr.contains("line 2 is skipped: expected 3 cells"), "{}", quiet.stderr);
    assert_eq!(trained.stream("").succeed().stdout, "");
    let state = trained.folder.path().join("state");
    let mut running =
        Call::new("stream").arg(trained.run()).flag("state", &state).reading(Stdio::piped()).start();
    running.stop_reading();
    running.write("{\"t\": 1, \"b\": 1, \"a\": 1}\n");
    running.wait_until(|| state.exists());
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn rows_far_from_those_of_the_training_are_named() {
    let trained = Trained::on(SeriesFile::wave(), ",columns=a,target=b,window=4");
    let far: Vec<String> = (0..150).map(|row| (1e6 + f64::from(row)).to_string()).collect();
    let done = trained.stream(&format!("a\n{}\n", far.join("\n"))).succeed();
    assert!(done.stderr.contains("warning: row"), "{}", done.stderr);
}
