//! Trains a liquid cell and a readout to continue a series: `cargo run --release -p lnn-core --example train_a_cell`.

#![allow(clippy::print_stdout)]

use lnn_core::{
    AdamW, AdamWConfig, Cell, Dense, Error, Init, LiquidTimeStep, LiquidTimeStepConfig, Parameters, Sequence,
    Solver, TauForm, TimeConstants,
};
use tch::{Device, Kind, Reduction, Tensor};

/// Sine waves of several frequencies, `x [64, 30, 1]`, and the value that follows each, `y [64, 1]`.
fn series() -> (Tensor, Tensor) {
    let options = (Kind::Float, Device::Cpu);
    let frequency = Tensor::linspace(0.1, 0.5, 64, options).unsqueeze(1);
    let waves = (frequency * Tensor::arange(31, options)).sin();
    (waves.narrow(1, 0, 30).unsqueeze(2), waves.narrow(1, 30, 1))
}

pub(crate) fn main() -> Result<(), Error> {
    let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
    let config = LiquidTimeStepConfig {
        units: 16,
        solver: Solver::Exponential,
        tau: TimeConstants { form: TauForm::Softplus, floor: 0.1, initial: [1.0, 10.0], by_input: false },
        input_init: Init::GlorotUniform,
        recurrent_init: Init::OrthogonalBlocks,
        bias_init: Init::Constant(0.0),
        recurrent_bias: false,
    };
    let cell = LiquidTimeStep::new(&mut parameters.root().child("cell"), 1, &config)?;
    let readout = Dense::new(&mut parameters.root().child("readout"), 16, 1)?;
    let adamw = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
    let mut optimizer = AdamW::new(&parameters, adamw)?;

    let (x, y) = series();
    let loss = || -> Result<Tensor, Error> {
        let run = cell.scan(Sequence::new(&x), None)?;
        Ok(readout.forward(run.last.output()).mse_loss(&y, Reduction::Mean))
    };
    let before = loss()?.double_value(&[]);
    for _ in 0..200 {
        loss()?.backward();
        optimizer.step(1e-2)?;
    }
    let after = loss()?.double_value(&[]);
    println!("mean squared error before training: {before:.4}, after 200 steps: {after:.4}");
    assert!(after < before / 10.0, "training did not reduce the error enough");
    Ok(())
}
