//! Models that are run step by step.

use crate::{FLOAT, assert_close, build, configs, forward, images, sequence_configs};
use lnn_core::random::{rand, randn, seeded};
use lnn_models::{
    Encoding, Error, GruConfig, Input, InputSpec, LstmConfig, Mode, Model, ModelConfig, ModelState, Scan,
    Standardization,
};
use tch::{Kind, Tensor};

/// How the network reads an image as steps, if it can be run by them.
fn order(config: &ModelConfig) -> Option<Scan> {
    match config {
        ModelConfig::Liquid(config) => Some(config.scan),
        ModelConfig::Lstm(LstmConfig(config)) | ModelConfig::Gru(GruConfig(config)) => Some(config.scan),
        ModelConfig::Ltc(config) => Some(config.scan),
        ModelConfig::Cfc(config) => Some(config.scan),
        ModelConfig::Snlnn(config) => match config.encoding {
            Encoding::Delta { scan, .. } | Encoding::Scan { scan } => Some(scan),
            _ => Some(Scan::Whole),
        },
        ModelConfig::Cifar(config) => {
            let one = config.scans.len() == 1 && config.channels.is_empty();
            (one && !config.mirror && config.stretches == 1).then(|| config.scans[0])
        }
        ModelConfig::Lnn(_) | ModelConfig::Cllnn(_) => None,
    }
}

/// The prediction after the last of the steps `x [B, T, I]` with times `dt [B, T]`.
fn by_step(model: &Model, x: &Tensor, dt: Option<&Tensor>) -> Tensor {
    let mut state = model.start(x.size()[0]).unwrap();
    let mut prediction = None;
    for t in 0..x.size()[1] {
        let dt = dt.map(|dt| dt.select(1, t));
        let (now, next) = tch::no_grad(|| model.step(&x.select(1, t), dt.as_ref(), &state).unwrap());
        (prediction, state) = (Some(now), next);
    }
    prediction.unwrap()
}

#[test]
fn the_steps_of_an_image_predict_what_the_image_predicts() {
    let mut seen = 0;
    for config in configs() {
        let model = build(config.clone(), 0);
        let Some(order) = order(&config) else {
            assert!(matches!(model.start(5), Err(Error::NoSteps { .. })), "{config:?}");
            continue;
        };
        let x = images(5);
        let steps = match &config {
            // One image, shown again and again.
            ModelConfig::Snlnn(snlnn) => match snlnn.encoding {
                Encoding::Current { steps } => order.apply(&x).expand([-1, steps, -1], false),
                Encoding::Rate { .. } | Encoding::Latency { .. } => continue,
                _ => order.apply(&x),
            },
            _ => order.apply(&x),
        };
        assert_close(&by_step(&model, &steps, None), &forward(&model, &x), &format!("{config:?}"));
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

/// A fitted model of sequences `[B, T, 3]`, with two values.
fn of_sequences(config: ModelConfig) -> Model {
    let input = InputSpec::sequences(vec!["a".into(); 3], vec!["u".into(), "v".into()]);
    let mut model = Model::new(config, input, Standardization::Channels, 0, FLOAT).unwrap();
    let targets = sequences(40).select(1, 0).narrow(1, 0, 2) * 7.0;
    model.fit(&crate::stored(sequences(40) + 2.0, &targets)).unwrap();
    model
}

fn sequences(count: i64) -> Tensor {
    seeded(1, || randn([count, 7, 3], FLOAT))
}

#[test]
fn the_steps_of_a_sequence_predict_what_the_sequence_predicts_at_any_batch_and_time() {
    for config in sequence_configs() {
        let model = of_sequences(config.clone());
        let takes_time = matches!(config, ModelConfig::Liquid(_));
        for batch in [1, 4] {
            let x = sequences(batch);
            let dt = takes_time.then(|| seeded(2, || rand([batch, 7], FLOAT) * 2.0));
            let input = Input { dt: dt.as_ref().map(Tensor::shallow_clone), ..Input::new(x.shallow_clone()) };
            let whole = tch::no_grad(|| model.run(input, Mode::Evaluation).unwrap().prediction);
            assert_close(&by_step(&model, &x, dt.as_ref()), &whole, &format!("{config:?}"));
        }
    }
}

#[test]
fn a_state_goes_to_the_exported_module_and_back() {
    for config in sequence_configs() {
        let model = of_sequences(config.clone());
        let module = model.script().build(model.parameters()).unwrap();
        let bytes = module.save(("x", "")).unwrap();
        let module = tch::CModule::load_data(&mut bytes.as_slice()).unwrap();
        let x = sequences(4);
        let mut state = model.start(4).unwrap();
        let mut theirs = None;
        for t in 0..7 {
            let x = x.select(1, t);
            let (prediction, next) = tch::no_grad(|| model.step(&x, None, &state).unwrap());
            let given = tch::IValue::from(x);
            let carried = theirs.take().unwrap_or(tch::IValue::None);
            let called = tch::no_grad(|| module.method_is("step", &[given, carried]).unwrap());
            let tch::IValue::Tuple(mut parts) = called else { panic!("a prediction and a state") };
            let tch::IValue::TensorList(list) = parts.remove(1) else { panic!("a list of tensors") };
            let tch::IValue::Tensor(found) = parts.remove(0) else { panic!("a tensor") };
            assert_close(&found, &prediction, &format!("{config:?}"));
            assert_eq!(list.len(), next.tensors().len());
            for (a, b) in list.iter().zip(next.tensors()) {
                assert_close(a, b, &format!("{config:?}"));
            }
            // Each goes on from the state of the other.
            state = ModelState::new(list);
            theirs =
                Some(tch::IValue::TensorList(next.tensors().iter().map(Tensor::shallow_clone).collect()));
        }
    }
}

#[test]
fn what_is_no_step_is_refused_in_words() {
    let mut configs = sequence_configs();
    let (liquid, lstm) = (of_sequences(configs.remove(0)), of_sequences(configs.pop().unwrap()));
    let state = liquid.start(4).unwrap();
    let x = sequences(4).select(1, 0);
    let refused = |model: &Model, x: &Tensor, dt: Option<&Tensor>, state: &ModelState| {
        model.step(x, dt, state).unwrap_err().to_string()
    };
    let narrow = x.narrow(1, 0, 2);
    assert_eq!(
        refused(&liquid, &narrow, None, &state),
        "x of one step must have the shape [4, 3], found [4, 2]"
    );
    let dt = Tensor::ones([4, 1], FLOAT);
    assert_eq!(
        refused(&liquid, &x, Some(&dt), &state),
        "dt of one step must have the shape [4], found [4, 1]"
    );
    let message = refused(&liquid, &x.narrow(0, 0, 3), None, &state);
    assert!(message.contains("Float [3, 6]") && message.contains("found Float [4, 6]"), "{message}");
    let wrong = ModelState::new(vec![x.to_kind(Kind::Double)]);
    assert!(matches!(liquid.step(&x, None, &wrong), Err(Error::State { .. })));
    let message = refused(&lstm, &x, Some(&dt.select(1, 0)), &lstm.start(4).unwrap());
    assert!(message.contains("knows no time between its steps"), "{message}");
}
