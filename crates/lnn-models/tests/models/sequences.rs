//! Models of sequences: time between steps, steps that do not count, and values in their own units.

use crate::{FLOAT, assert_close, forward, saved_and_loaded, sequence_configs};
use lnn_core::{ContractError, Role, seeded};
use lnn_models::{Error, Input, InputSpec, Mode, Model, ModelConfig, Standardization};
use tch::{Kind, Tensor};

const FEATURES: [&str; 3] = ["a", "b", "c"];
const VALUES: [&str; 2] = ["u", "v"];

/// The models of sequences whose cells have time.
fn configs() -> Vec<ModelConfig> {
    sequence_configs().into_iter().filter(|config| matches!(config, ModelConfig::Liquid(_))).collect()
}

/// Sequences `[B, 7, 3]` whose features have means and deviations of their own.
fn sequences(count: i64) -> Tensor {
    let scale = Tensor::from_slice(&[1.0f32, 10.0, 0.1]);
    seeded(1, || lnn_core::random::randn([count, 7, 3], FLOAT) * &scale + &scale)
}

/// Values `[B, 2]`.
fn values(count: i64) -> Tensor {
    seeded(2, || lnn_core::random::randn([count, 2], FLOAT))
}

/// Time steps `[B, 7]` between a half and two.
fn times(count: i64) -> Tensor {
    seeded(3, || lnn_core::random::rand([count, 7], FLOAT) * 1.5 + 0.5)
}

/// A model that was fitted to the sequences and to `targets`.
fn fitted(config: ModelConfig, targets: &Tensor) -> Model {
    tch::set_num_threads(1);
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let input = InputSpec::sequences(names(&FEATURES), names(&VALUES));
    let mut model = Model::new(config, input, Standardization::Channels, 0, FLOAT).unwrap();
    model.fit(&crate::stored(sequences(40), targets)).unwrap();
    model
}

fn build(config: ModelConfig) -> Model {
    fitted(config, &values(40))
}

fn run(model: &Model, x: &Tensor, dt: Option<&Tensor>, mask: Option<&Tensor>) -> Tensor {
    let same = |tensor: Option<&Tensor>| tensor.map(Tensor::shallow_clone);
    let input = Input { x: x.shallow_clone(), dt: same(dt), mask: same(mask) };
    tch::no_grad(|| model.run(input, Mode::Evaluation).unwrap().prediction)
}

/// `[B, 7]`, true for the first of `lengths` steps of each sequence.
fn first(lengths: &[i64]) -> Tensor {
    let steps = Tensor::arange(7, (Kind::Int64, tch::Device::Cpu)).unsqueeze(0);
    steps.lt_tensor(&Tensor::from_slice(lengths).unsqueeze(1))
}

#[test]
fn a_masked_end_is_a_shorter_sequence_whatever_stands_there() {
    for config in configs() {
        let model = build(config.clone());
        let (x, dt, mask) = (sequences(4), times(4), first(&[5; 4]));
        let short = run(&model, &x.narrow(1, 0, 5), Some(&dt.narrow(1, 0, 5)), None);
        let _ = x.narrow(1, 5, 2).fill_(f64::NAN);
        assert_close(&run(&model, &x, Some(&dt), Some(&mask)), &short, &format!("{config:?}"));
    }
}

#[test]
fn each_sequence_of_a_batch_has_its_own_length() {
    for config in configs() {
        let model = build(config.clone());
        let (x, dt, lengths) = (sequences(4), times(4), [7, 1, 4, 6]);
        let together = run(&model, &x, Some(&dt), Some(&first(&lengths)));
        for (row, length) in (0..).zip(lengths) {
            let part = |tensor: &Tensor| tensor.narrow(0, row, 1).narrow(1, 0, length);
            let alone = run(&model, &part(&x), Some(&part(&dt)), None);
            assert_close(&together.narrow(0, row, 1), &alone, &format!("{config:?}, {length} steps"));
        }
    }
}

#[test]
fn a_step_that_does_not_count_is_as_if_it_were_not_there() {
    for config in configs() {
        let model = build(config.clone());
        let (x, dt) = (sequences(4), times(4));
        let left = Tensor::from_slice(&[0_i64, 1, 3, 4, 6]);
        let mask = Tensor::zeros([4, 7], (Kind::Bool, tch::Device::Cpu)).index_fill(1, &left, 1);
        let without = run(&model, &x.index_select(1, &left), Some(&dt.index_select(1, &left)), None);
        assert_close(&run(&model, &x, Some(&dt), Some(&mask)), &without, &format!("{config:?}"));
    }
}

