//! Rows that come in one after the other.

use crate::{FLOAT, sequence_configs};
use lnn_core::OnlineRule;
use lnn_core::random::{randn, seeded};
use lnn_models::{
    Input, InputSpec, Mode, Model, ModelConfig, Per, SampleSet, Samples, Standardization, Stream, Task,
    Timing, Training,
};
use tch::{Kind, Tensor};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn fitted(config: ModelConfig, input: &InputSpec) -> Model {
    tch::set_num_threads(1);
    let mut model = Model::new(config, input.clone(), Standardization::Channels, 0, FLOAT).unwrap();
    let x = seeded(0, || randn([20, 8, 2], FLOAT)) * 2.0 + 1.0;
    let targets = match (&input.task, input.per) {
        (Task::Classification { .. }, Per::Sequence) => {
            Tensor::arange(20, (Kind::Int64, FLOAT.1)).remainder(3)
        }
        (Task::Classification { .. }, Per::Step) => {
            (Tensor::arange(160, (Kind::Int64, FLOAT.1)).remainder(3)).view([20, 8])
        }
        (_, Per::Sequence) => x.select(1, 7).narrow(1, 0, 1) * 3.0,
        (_, Per::Step) => x.narrow(2, 0, 1) * 3.0,
    };
    model.fit(&SampleSet::Stored(Samples { input: Input::new(x), targets })).unwrap();
    model
}

fn model(config: ModelConfig, per: Per) -> Model {
    let timing = Some(Timing { unit: 0.5, typical_dt: 1.0 });
    fitted(config, &InputSpec { per, timing, ..InputSpec::sequences(names(&["a", "b"]), names(&["y"])) })
}

/// Eleven rows with their times.
fn rows() -> Input {
    let x = seeded(5, || randn([11, 2], (Kind::Double, FLOAT.1)));
    let dt = seeded(6, || lnn_core::random::rand([11], (Kind::Double, FLOAT.1))) + 0.1;
    Input { dt: Some(dt), ..Input::new(x) }
}

fn part(rows: &Input, first: i64, count: i64) -> Input {
    rows.map(|tensor| tensor.narrow(0, first, count))
}

/// The prediction of the model, from rest, on rows `first..end`.
fn run(model: &Model, rows: &Input, first: i64, end: i64) -> Tensor {
    let window = part(rows, first, end - first).map(|tensor| tensor.unsqueeze(0));
    let prediction = tch::no_grad(|| model.run(window, Mode::Evaluation).unwrap().prediction).select(0, 0);
    if model.input().per == Per::Step { prediction.select(0, -1) } else { prediction }
}

#[test]
fn after_each_row_the_prediction_is_that_of_the_window_that_ends_there() {
    for config in sequence_configs() {
        for (per, window) in
            [(Per::Sequence, Some(4)), (Per::Sequence, None), (Per::Step, Some(4)), (Per::Step, None)]
        {
            let model = model(config.clone(), per);
            let training = Training { window, horizon: 1 };
            let rows = rows();
            let mut stream = Stream::new(&model, training).unwrap();
            let parts = [(0, 1), (1, 1), (2, 5), (7, 4)];
            let found = parts.map(|(first, count)| stream.advance(&part(&rows, first, count), None).unwrap());
            let found = Tensor::cat(&found, 0);
            assert_eq!((found.size(), stream.rows()), (vec![11, 1], 11));
            for row in 0..11 {
                let first = match window {
                    Some(window) if !model.carries_state(training) => row + 1 - window,
                    _ => 0,
                };
                let prediction = found.get(row);
                if first < 0 {
                    assert!(prediction.isnan().all().int64_value(&[]) == 1);
                    continue;
                }
                let difference =
                    (prediction - run(&model, &rows, first, row + 1)).abs().max().double_value(&[]);
                assert!(difference < 1e-4, "row {row}, {window:?}, {per:?}: {difference}, {config:?}");
            }
        }
    }
}

#[test]
fn the_time_before_the_first_row_is_that_of_the_second_or_the_typical_one() {
    let config = sequence_configs().remove(0);
    let unknown = rows();
    let _ = unknown.dt.as_ref().unwrap().narrow(0, 0, 1).fill_(f64::NAN);
    for (per, at_once) in [(Per::Sequence, true), (Per::Sequence, false), (Per::Step, true)] {
        let model = model(config.clone(), per);
        let mut stream = Stream::new(&model, Training { window: Some(3), horizon: 1 }).unwrap();
        let carried = model.carries_state(Training { window: Some(3), horizon: 1 });
        let known = unknown.map(Tensor::copy);
        let dt = known.dt.as_ref().unwrap();
        let first = if carried { 0.5 } else { dt.double_value(&[1]) };
        let _ = dt.narrow(0, 0, 1).fill_(first);
        let found = if at_once {
            stream.advance(&part(&unknown, 0, 3), None).unwrap().get(2)
        } else {
            let mut each = (0..3).map(|row| stream.advance(&part(&unknown, row, 1), None).unwrap());
            each.nth(2).unwrap().get(0)
        };
        assert!((found - run(&model, &known, 0, 3)).abs().max().double_value(&[]) < 1e-4);
    }
}

