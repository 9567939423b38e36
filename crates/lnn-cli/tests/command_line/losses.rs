//! The losses of values, and the weights of classes.

use crate::program::Call;
use crate::run_contents::{assert_same_run, config, json_lines, metrics};
use crate::series_files::SeriesFile;
use crate::trained_runs::{LNN_ARTICLE, shared_data};
use serde_json::{Value, json};
use std::path::Path;

fn train(file: &SeriesFile, out: &Path) -> Call {
    let data = file.spec(",time=t,target=b,window=8");
    let call = Call::new("train").flag("model", "gru").flag("data", data).flag("out", out);
    call.set("model.units=4").flag("epochs", "3")
}

fn evaluated(run: &Path) -> Value {
    let text = Call::new("eval").arg(run).arg("--json").succeed().stdout;
    json_lines(&text).last().unwrap()["data"].clone()
}

/// The deviation of the value is the same in all runs, and the loss is the error in units of it.
#[test]
fn the_loss_that_is_reported_is_the_one_that_trains() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let found = |name: &str| {
        let run = folder.path().join(name);
        train(&file, &run).set(&format!("loss={name}")).succeed();
        let found = evaluated(&run);
        let number = |value: &Value| value.as_f64().unwrap();
        let target = &found["targets"][0];
        (number(&found["loss"]), number(&target["mse"]), number(&target["mae"]))
    };
    let (loss, mse, _) = found("mse");
    let deviation = (mse / loss).sqrt();
    let (loss, other, mae) = found("mae");
    assert!((mae / loss - deviation).abs() < 1e-4 * deviation, "{mae} / {loss} is not {deviation}");
    assert!((other - mse).abs() > 1e-6, "the loss changes no weights");
    // Of small errors alone the loss of Huber is half the square.
    let run = folder.path().join("huber");
    train(&file, &run).set("loss=huber").set("loss.delta=1000").succeed();
    let huber = evaluated(&run);
    let [loss, mse] = [&huber["loss"], &huber["targets"][0]["mse"]].map(|value| value.as_f64().unwrap());
    assert!((2.0 * loss * deviation * deviation - mse).abs() < 1e-4 * mse);
    assert_eq!(config(&run)["loss"], json!({"kind": "huber", "delta": 1000.0}));
}

#[test]
fn a_run_with_another_loss_is_resumed_as_if_it_had_not_stopped() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    train(&file, &whole).set("loss=mae").succeed();
    train(&file, &parts).set("loss=mae").flag("pause-after", "1").succeed();
    Call::new("train").flag("resume", &parts).succeed();
    assert_same_run(&whole, &parts);
}

#[test]
fn losses_that_do_not_fit_are_refused() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    let refused = |assignment: &str| train(&file, &run).set(assignment).refused();
    assert!(
        refused("loss=foo").contains("expected one of `mse`, `mae`, `huber`, `quantile`"),
        "{}",
        refused("loss=foo")
    );
    let wrong = r#"loss={"kind": "huber", "delta": -1}"#;
    assert!(refused(wrong).contains("expected a finite delta above 0, found -1"), "{}", refused(wrong));
    let balanced = refused("class_weights=balanced");
    assert!(balanced.contains("class_weights=balanced is for classes"), "{balanced}");
    let classes = LNN_ARTICLE.train(&run).flag("data", shared_data());
    let refused = classes.set("loss=mae").refused();
    assert!(refused.contains("loss=mae is for values"), "{refused}");
    let refused = LNN_ARTICLE.train(&run).flag("data", shared_data()).set("loss=quantile").refused();
    assert!(refused.contains("loss=quantile is for values"), "{refused}");
    let series = Call::new("train").flag("model", "lnn").flag("data", file.spec(",target=b,window=8"));
    let refused = series.flag("out", &run).flag("readout", "ridge").set("loss=huber").refused();
    assert!(
        refused.contains("loss=huber: a readout in closed form has the least mean squared error"),
        "{refused}"
    );
    let classes = LNN_ARTICLE.train(&run).flag("data", shared_data()).flag("readout", "ridge");
    let refused = classes.set("class_weights=balanced").refused();
    assert!(refused.contains("class_weights=balanced: a readout in closed form"), "{refused}");
    assert!(!run.exists());
}

/// With one step an epoch the first loss is that of the weights that were drawn, which the weights of classes do not change.
#[test]
fn the_weights_of_classes_change_the_training_and_not_what_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..200)
        .map(|row| format!("{},{}\n", f64::from(row % 7).sin(), if row % 7 == 0 { "rare" } else { "usual" }))
        .collect();
    let file = SeriesFile::of(&("x,kind\n".to_owned() + &rows.concat()));
    let found = ["equal", "balanced"].map(|weights| {
        let run = folder.path().join(weights);
        let data = file.spec(",label=kind,task=per-step,window=10");
        let call = Call::new("train").flag("model", "gru").flag("data", data).flag("out", &run);
        let call = call.set("model.units=4").set(&format!("class_weights={weights}")).set("batch_size=100");
        call.flag("epochs", "12").set("optimizer.learning_rate=0.05").succeed();
        let losses: Vec<f64> = metrics(&run).iter().map(|line| line["loss"].as_f64().unwrap()).collect();
        (losses, evaluated(&run))
    });
    assert!((found[0].0[0] - found[1].0[0]).abs() < 1e-6, "{found:?}");
    assert!((found[0].0[5] - found[1].0[5]).abs() > 1e-4, "{found:?}");
}
