//! The exported module leaves the padding of sequences out as the model does.

use crate::{FLOAT, assert_close, checkpoint, sequence_configs};
use lnn_core::random::{randn, seeded};
use lnn_models::{Input, InputSpec, Mode, Model, SampleSet, Samples, Standardization};
use tch::{CModule, IValue, Kind, Tensor};

#[test]
fn the_module_with_lengths_predicts_what_the_model_predicts_with_a_mask() {
    let x = seeded(1, || randn([5, 7, 3], FLOAT));
    let lengths = Tensor::from_slice(&[4i64, 7, 1, 7, 6]);
    let mask = lengths.unsqueeze(1).gt_tensor(&Tensor::arange(7, (Kind::Int64, FLOAT.1)));
    let nan = x.masked_fill(&mask.logical_not().unsqueeze(2), f64::NAN);
    for config in sequence_configs() {
        tch::set_num_threads(1);
        let input = InputSpec::sequences(vec!["x".into(); 3], vec!["u".into(), "v".into()]);
        let mut model = Model::new(config.clone(), input, Standardization::Channels, 0, FLOAT).unwrap();
        let set = Samples { input: Input::new(x.shallow_clone()), targets: x.select(1, 0).narrow(1, 0, 2) };
        model.fit(&SampleSet::Stored(set)).unwrap();
        let given = Input { mask: Some(mask.shallow_clone()), ..Input::new(x.shallow_clone()) };
        let expected = tch::no_grad(|| model.run(given, Mode::Evaluation).unwrap().prediction);
        let bytes = checkpoint(&model).to_torchscript(serde_json::Value::Null).unwrap();
        let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
        let timed =
            model.check(&Input { dt: Some(Tensor::ones([5, 7], FLOAT)), ..Input::new(x.shallow_clone()) });
        let (x, lengths) = (IValue::Tensor(nan.shallow_clone()), IValue::Tensor(lengths.shallow_clone()));
        let arguments = if timed.is_ok() { vec![x, IValue::None, lengths] } else { vec![x, lengths] };
        let IValue::Tensor(found) = module.forward_is(&arguments).unwrap() else { panic!("{config:?}") };
        assert_close(&found, &expected, &format!("{config:?}"));
    }
}