#[test]
fn time_matters_and_steps_of_one_unit_are_steps_without_time() {
    for config in configs() {
        let model = build(config.clone());
        let (x, dt) = (sequences(4), times(4));
        let plain = run(&model, &x, None, None);
        assert_close(&run(&model, &x, Some(&dt.ones_like()), None), &plain, &format!("{config:?}"));
        let moved = (run(&model, &x, Some(&dt), None) - &plain).abs().max().double_value(&[]);
        assert!(moved > 1e-3, "{config:?}: {moved}");
    }
}

#[test]
fn values_in_other_units_give_the_same_loss_and_predictions_in_those_units() {
    for config in configs() {
        let (targets, x) = (values(40), sequences(40));
        let others = &targets * 1000.0 + 250.0;
        let (model, other) = (fitted(config.clone(), &targets), fitted(config.clone(), &others));
        let (found, in_others) = (forward(&model, &x), forward(&other, &x));
        assert_close(&((in_others.shallow_clone() - 250.0) / 1000.0), &found, &format!("{config:?}"));
        let loss = model.loss(&found, &targets, None, 0.0);
        assert_close(&other.loss(&in_others, &others, None, 0.0), &loss, &format!("{config:?}"));
        let deviation = targets.std_dim(&[0i64][..], false, false);
        assert_close(&loss, &((found - &targets) / deviation).square().mean(Kind::Float), "in deviations");
        assert!(
            model.task().correct(&targets, &targets, None).is_none(),
            "values are neither right nor wrong"
        );
    }
}

#[test]
fn without_standardisation_the_loss_is_the_mean_squared_error() {
    let input = InputSpec::sequences(vec!["a".into(); 3], vec!["u".into(), "v".into()]);
    let config = configs().remove(0);
    let mut model = Model::new(config, input, Standardization::None, 0, FLOAT).unwrap();
    model.fit(&crate::stored(sequences(40), &(values(40) * 9.0))).unwrap();
    let found = forward(&model, &sequences(4));
    let expected = found.mse_loss(&values(4), tch::Reduction::Mean);
    assert_close(&model.loss(&found, &values(4), None, 0.3), &expected, "no smoothing of values");
}

#[test]
fn everything_that_trains_gets_a_gradient_with_time_and_mask() {
    for config in configs() {
        let model = build(config.clone());
        let input = Input { x: sequences(4), dt: Some(times(4)), mask: Some(first(&[7, 3, 4, 6])) };
        let output = model.run(input, Mode::Traced).unwrap();
        model.loss(&output.prediction, &values(4), None, 0.0).backward();
        for entry in model.parameters().entries().iter().filter(|entry| entry.role == Role::Trainable) {
            let largest = entry.tensor.grad().abs().max().double_value(&[]);
            assert!(largest > 0.0 && largest.is_finite(), "{config:?}: {}: {largest}", entry.name);
        }
        let steps = output.steps.unwrap();
        assert_eq!(steps.size(), [4, 7, 3]);
        // What is masked gets none.
        let reached = steps.grad().abs().amax([2], false).gt(0.0);
        assert_eq!(reached, first(&[7, 3, 4, 6]), "{config:?}");
    }
}

#[test]
fn a_model_of_sequences_comes_back_from_its_file() {
    for config in configs() {
        let model = build(config);
        let loaded = saved_and_loaded(&model);
        let (x, dt) = (sequences(4), times(4));
        assert_eq!(run(&loaded, &x, Some(&dt), None), run(&model, &x, Some(&dt), None));
    }
}

#[test]
fn a_batch_of_other_features_or_times_is_refused() {
    let model = build(configs().remove(0));
    let error = model.forward(&Tensor::zeros([4, 7, 2], FLOAT), false).unwrap_err();
    assert_eq!(error.to_string(), "the model takes sequences [N, T, 3], found [4, 7, 2]");
    assert!(matches!(
        model.forward(&Tensor::zeros([4, 0, 3], FLOAT), false),
        Err(Error::Contract(ContractError::Input { .. }))
    ));
    let input = Input { dt: Some(times(4).narrow(1, 0, 6)), ..Input::new(sequences(4)) };
    assert!(matches!(model.run(input, Mode::Evaluation), Err(Error::Core(_))));
}
