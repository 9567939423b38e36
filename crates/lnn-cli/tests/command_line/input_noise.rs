//! Noise on the input in training, and the samples of a forecast that it allows.

use crate::program::Call;
use crate::run_contents::{assert_same_run, config};
use crate::series_files::SeriesFile;
use std::path::Path;

fn train(model: &str, file: &SeriesFile, out: &Path) -> Call {
    let data = file.spec(",time=t,target=b+a,columns=a+b,window=8");
    let call = Call::new("train").flag("model", model).flag("data", data).flag("out", out);
    if model == "lnn" { call } else { call.set("model.units=8").flag("epochs", "3") }
}

fn forecast(run: &Path, samples: &[&str]) -> Vec<Vec<String>> {
    let call = Call::new("forecast").arg(run).flag("steps", "6");
    let text = samples.iter().fold(call, Call::arg).succeed().stdout;
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap()
}

#[test]
fn samples_spread_by_the_noise_of_the_training_around_the_forecast() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train("gru", &file, &run).set("input_noise=0.05").succeed();
    let table = forecast(&run, &["--samples", "2000"]);
    assert_eq!(table[0], ["t", "b", "a", "b_q0.1", "a_q0.1", "b_q0.9", "a_q0.9"]);
    let plain = forecast(&run, &[]);
    assert!(table.iter().zip(&plain).all(|(row, plain)| row[..3] == plain[..]));
    // The first row is the prediction under the noise alone: 2 · 1.2816 deviations lie between both quantiles. Sine and cosine have a deviation
    // of about 0.7, the cosine is five times as large.
    for (column, deviation) in [(1, 5.0 * 0.7), (2, 0.7)] {
        let [low, middle, high] = [column + 2, column, column + 4].map(|place| number(&table[1][place]));
        let expected = 2.0 * 1.2816 * 0.05 * deviation;
        assert!(
            ((high - low) / expected - 1.0).abs() < 0.15,
            "{low} {middle} {high}, expected {expected} apart"
        );
        assert!((high + low - 2.0 * middle).abs() < 0.2 * expected);
    }
    assert_eq!(forecast(&run, &["--samples", "2000", "--seed", "0"]), table);
    assert_ne!(forecast(&run, &["--samples", "2000", "--seed", "1"]), table);
    let picture = folder.path().join("f.svg");
    forecast(&run, &["--samples", "20", "--picture", picture.to_str().unwrap()]);
    assert!(std::fs::read_to_string(picture).unwrap().contains("of the samples"));
}

#[test]
fn without_noise_in_training_there_is_nothing_to_sample() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let run = folder.path().join("run");
    train("gru", &file, &run).succeed();
    let refused = Call::new("forecast").arg(&run).flag("steps", "2").flag("samples", "50").refused();
    assert!(refused.contains("trained without noise") && refused.contains("input_noise=0.01"), "{refused}");
    let other = folder.path().join("other");
    for value in ["-0.1", "\"much\""] {
        train("gru", &file, &other).set(&format!("input_noise={value}")).refused();
    }
    assert!(!other.exists());
}

#[test]
fn a_noisy_run_is_resumed_as_if_it_had_not_stopped() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    let [whole, parts, clean] = ["whole", "parts", "clean"].map(|name| folder.path().join(name));
    train("gru", &file, &whole).set("input_noise=0.1").succeed();
    train("gru", &file, &parts).set("input_noise=0.1").flag("pause-after", "1").succeed();
    Call::new("train").flag("resume", &parts).succeed();
    assert_same_run(&whole, &parts);
    train("gru", &file, &clean).succeed();
    assert_ne!(forecast(&whole, &[]), forecast(&clean, &[]));
}

#[test]
fn a_reservoir_trains_its_readout_on_noisy_states_by_ridge_and_by_gradients() {
    let (folder, file) = (tempfile::tempdir().unwrap(), SeriesFile::wave());
    for readout in ["ridge", "gradient"] {
        let [clean, noisy, again] =
            ["clean", "noisy", "again"].map(|name| folder.path().join(readout).join(name));
        for (run, noise) in [(&clean, "0"), (&noisy, "0.1"), (&again, "0.1")] {
            let call = train("lnn", &file, run).flag("readout", readout);
            call.set(&format!("input_noise={noise}")).succeed();
        }
        assert_eq!(forecast(&noisy, &[]), forecast(&again, &[]), "{readout}");
        assert_ne!(forecast(&noisy, &[]), forecast(&clean, &[]), "{readout}");
        assert_eq!(forecast(&noisy, &["--samples", "10"])[0].len(), 7);
    }
    assert_eq!(config(&folder.path().join("ridge/noisy"))["input_noise"], 0.1);
}
