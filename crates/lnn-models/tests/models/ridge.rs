//! The readout of series in closed form.

use crate::assert_close;
use lnn_core::random::{rand, randn, seeded};
use lnn_core::{Role, steps_where};
use lnn_models::{
    Error, Input, InputSpec, LnnConfig, Mode, Model, ModelConfig, Per, RidgeStart, SampleSet, Samples,
    Standardization, Summary, Task,
};
use tch::{Device, Kind, Tensor};

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);
const START: RidgeStart = RidgeStart { regularization: 1e-6, scale: 8.0 };

fn small(washout: i64) -> LnnConfig {
    let mut config = LnnConfig { washout, ..LnnConfig::series() };
    config.reservoir.units = 40;
    config
}

/// A fitted model of series of two features with one value, or two classes.
fn fitted(config: &LnnConfig, per: Per, samples: &Samples) -> Model {
    tch::set_num_threads(1);
    let input = InputSpec { per, ..InputSpec::sequences(vec!["a".into(), "b".into()], vec!["y".into()]) };
    let task = Task::Classification { class_names: vec!["low".into(), "high".into()] };
    let input = if samples.targets.kind() == Kind::Int64 { InputSpec { task, ..input } } else { input };
    let config = ModelConfig::Lnn(config.clone());
    let mut model = Model::new(config, input, Standardization::Channels, 0, DOUBLE).unwrap();
    model.fit(&SampleSet::Stored(samples.shallow_clone())).unwrap();
    solve(&model, samples, START.regularization);
    model
}

/// Solves for the readout, in blocks of three series.
fn solve(model: &Model, samples: &Samples, lambda: f64) {
    let readout = model.readout().unwrap();
    let mut fit = readout.fit(Some(START), Device::Cpu).unwrap();
    for start in (0..samples.len()).step_by(3) {
        let block = samples.narrow(start, 3.min(samples.len() - start));
        let features = model.front(block.input.shallow_clone()).unwrap();
        let [rows, targets] = model.readout_rows(&features, &block);
        fit.add(&rows, &targets).unwrap();
    }
    let system = fit.system().unwrap().expect("some targets count");
    readout.set(&system.solve(lambda * system.mean_diagonal()).unwrap()).unwrap();
}

fn predict(model: &Model, input: Input) -> Tensor {
    tch::no_grad(|| model.run(input, Mode::Evaluation).unwrap().prediction)
}

/// Eight series of thirty steps with a target at each: the product of the first feature two and three steps before.
fn steps() -> Samples {
    let x = seeded(1, || randn([8, 30, 2], DOUBLE));
    let a = x.select(2, 0);
    let targets = (a.roll([2], [1]) * a.roll([3], [1]) * 5.0 + 70.0).unsqueeze(2);
    Samples { input: Input::new(x), targets }
}

fn trainable(model: &Model) -> Vec<Tensor> {
    let entries = model.parameters().entries().iter().filter(|entry| entry.role == Role::Trainable);
    entries.map(|entry| entry.tensor.detach().copy()).collect()
}

#[test]
fn the_readout_of_each_step_has_the_least_error_over_the_steps_that_count() {
    let samples = steps();
    let mask = seeded(2, || rand([8, 30], DOUBLE)).lt(0.8);
    let missing = seeded(3, || rand([8, 30], DOUBLE)).lt(0.1);
    let targets = samples.targets.masked_fill(&missing.unsqueeze(2), f64::NAN);
    let input = Input { mask: Some(mask.shallow_clone()), ..samples.input.shallow_clone() };
    let samples = Samples { input, targets };
    let config = LnnConfig { standardize: false, ..small(4) };
    let model = fitted(&config, Per::Step, &samples);
    // The first four steps that are not masked are the washout.
    let late = mask.cumsum(1, Kind::Int64).gt(4);
    let counts = mask.logical_and(&missing.logical_not()).logical_and(&late);
    assert_eq!(model.training_counts(&samples).unwrap(), counts);
    // Least squares by another way: the gradient of the regularised error is zero at the solution.
    let features = model.front(samples.input.shallow_clone()).unwrap().x;
    let rows = |tensor: &Tensor| steps_where(tensor, &counts).squeeze_dim(1);
    let (z, y) = (rows(&features), rows(&samples.targets));
    let residual = y - rows(&predict(&model, samples.input.shallow_clone()));
    let centred = &z - z.mean_dim(0, true, Kind::Double);
    let [weight, ..] = &trainable(&model)[..] else { unreachable!() };
    let deviation = z.std_dim(0, false, true);
    let unit = model.parameters().entries().iter().find(|entry| entry.name.ends_with("value_deviation"));
    let unit = unit.unwrap().tensor.double_value(&[0]);
    let pull = weight * deviation.square() * START.regularization;
    let push = (residual / unit * centred).mean_dim(0, true, Kind::Double);
    assert_close(&push, &pull, "the gradient");
    assert!(push.abs().max().double_value(&[]) < 1e-4 && pull.abs().max().double_value(&[]) > 1e-9);
}

