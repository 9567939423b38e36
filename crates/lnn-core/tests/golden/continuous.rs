//! Cells of continuous time, with a time of its own in each step.

use crate::states::check;
use lnn_core::{
    Backbone, BackboneActivation, ClosedForm, ClosedFormConfig, ClosedFormMode, LiquidTimeConstant,
    LiquidTimeConstantConfig, OdeSolver, WiringConfig,
};

#[test]
fn the_liquid_time_constant_gives_the_states_and_gradients_of_the_equation_with_time() {
    check("liquid_time_constant_T5.npz", |scope, golden| {
        let [inputs, units] = golden.exact("sensory_w").size()[..] else { panic!("a matrix") };
        // The synapses are those of the file.
        let wiring = WiringConfig::Full { seed: 0 }.build(inputs as usize, units as usize).unwrap();
        let config = LiquidTimeConstantConfig { wiring, solver: OdeSolver::SemiImplicit, unfolds: 3 };
        Box::new(LiquidTimeConstant::new(scope, &config).unwrap())
    });
}

#[test]
fn the_closed_form_gives_the_states_and_gradients_of_the_equation_with_time() {
    check("closed_form_T5.npz", |scope, golden| {
        let [backbone, inputs] = golden.exact("backbone_input_weights").size()[..] else {
            panic!("a matrix")
        };
        let units = golden.exact("h0").size()[1];
        let activation = BackboneActivation::LecunTanh;
        let backbone = Backbone { units: backbone, layers: 1, activation, dropout: 0.0 };
        let config = ClosedFormConfig { units, mode: ClosedFormMode::Default, backbone };
        Box::new(ClosedForm::new(scope, inputs, &config, None).unwrap())
    });
}
