//! Timing works: what is printed, and what is refused.

use crate::program::Call;
use crate::run_contents::json_lines;

/// A call that measures as shortly as it can.
fn short(works: &[&str]) -> Call {
    Call::new("bench").args(works).flag("seconds", "0.001")
}

#[test]
fn a_work_is_timed_at_all_it_can_do() {
    let ended = short(&["liquid"]).flag("shape", "2,3,2,4").arg("--json").succeed();
    let lines = json_lines(&ended.stdout);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, pass) in lines.iter().zip(["train", "inference"]) {
        assert_eq!(line["type"], "bench");
        let data = &line["data"];
        assert_eq!((&data["work"], &data["pass"]), (&"liquid".into(), &pass.into()));
        assert_eq!(data["shape"], serde_json::json!([2, 3, 2, 4]));
        assert_eq!((&data["threads"], &data["device"]), (&1.into(), &"cpu".into()));
        let number = |key: &str| data[key].as_f64().unwrap_or_else(|| panic!("{key} in {data}"));
        assert!(number("min_s") > 0.0 && number("min_s") <= number("median_s"), "{data}");
        assert!((number("step_s") * 3.0 / number("median_s") - 1.0).abs() < 1e-9, "{data}");
        assert!((number("steps_per_s") * number("step_s") - 1.0).abs() < 1e-9, "{data}");
        assert!(number("repetitions") >= 3.0 && number("peak_memory_mb") > 1.0, "{data}");
    }
}

/// The loop holds the drives, the states and what it saved, and no step more than the one before.
#[test]
fn a_training_step_takes_the_memory_of_its_tensors_and_not_of_gaps_between_them() {
    let ended = Call::new("bench").args(["liquid", "--pass", "train", "--shape", "64,400,1,128", "--json"]);
    let ended = ended.flag("seconds", "1").succeed();
    let added = json_lines(&ended.stdout)[0]["data"]["added_memory_mb"].as_f64();
    let tensor = f64::from(64 * 400 * 128 * 4) / 1024.0 / 1024.0;
    if let Some(added) = added {
        assert!(added < 5.0 * tensor, "{added} MB, where one of its tensors has {tensor} MB");
    }
}

#[test]
fn every_kind_of_work_gives_a_row() {
    for (work, shape, rows) in [
        ("spiking", "2,3,4,5", 2),
        ("leaky", "1,5,2,8", 1),
        ("stream", "1,1,2,3", 1),
        ("cllnn", "2,1,8,8", 2),
        ("model:lnn:tuned", "2,1,8,8", 2),
    ] {
        let ended = short(&[work]).flag("shape", shape).succeed();
        let lines: Vec<&str> = ended.stdout.lines().collect();
        assert_eq!(lines.len(), 1 + rows, "{work}: {}", ended.stdout);
        assert!(lines[0].starts_with("work ") && lines[1].contains(shape), "{}", ended.stdout);
        assert_eq!(ended.stderr, "", "{work}");
    }
}

#[test]
fn the_works_are_listed_for_people_and_for_programs() {
    let text = Call::new("bench").arg("--list").succeed().stdout;
    assert!(
        text.contains("liquid ") && text.contains("64,28,28,128") && text.contains("cllnn is short"),
        "{text}"
    );
    let works = json_lines(&Call::new("bench").args(["--list", "--json"]).succeed().stdout);
    assert!(works.iter().any(|work| work["data"]["work"] == "model:cifar:conv"), "{works:?}");
}

#[test]
fn what_cannot_be_timed_is_refused_before_anything_is() {
    let cases: [(&[&str], &str); 10] = [
        (&[], "<WORK>"),
        (&["liqid"], "did you mean `liquid`?"),
        (&["weather"], "`lnn-cli bench --list` shows all"),
        (&["liquid", "--cuda-graph", "--device", "cpu"], "--cuda-graph: expected a CUDA device"),
        (&["liquid", "--shape", "64,28"], "four whole numbers"),
        (&["liquid", "--shape", "-1,28,28,128"], "found -1"),
        (&["liquid", "spiking", "--shape", "2,2,2,2"], "--shape: expected one work"),
        (&["stream", "--shape", "1,9,2,3"], "expected B,1,I,H, found 9 steps"),
        (&["leaky", "--pass", "train"], "leaky does not train"),
        (&["liquid", "--seconds", "0"], "--seconds: expected above 0"),
    ];
    for (arguments, expected) in cases {
        let message = Call::new("bench").args(arguments).refused();
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    let message = short(&["cllnn", "--json"]).flag("shape", "2,1,4,4").refused();
    assert!(message.contains("too small"), "{message}");
}