#[test]
fn what_stands_at_steps_that_do_not_count_changes_nothing() {
    let samples = steps();
    let mask = Tensor::from_slice(&[20i64, 30, 25, 30, 30, 30, 30, 11]).unsqueeze(1);
    let mask = mask.gt_tensor(&Tensor::arange(30, (Kind::Int64, Device::Cpu)));
    let with = |padding: f64, early: f64| {
        let gone = mask.logical_not().unsqueeze(2);
        let input = Input {
            x: samples.input.x.masked_fill(&gone, padding),
            mask: Some(mask.shallow_clone()),
            ..samples.input.shallow_clone()
        };
        let targets = samples.targets.masked_fill(&gone, padding);
        let model = fitted(&small(5), Per::Step, &Samples { input, targets: targets.copy() });
        let start = trainable(&model);
        // The targets of the first steps, of another size.
        let _ = targets.narrow(1, 0, 5).fill_(early);
        let input = Input { mask: Some(mask.shallow_clone()), ..samples.input.shallow_clone() };
        solve(&model, &Samples { input, targets }, START.regularization);
        (start, trainable(&model))
    };
    let ((expected, _), (found, early)) = (with(0.0, 0.0), with(f64::NAN, 1e3));
    for ((expected, found), early) in expected.iter().zip(&found).zip(&early) {
        assert_close(found, expected, "padding");
        assert_close(early, expected, "the first steps");
    }
}

#[test]
fn a_memory_of_some_steps_is_read_out_of_deep_and_sparse_reservoirs() {
    let mut sparse = LnnConfig { layers: 2, ..small(5) };
    (sparse.reservoir.units, sparse.reservoir.density, sparse.reservoir.leak_range) =
        (150, 0.05, Some([0.3, 1.0]));
    let x = seeded(5, || randn([40, 30, 2], DOUBLE));
    let delayed = x.select(2, 0).roll([2], [1]);
    let deviation = |error: Tensor| error.square().mean(Kind::Double).double_value(&[]);
    for per in [Per::Step, Per::Sequence] {
        let targets = match per {
            Per::Step => delayed.unsqueeze(2),
            Per::Sequence => delayed.select(1, 29).unsqueeze(1),
        };
        let samples = Samples { input: Input::new(x.shallow_clone()), targets };
        let config = match per {
            Per::Step => sparse.clone(),
            Per::Sequence => LnnConfig { standardize: false, ..small(0) },
        };
        let model = fitted(&config, per, &samples);
        let error = &samples.targets - predict(&model, samples.input.shallow_clone());
        let late = if per == Per::Step { error.narrow(1, 5, 25) } else { error };
        assert!(deviation(late) < 0.1, "{per:?}");
    }
}

#[test]
fn classes_of_series_and_of_their_steps_are_read_out() {
    let x = seeded(6, || randn([60, 20, 2], DOUBLE));
    let mean = x.select(2, 0).cumsum(1, Kind::Double).gt(0.0).to_kind(Kind::Int64);
    for (per, targets) in [(Per::Step, mean.shallow_clone()), (Per::Sequence, mean.select(1, 19))] {
        let config = LnnConfig { summary: Summary::Mean, ..small(0) };
        let samples = Samples { input: Input::new(x.shallow_clone()), targets };
        let model = fitted(&config, per, &samples);
        let right =
            predict(&model, samples.input.shallow_clone()).argmax(-1, false).eq_tensor(&samples.targets);
        assert!(right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]) > 0.9, "{per:?}");
    }
}

#[test]
fn a_washout_that_leaves_no_step_is_refused() {
    let input = InputSpec::sequences(vec!["a".into(), "b".into()], vec!["y".into()]);
    let config = ModelConfig::Lnn(small(30));
    let mut model = Model::new(config, input, Standardization::Channels, 0, DOUBLE).unwrap();
    let samples = Samples { targets: steps().targets.select(1, 29), ..steps() };
    let error = model.fit(&SampleSet::Stored(samples)).unwrap_err();
    assert!(
        matches!(&error, Error::Config { .. }) && error.to_string().contains("washout must be below 30"),
        "{error}"
    );
}
