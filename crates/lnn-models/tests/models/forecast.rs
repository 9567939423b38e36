//! Predictions that are fed back.

use crate::{FLOAT, sequence_configs};
use lnn_core::random::{randn, seeded};
use lnn_models::{
    Input, InputSpec, Mode, Model, ModelConfig, Per, SampleSet, Samples, Standardization, Training,
};
use tch::{Kind, Tensor};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A model of the features a, b, c that predicts b and a.
fn model(config: ModelConfig, per: Per) -> Model {
    tch::set_num_threads(1);
    let input = InputSpec { per, ..InputSpec::sequences(names(&["a", "b", "c"]), names(&["b", "a"])) };
    let mut model = Model::new(config, input, Standardization::Channels, 0, FLOAT).unwrap();
    let x = seeded(0, || randn([20, 8, 3], FLOAT)) * 2.0 + 1.0;
    let targets = match per {
        Per::Sequence => x.select(1, 7).narrow(1, 0, 2),
        Per::Step => x.narrow(2, 0, 2),
    };
    model.fit(&SampleSet::Stored(Samples { input: Input::new(x.shallow_clone()), targets })).unwrap();
    model
}

/// Twelve known rows, and five to come of which c alone is known.
fn series() -> [Tensor; 2] {
    let all = seeded(5, || randn([1, 17, 3], (Kind::Double, FLOAT.1)));
    let future = all.narrow(1, 12, 5).copy();
    let _ = future.narrow(2, 0, 2).fill_(f64::NAN);
    [all.narrow(1, 0, 12), future]
}

fn run(model: &Model, x: &Tensor) -> Tensor {
    let prediction =
        tch::no_grad(|| model.run(Input::new(x.shallow_clone()), Mode::Evaluation).unwrap().prediction);
    prediction.select(0, 0)
}

#[test]
fn each_row_is_the_prediction_of_what_the_model_sees_before_it_with_predictions_fed_back() {
    for config in sequence_configs() {
        for (per, horizon) in [(Per::Sequence, 1), (Per::Step, 1), (Per::Sequence, 3)] {
            let model = model(config.clone(), per);
            let [history, future] = series();
            let training = Training { window: Some(6), horizon };
            let found =
                model.forecast(&Input::new(history.copy()), &Input::new(future.copy()), training).unwrap();
            let rows = Tensor::cat(&[&history, &future], 1);
            for s in 0..5 {
                let end = 12 + s - horizon + 1;
                let first = if model.carries_state(training) { 0 } else { end - 6 };
                let prediction = run(&model, &rows.narrow(1, first, end - first));
                let prediction = if per == Per::Step { prediction.select(0, -1) } else { prediction };
                assert!(
                    (found.get(s) - &prediction).abs().max().double_value(&[]) < 1e-4,
                    "row {s} of {config:?}"
                );
                let row = rows.select(1, 12 + s).select(0, 0);
                row.narrow(0, 0, 1).copy_(&prediction.narrow(0, 1, 1));
                row.narrow(0, 1, 1).copy_(&prediction.narrow(0, 0, 1));
            }
        }
    }
}

#[test]
fn a_model_of_whole_series_carries_its_state_on() {
    for config in sequence_configs() {
        for horizon in [1, 2] {
            let model = model(config.clone(), Per::Step);
            let [history, future] = series();
            let training = Training { window: None, horizon };
            let found =
                model.forecast(&Input::new(history.copy()), &Input::new(future.copy()), training).unwrap();
            // All rows at once, filled with what was found.
            let filled = future.copy();
            filled.narrow(2, 0, 1).copy_(&found.narrow(1, 1, 1).unsqueeze(0));
            filled.narrow(2, 1, 1).copy_(&found.narrow(1, 0, 1).unsqueeze(0));
            let all = run(&model, &Tensor::cat(&[&history, &filled], 1));
            let expected = all.narrow(0, 12 - horizon, 5);
            assert!((found - expected).abs().max().double_value(&[]) < 1e-4, "{config:?}");
        }
    }
}

#[test]
fn forecasts_from_several_starts_are_those_from_each_of_them() {
    for config in sequence_configs() {
        for (per, window, horizon) in [
            (Per::Sequence, Some(6), 1),
            (Per::Sequence, Some(6), 2),
            (Per::Step, None, 1),
            (Per::Step, None, 3),
        ] {
            let model = model(config.clone(), per);
            let series = seeded(5, || randn([1, 17, 3], (Kind::Double, FLOAT.1)));
            let training = Training { window, horizon };
            let starts = [8, 9, 12];
            let found = model.backtest(&Input::new(series.copy()), &starts, 5, training).unwrap();
            assert_eq!(found.size(), [3, 5, 2]);
            for (place, start) in (0..).zip(starts) {
                let future = series.narrow(1, start, 5).copy();
                let _ = future.narrow(2, 0, 2).fill_(f64::NAN);
                let history = Input::new(series.narrow(1, 0, start));
                let expected = model.forecast(&history, &Input::new(future), training).unwrap();
                assert!((found.get(place) - expected).abs().max().double_value(&[]) < 1e-4, "{config:?}");
            }
            let short =
                model.backtest(&Input::new(series.copy()), &[1], 5, Training { window: Some(6), horizon: 3 });
            assert!(short.is_err() || per == Per::Step);
        }
    }
}

#[test]
fn what_cannot_be_forecast_is_refused_with_what_is_missing() {
    let model = model(sequence_configs().remove(0), Per::Sequence);
    let [history, future] = series().map(Input::new);
    let refused = |future: &Input, window, horizon| {
        model.forecast(&history, future, Training { window, horizon }).unwrap_err().to_string()
    };
    let unknown = Input::new(future.x.full_like(f64::NAN));
    assert!(refused(&unknown, Some(6), 1).contains("c: the model sees it and does not predict it"));
    assert!(refused(&future, Some(6), 0).contains("of the row that it sees"));
    assert!(refused(&future, Some(11), 3).contains("at least 13 rows of the series, found 12"));
}
