//! Reservoirs that read series.

use crate::{FLOAT, assert_close, checkpoint, lnns_of_series};
use lnn_core::random::{rand, randn, seeded};
use lnn_models::{
    Input, InputSpec, LnnConfig, Mode, Model, ModelConfig, Per, SampleSet, Samples, Standardization, Timing,
};
use tch::{CModule, IValue, Kind, Tensor};

fn sequences(count: i64) -> Tensor {
    seeded(1, || randn([count, 9, 3], FLOAT))
}

fn fitted(config: &ModelConfig, per: Per, timing: Option<Timing>) -> Model {
    tch::set_num_threads(1);
    let input = InputSpec::sequences(vec!["x".into(); 3], vec!["u".into(), "v".into()]);
    let input = InputSpec { per, timing, ..input };
    let mut model = Model::new(config.clone(), input, Standardization::Channels, 0, FLOAT).unwrap();
    let targets = sequences(40).narrow(2, 0, 2) * 7.0;
    let targets = if per == Per::Step { targets } else { targets.select(1, 0) };
    model.fit(&SampleSet::Stored(Samples { input: Input::new(sequences(40) + 2.0), targets })).unwrap();
    model
}

fn run(model: &Model, input: Input) -> Tensor {
    tch::no_grad(|| model.run(input, Mode::Evaluation).unwrap().prediction)
}

#[test]
fn a_step_that_does_not_count_is_as_if_it_were_not_there() {
    let kept = Tensor::from_slice(&[1i64, 2, 4, 5, 6, 8]);
    let mask = Tensor::zeros([5, 9], (Kind::Bool, FLOAT.1));
    let _ = mask.shallow_clone().index_fill_(1, &kept, 1);
    for config in lnns_of_series() {
        for per in [Per::Sequence, Per::Step] {
            let model = fitted(&config, per, None);
            let x = sequences(5);
            let holed = x.masked_fill(&mask.logical_not().unsqueeze(2), f64::NAN);
            let found = run(&model, Input { mask: Some(mask.shallow_clone()), ..Input::new(holed) });
            let found = if per == Per::Step { found.index_select(1, &kept) } else { found };
            let expected = run(&model, Input::new(x.index_select(1, &kept)));
            assert_close(&found, &expected, &format!("{per:?} of {config:?}"));
        }
    }
}

#[test]
fn the_time_between_steps_is_an_input_of_the_model_its_steps_and_its_module() {
    for config in lnns_of_series() {
        let model = fitted(&config, Per::Sequence, Some(Timing { unit: 2.0, typical_dt: 1.0 }));
        let (x, dt) = (sequences(5), seeded(2, || rand([5, 9], FLOAT)) * 3.0 + 1.0);
        let timed = || Input { dt: Some(dt.shallow_clone()), ..Input::new(x.shallow_clone()) };
        model.check(&timed()).unwrap();
        let expected = run(&model, timed());
        let without = run(&model, Input::new(x.shallow_clone()));
        assert!((&without - &expected).abs().max().double_value(&[]) > 1e-4, "time matters");
        let even = Input { dt: Some(dt.full_like(2.0)), ..Input::new(x.shallow_clone()) };
        assert_close(&run(&model, even), &without, "steps of one unit");
        let mut state = model.start(5).unwrap();
        let mut last = expected.zeros_like();
        for t in 0..9 {
            let dt = dt.select(1, t);
            (last, state) = tch::no_grad(|| model.step(&x.select(1, t), Some(&dt), &state).unwrap());
        }
        assert_close(&last, &expected, &format!("steps of {config:?}"));
        let bytes = checkpoint(&model).to_torchscript(serde_json::Value::Null).unwrap();
        let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
        let given = [x, dt].map(IValue::Tensor);
        let IValue::Tensor(found) = module.forward_is(&given).unwrap() else { panic!("{config:?}") };
        assert_close(&found, &expected, &format!("{config:?}"));
    }
}

#[test]
fn what_is_for_images_and_what_is_for_series_is_said() {
    let series = InputSpec::sequences(vec!["x".into()], vec!["y".into()]);
    let images = InputSpec::images([1, 9, 9], vec!["a".into(), "b".into()]);
    let refused = |config: LnnConfig, input: &InputSpec| {
        let config = ModelConfig::Lnn(config);
        Model::new(config, input.clone(), Standardization::Channels, 0, FLOAT).unwrap_err().to_string()
    };
    assert!(refused(LnnConfig::tuned(), &series).contains("a series has one reading"));
    assert!(refused(LnnConfig { washout: 2, ..LnnConfig::tuned() }, &images).contains("are for series"));
    assert!(
        refused(LnnConfig { readout_input: true, ..LnnConfig::tuned() }, &images).contains("are for series")
    );
    assert!(refused(LnnConfig { layers: 0, ..LnnConfig::series() }, &series).contains("layers must be 1"));
    assert!(
        refused(LnnConfig { washout: -1, ..LnnConfig::series() }, &series)
            .contains("washout must be at least 0")
    );
}

#[test]
fn a_configuration_written_before_series_were_taken_still_loads() {
    let config = ModelConfig::Lnn(LnnConfig::tuned());
    let mut value = serde_json::to_value(&config).unwrap();
    let keys = value.as_object_mut().unwrap();
    for key in ["layers", "washout", "readout_input"] {
        assert!(keys.remove(key).is_some(), "{key}");
    }
    for key in ["density", "leak_range"] {
        assert!(keys["reservoir"].as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    assert_eq!(serde_json::from_value::<ModelConfig>(value).unwrap(), config);
}
