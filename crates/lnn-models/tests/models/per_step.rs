//! Models that predict after each step of a sequence.

use crate::{FLOAT, assert_close, checkpoint, sequence_configs};
use lnn_core::random::{randn, randn_like, seeded};
use lnn_models::{
    Error, Input, InputSpec, Mode, Model, ModelConfig, ModelKind, Per, Preset, SampleSet, Samples,
    Standardization, Task,
};
use tch::{CModule, Kind, Tensor};

fn sequences(count: i64) -> Tensor {
    seeded(1, || randn([count, 7, 3], FLOAT))
}

/// The first four, or all of the seven steps of each sequence.
fn mask() -> Tensor {
    Tensor::from_slice(&[4i64, 7, 4, 7, 7]).unsqueeze(1).gt_tensor(&Tensor::arange(7, (Kind::Int64, FLOAT.1)))
}

fn values() -> Task {
    Task::Regression { value_names: vec!["u".into(), "v".into()] }
}

fn classes() -> Task {
    Task::Classification { class_names: vec!["a".into(), "b".into(), "c".into(), "d".into()] }
}

/// A model that was fitted to forty sequences with values or labels for each step.
fn fitted(config: ModelConfig, task: Task) -> Model {
    tch::set_num_threads(1);
    let input = InputSpec { task, per: Per::Step, ..InputSpec::sequences(vec!["x".into(); 3], Vec::new()) };
    let targets = match &input.task {
        Task::Regression { .. } => sequences(40).narrow(2, 0, 2) * 7.0 + 3.0,
        Task::Classification { .. } => Tensor::zeros([40, 7], (Kind::Int64, FLOAT.1)),
    };
    let mut model = Model::new(config, input, Standardization::Channels, 0, FLOAT).unwrap();
    let set = SampleSet::Stored(Samples { input: Input::new(sequences(40) + 2.0), targets });
    model.fit(&set).unwrap();
    model
}

fn run(model: &Model, input: Input) -> Tensor {
    tch::no_grad(|| model.run(input, Mode::Evaluation).unwrap().prediction)
}

#[test]
fn the_prediction_after_each_step_is_that_of_the_model_run_step_by_step() {
    for config in sequence_configs() {
        for task in [values(), classes()] {
            let model = fitted(config.clone(), task);
            let x = sequences(5);
            let whole = run(&model, Input::new(x.shallow_clone()));
            assert_eq!(whole.size(), [5, 7, model.task().outputs()]);
            let mut state = model.start(5).unwrap();
            for t in 0..7 {
                let (prediction, next) = tch::no_grad(|| model.step(&x.select(1, t), None, &state).unwrap());
                assert_close(&prediction, &whole.select(1, t), &format!("step {t} of {config:?}"));
                state = next;
            }
        }
    }
}

#[test]
fn steps_that_do_not_count_change_neither_the_others_nor_the_loss() {
    for config in sequence_configs() {
        let model = fitted(config, values());
        let x = sequences(5);
        let noise = seeded(9, || randn_like(&x)) * 1e3;
        let kept = mask().unsqueeze(2);
        let disturbed = x.where_self(&kept, &(&x + noise));
        let input = |x: &Tensor| Input { mask: Some(mask()), ..Input::new(x.shallow_clone()) };
        let [expected, found] = [&x, &disturbed].map(|x| run(&model, input(x)));
        let counted = |prediction: &Tensor| prediction * &kept;
        assert_close(&counted(&found), &counted(&expected), "the steps that count");
        let targets = sequences(5).narrow(2, 0, 2);
        let wrong = targets.where_self(&kept, &(&targets + 100.0));
        let loss =
            |prediction: &Tensor, targets: &Tensor| model.loss(prediction, targets, Some(&mask()), 0.0);
        assert_close(&loss(&found, &wrong), &loss(&expected, &targets), "the loss");
        assert!(
            loss(&expected, &wrong.where_self(&kept.logical_not(), &(&targets + 100.0))).double_value(&[])
                > 1.0
        );
    }
}

#[test]
fn the_exported_module_predicts_after_each_step() {
    for config in sequence_configs() {
        let model = fitted(config.clone(), values());
        let bytes = checkpoint(&model).to_torchscript(serde_json::Value::Null).unwrap();
        let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
        let x = sequences(5);
        let expected = run(&model, Input::new(x.shallow_clone()));
        assert_close(&module.forward_ts(&[x]).unwrap(), &expected, &format!("{config:?}"));
    }
}

#[test]
fn images_have_one_target() {
    let input = InputSpec { per: Per::Step, ..InputSpec::images([1, 9, 9], vec!["a".into(), "b".into()]) };
    let liquid = ModelKind::Liquid.preset(Preset::Tuned).unwrap();
    let refused = Model::new(liquid, input, Standardization::Channels, 0, FLOAT).unwrap_err();
    assert!(
        matches!(&refused, Error::Config { .. }) && refused.to_string().contains("per image"),
        "{refused}"
    );
}
