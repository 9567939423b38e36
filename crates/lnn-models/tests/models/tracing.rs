//! Passes that show their steps through time.

use crate::{build, configs, images};
use lnn_models::{Input, Mode, ModelConfig};
use tch::{Kind, Tensor};

#[test]
fn a_traced_pass_shows_the_steps_that_enter_the_recurrent_part_with_a_gradient() {
    // The readout of an LNN trains alone: nothing goes back through time.
    for config in configs().into_iter().filter(|config| !matches!(config, ModelConfig::Lnn(_))) {
        let model = build(config.clone(), 0);
        let output = model.run(Input::new(images(5)), Mode::Traced).unwrap();
        let steps = output.steps.unwrap();
        assert_eq!((steps.dim(), steps.size()[0]), (3, 5), "{config:?}");
        let loss = output.prediction.square().sum(Kind::Float);
        let gradient = Tensor::run_backward(&[loss], &[&steps], false, false).remove(0);
        assert_eq!(gradient.size(), steps.size());
        assert!(gradient.abs().max().double_value(&[]) > 0.0, "{config:?}");
        for mode in [Mode::Evaluation, Mode::Training] {
            assert!(model.run(Input::new(images(5)), mode).unwrap().steps.is_none(), "{config:?}");
        }
    }
}

#[test]
fn a_traced_pass_gives_what_a_training_pass_gives() {
    for config in configs() {
        let model = build(config.clone(), 0);
        let pass = |mode| {
            let input = Input::new(images(5));
            lnn_core::seeded(1, || model.run(input, mode).unwrap().prediction)
        };
        assert_eq!(pass(Mode::Traced), pass(Mode::Training), "{config:?}");
    }
}