#[test]
fn a_stream_that_is_restored_goes_on_as_the_whole_one() {
    for config in sequence_configs() {
        for (per, rule) in [(Per::Sequence, None), (Per::Step, Some(OnlineRule::Rls { forgetting: 0.99 }))] {
            let model = model(config.clone(), per);
            let stream = || {
                let mut stream = Stream::new(&model, Training { window: Some(4), horizon: 1 }).unwrap();
                if let Some(rule) = rule {
                    stream.learn(rule, 2).unwrap();
                }
                stream
            };
            let rows = rows();
            let targets = seeded(3, || randn([11, 1], (Kind::Double, FLOAT.1)));
            let of = |stream: &mut Stream<'_>, first, count| {
                stream.advance(&part(&rows, first, count), Some(&targets.narrow(0, first, count))).unwrap()
            };
            let (mut whole, mut begun, mut resumed) = (stream(), stream(), stream());
            let expected = of(&mut whole, 0, 11);
            let _ = of(&mut begun, 0, 6);
            resumed.restore(&begun.tensors()).unwrap();
            let found = of(&mut resumed, 6, 5);
            assert!((found - expected.narrow(0, 6, 5)).abs().max().double_value(&[]) < 1e-4, "{config:?}");
            assert_eq!(resumed.rows(), 11);
        }
    }
}

#[test]
fn a_readout_learns_what_arrives_later() {
    for config in sequence_configs() {
        for rule in [OnlineRule::Rls { forgetting: 0.999 }, OnlineRule::Lms { rate: 0.5 }] {
            let model = model(config.clone(), Per::Step);
            let mut stream = Stream::new(&model, Training { window: None, horizon: 0 }).unwrap();
            stream.learn(rule, 3).unwrap();
            let x = seeded(5, || randn([1500, 2], (Kind::Double, FLOAT.1)));
            let dt = Tensor::full([1500], 0.5, (Kind::Double, FLOAT.1));
            let rows = Input { dt: Some(dt), ..Input::new(x.shallow_clone()) };
            // The target of a row arrives three rows later.
            let wanted = x.narrow(1, 0, 1) * 0.2 + 9.0;
            let targets = wanted.roll([3], [0]);
            let _ = targets.narrow(0, 0, 3).fill_(f64::NAN);
            let found = stream.advance(&rows, Some(&targets)).unwrap();
            let error = |first: i64, count| {
                let difference = (&found - &wanted).narrow(0, first, count);
                difference.square().mean(Kind::Double).double_value(&[])
            };
            assert!(error(1200, 300) < 0.1 * error(0, 3), "{rule:?}: {} {}", error(0, 3), error(1200, 300));
            // The model has it only when it is told to keep it.
            let before = run(&model, &rows, 0, 1500).double_value(&[0]);
            stream.keep_what_was_learnt().unwrap();
            let last = found.double_value(&[1499, 0]);
            let after = run(&model, &rows, 0, 1500).double_value(&[0]);
            assert!((after - last).abs() < 1e-2, "{rule:?}: {before} {after} {last}, {config:?}");
            assert!((before - last).abs() > 1e-3, "{rule:?}: {before} {after} {last}, {config:?}");
        }
    }
}

#[test]
fn classes_are_learnt_by_lms_alone() {
    for config in sequence_configs() {
        let classes = Task::Classification { class_names: names(&["k", "l", "m"]) };
        let input = InputSpec {
            per: Per::Step,
            task: classes,
            ..InputSpec::sequences(names(&["a", "b"]), Vec::new())
        };
        let model = fitted(config, &input);
        let mut stream = Stream::new(&model, Training { window: None, horizon: 0 }).unwrap();
        let refused = stream.learn(OnlineRule::Rls { forgetting: 0.99 }, 0).unwrap_err().to_string();
        assert!(refused.contains("lms"), "{refused}");
        stream.learn(OnlineRule::Lms { rate: 0.5 }, 0).unwrap();
        let rows = Input::new(Tensor::ones([200, 2], (Kind::Double, FLOAT.1)));
        let targets = Tensor::full([200], 2, (Kind::Int64, FLOAT.1));
        let _ = targets.narrow(0, 0, 3).fill_(-1);
        let found = stream.advance(&rows, Some(&targets)).unwrap();
        assert_eq!(found.get(199).argmax(0, false).int64_value(&[]), 2);
        let probability = |row| found.get(row).softmax(0, Kind::Double).double_value(&[2]);
        assert!(probability(199) > 0.9 && probability(0) < 0.9);
    }
}

#[test]
fn a_state_of_another_stream_and_rows_that_do_not_fit_are_refused() {
    let config = sequence_configs().remove(0);
    let [sequence, step] = [Per::Sequence, Per::Step].map(|per| model(config.clone(), per));
    let training = Training { window: Some(4), horizon: 1 };
    let mut of_windows = Stream::new(&sequence, training).unwrap();
    let mut of_whole = Stream::new(&step, Training { window: None, horizon: 1 }).unwrap();
    let _ = of_windows.advance(&rows(), None).unwrap();
    let _ = of_whole.advance(&rows(), None).unwrap();
    assert!(of_whole.restore(&of_windows.tensors()).is_err());
    assert!(of_windows.restore(&of_whole.tensors()).is_err());
    let mut learning = Stream::new(&step, Training { window: None, horizon: 1 }).unwrap();
    learning.learn(OnlineRule::Lms { rate: 0.1 }, 1).unwrap();
    assert!(learning.restore(&of_whole.tensors()).unwrap_err().to_string().contains("did not learn"));
    let infinite = Input { dt: rows().dt, ..Input::new(rows().x.full_like(f64::INFINITY)) };
    assert!(of_whole.advance(&infinite, None).is_err());
}
