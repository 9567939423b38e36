//! The training loop of the LiquidTimeStep article: cell, readout, loss and optimiser together.

use crate::{Golden, KINDS};
use lnn_core::{
    AdamW, AdamWConfig, Cell, Dense, Init, LiquidTimeStep, LiquidTimeStepConfig, Parameters, Sequence,
    Solver, TauForm, TimeConstants,
};
use tch::{Device, Kind, Reduction, Tensor};

const ADAM: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };

/// The losses of a hundred steps, and the parameters after them.
fn train(golden: &Golden) -> (Tensor, Parameters) {
    let mut parameters = Parameters::blank(golden.kind, Device::Cpu);
    let config = LiquidTimeStepConfig {
        units: 20,
        solver: Solver::Euler,
        tau: TimeConstants { form: TauForm::Clamped, floor: 0.6, initial: [1.0, 1.0], by_input: false },
        input_init: Init::Constant(0.0),
        recurrent_init: Init::Constant(0.0),
        bias_init: Init::Constant(0.0),
        recurrent_bias: true,
    };
    let cell = LiquidTimeStep::new(&mut parameters.root().child("cell"), 10, &config).unwrap();
    let readout = Dense::new(&mut parameters.root().child("readout"), 20, 1).unwrap();
    golden.fill(&parameters, "start_");
    let mut optimizer = AdamW::new(&parameters, ADAM).unwrap();
    let (x, y) = (golden.get("x"), golden.get("y"));
    let losses = (0..100).map(|_| {
        let last = cell.scan(Sequence::new(&x), None).unwrap().last;
        let loss = readout.forward(last.output()).mse_loss(&y, Reduction::Mean);
        loss.backward();
        optimizer.step(1e-3).unwrap();
        loss.detach().to_kind(Kind::Double)
    });
    (Tensor::stack(&losses.collect::<Vec<_>>(), 0), parameters)
}

#[test]
fn a_hundred_steps_of_the_articles_training_give_its_losses_and_weights() {
    for kind in KINDS {
        let golden = Golden::read("liquid_train100.npz", kind);
        let (losses, parameters) = train(&golden);
        let expected = golden.exact("losses");
        let error = match kind {
            Kind::Double => losses - expected,
            _ => (losses - expected) / expected,
        };
        let error = error.abs().max().double_value(&[]);
        assert!(
            error <= if kind == Kind::Double { 1e-9 } else { 1e-3 },
            "losses in {kind:?} are off by {error:e}"
        );
        for entry in parameters.entries() {
            let expected = golden.exact(&format!("end_{}", entry.name));
            let error =
                (entry.tensor.detach().to_kind(Kind::Double) - expected).abs().max().double_value(&[]);
            let tolerance = if kind == Kind::Double { 1e-9 } else { 1e-4 };
            assert!(error <= tolerance, "{} in {kind:?} is off by {error:e}", entry.name);
        }
    }
}
