//! Sequences with missing values.

use crate::{FLOAT, assert_close, checkpoint, sequence_configs};
use lnn_core::random::{rand, randn, seeded};
use lnn_models::{
    Error, Input, InputSpec, Missing, Mode, Model, ModelConfig, SampleSet, Samples, Standardization,
};
use tch::{CModule, Kind, Tensor};

/// Sequences of which a third is missing, far from zero.
fn holed() -> Tensor {
    let x = seeded(1, || randn([40, 7, 3], FLOAT)) * 2.0 + 50.0;
    let missing = seeded(2, || rand([40, 7, 3], FLOAT)).lt(1.0 / 3.0);
    x.masked_fill(&missing, f64::NAN)
}

fn fitted(config: ModelConfig, missing: Missing, x: &Tensor) -> Result<Model, Error> {
    tch::set_num_threads(1);
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let input = InputSpec { missing, ..InputSpec::sequences(names, vec!["u".into()]) };
    let mut model = Model::new(config, input, Standardization::Channels, 0, FLOAT)?;
    let targets = Tensor::ones([x.size()[0], 1], FLOAT).cumsum(0, Kind::Float);
    model.fit(&SampleSet::Stored(Samples { input: Input::new(x.shallow_clone()), targets }))?;
    Ok(model)
}

fn run(model: &Model, x: &Tensor) -> Tensor {
    tch::no_grad(|| model.run(Input::new(x.shallow_clone()), Mode::Evaluation).unwrap().prediction)
}

#[test]
fn the_model_its_steps_and_its_module_agree_on_sequences_with_gaps() {
    for config in sequence_configs() {
        let model = fitted(config.clone(), Missing::Mask, &holed()).unwrap();
        let x = holed().narrow(0, 0, 5);
        let expected = run(&model, &x);
        assert_eq!(expected.isfinite().all().int64_value(&[]), 1, "{config:?}");
        let mut state = model.start(5).unwrap();
        let mut last = expected.zeros_like();
        for t in 0..7 {
            (last, state) = tch::no_grad(|| model.step(&x.select(1, t), None, &state).unwrap());
        }
        assert_close(&last, &expected, &format!("steps of {config:?}"));
        let bytes = checkpoint(&model).to_torchscript(serde_json::Value::Null).unwrap();
        let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
        assert_close(&module.forward_ts(&[x]).unwrap(), &expected, &format!("{config:?}"));
    }
}

#[test]
fn a_missing_value_is_another_thing_than_any_number() {
    for config in sequence_configs() {
        let model = fitted(config, Missing::Mask, &holed()).unwrap();
        let x = seeded(3, || randn([5, 7, 3], FLOAT)) + 50.0;
        let with = |number: f64| {
            let x = x.copy();
            let _ = x.select(2, 1).select(1, 6).fill_(number);
            run(&model, &x)
        };
        let moved = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        let missing = with(f64::NAN);
        assert!(moved(&missing, &with(50.0)) > 1e-6 && moved(&missing, &with(0.0)) > 1e-6);
    }
}

#[test]
fn nan_and_infinite_numbers_are_refused_where_nothing_may_be_missing() {
    let config = || sequence_configs().remove(0);
    let x = holed();
    let model = fitted(config(), Missing::Refused, &x.nan_to_num(50.0, 50.0, 50.0)).unwrap();
    let error = model.check(&Input::new(x.shallow_clone())).unwrap_err().to_string();
    assert!(error.contains("found NaN at") && error.contains("missing=mask"), "{error}");
    let model = fitted(config(), Missing::Mask, &x).unwrap();
    assert!(model.check(&Input::new(x.shallow_clone())).is_ok());
    let _ = x.get(3).get(2).narrow(0, 1, 1).fill_(f64::INFINITY);
    let error = model.check(&Input::new(x)).unwrap_err().to_string();
    assert!(error.contains("found inf at [3, 2, 1]"), "{error}");
}

#[test]
fn a_column_without_any_value_is_refused_by_its_name_and_named_where_it_is_met_later() {
    let x = holed();
    let model = fitted(sequence_configs().remove(0), Missing::Mask, &x).unwrap();
    let _ = x.select(2, 1).fill_(f64::NAN);
    let remarks = model.unfamiliar(&Input::new(x.shallow_clone())).unwrap();
    assert_eq!(remarks, ["the column \"b\" has no value at any step"]);
    let error = fitted(sequence_configs().remove(0), Missing::Mask, &x).unwrap_err().to_string();
    assert!(error.contains("\"b\" has no value in the training part"), "{error}");
}
