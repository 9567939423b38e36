//! Every cell and layer trains in float64 as in float32: one step of both from the same values differs by rounding alone.

use lnn_core::random::{randn, seeded};
use lnn_core::{
    Activation, AdamW, AdamWConfig, BatchNorm, Cell, Convolution, ConvolutionConfig, Dense, Gru, Init,
    LeakyReservoir, LinearLiquid, LiquidTimeStep, LiquidTimeStepConfig, Lstm, Parameters, ReservoirConfig,
    Role, Scope, Sequence, SequenceWhitening, Solver, SpikingConfig, SpikingReservoir, Surrogate, TauForm,
    TimeConstants, Whitening,
};
use tch::{Device, Kind, Tensor};

const INPUTS: i64 = 8;
const UNITS: i64 = 12;
/// A large epsilon: a step along a gradient of zero would depend on its rounding.
const ADAMW: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-2, weight_decay: 0.1 };

/// A part of a model as a function of its input.
type Part = Box<dyn Fn(&Tensor) -> Tensor>;

/// A cell and its readout over the steps of `x [B, T, I]`, in irregular time if the cell has time, with a mask.
fn scanned(scope: &mut Scope<'_>, cell: impl Cell + 'static) -> Part {
    let width = cell.emit(&cell.zero_state(&Tensor::zeros([1, 1], (Kind::Float, Device::Cpu)))).size()[1];
    let readout = Dense::new(&mut scope.child("readout"), width, 2).unwrap();
    Box::new(move |x| {
        let dt = (x.select(2, 0).abs() + 0.5) * 0.7;
        let mask = x.select(2, 1).gt(-1.0);
        let dt = cell.has_time().then_some(&dt);
        let run = cell.scan(Sequence::new(x).with_dt(dt).with_mask(Some(&mask)), None).unwrap();
        readout.forward(&run.outputs)
    })
}

fn liquid(scope: &mut Scope<'_>, solver: Solver, form: TauForm, by_input: bool) -> Part {
    let config = LiquidTimeStepConfig {
        units: UNITS,
        solver,
        tau: TimeConstants { form, floor: 0.6, initial: [1.0, 10.0], by_input },
        input_init: Init::GlorotUniform,
        recurrent_init: Init::OrthogonalBlocks,
        bias_init: Init::Uniform { limit: 0.1 },
        recurrent_bias: form == TauForm::Clamped,
    };
    let cell = LiquidTimeStep::new(&mut scope.child("cell"), INPUTS, &config).unwrap();
    scanned(scope, cell)
}

fn spiking(scope: &mut Scope<'_>, surrogate: Surrogate) -> Part {
    let config = SpikingConfig {
        units: UNITS,
        most_units: UNITS + 3,
        spectral_radius: 0.9,
        leak_rate: 0.3,
        input_scale: 0.6,
        threshold: 0.2,
        surrogate,
        sharpness: 3.0,
        bias: true,
        role: Role::Trainable,
    };
    let cell = SpikingReservoir::new(&mut scope.child("cell"), INPUTS, &config).unwrap();
    scanned(scope, cell)
}

/// Draws a part.
type Draw = fn(&mut Scope<'_>) -> Part;

/// The name of a part, whether its input are images, and what draws it.
const PARTS: [(&str, bool, Draw); 15] = [
    ("leaky reservoir", false, |scope| {
        let config = ReservoirConfig {
            units: UNITS,
            spectral_radius: 0.9,
            leak_rate: 0.4,
            input_scale: 0.5,
            bias_scale: 0.2,
            density: 1.0,
            leak_range: None,
        };
        let cell = LeakyReservoir::new(&mut scope.child("cell"), INPUTS, &config).unwrap();
        scanned(scope, cell)
    }),
    ("linear liquid", false, |scope| {
        let cell = LinearLiquid::new(&mut scope.child("cell"), INPUTS, UNITS, 0.3).unwrap();
        scanned(scope, cell)
    }),
    ("liquid", false, |scope| liquid(scope, Solver::Exponential, TauForm::Softplus, false)),
    ("liquid of the article", false, |scope| liquid(scope, Solver::Euler, TauForm::Clamped, false)),
    ("liquid by input, Euler", false, |scope| liquid(scope, Solver::Euler, TauForm::Softplus, true)),
    ("liquid by input", false, |scope| liquid(scope, Solver::Exponential, TauForm::Softplus, true)),
    ("lstm", false, |scope| {
        let cell = Lstm::new(&mut scope.child("cell"), INPUTS, UNITS).unwrap();
        scanned(scope, cell)
    }),
    ("gru", false, |scope| {
        let cell = Gru::new(&mut scope.child("cell"), INPUTS, UNITS).unwrap();
        scanned(scope, cell)
    }),
    ("spiking, fast sigmoid", false, |scope| spiking(scope, Surrogate::FastSigmoid)),
    ("spiking, arctan", false, |scope| spiking(scope, Surrogate::Arctan)),
    ("spiking, straight through", false, |scope| spiking(scope, Surrogate::StraightThrough)),
    ("whitened steps", false, |scope| {
        let whitening = SequenceWhitening::new(&mut scope.child("whitening"), INPUTS).unwrap();
        let readout = Dense::new(&mut scope.child("readout"), INPUTS, 2).unwrap();
        Box::new(move |x| {
            whitening.fit(x).unwrap();
            readout.forward(&whitening.forward(x))
        })
    }),
    ("convolution", true, |scope| convolution(scope, 3, Activation::Gelu)),
    ("wide convolution", true, |scope| convolution(scope, 5, Activation::Rectifier)),
    ("whitened patches", true, |scope| {
        let whitening = Whitening::new(&mut scope.child("whitening"), INPUTS, 2).unwrap();
        let readout = Dense::new(&mut scope.child("readout"), whitening.outputs(), 2).unwrap();
        Box::new(move |x| {
            whitening.fit(x).unwrap();
            readout.forward(&whitening.forward(x).mean_dim([2i64, 3].as_slice(), false, x.kind()))
        })
    }),
];

fn convolution(scope: &mut Scope<'_>, kernel: i64, activation: Activation) -> Part {
    let config = ConvolutionConfig { inputs: INPUTS, outputs: UNITS, kernel, bias: true };
    let layer = Convolution::new(&mut scope.child("convolution"), &config, &Init::HeNormal).unwrap();
    let norm = BatchNorm::new(&mut scope.child("norm"), UNITS).unwrap();
    Box::new(move |x| norm.activated(&layer.forward(x).unwrap(), true, activation, true).unwrap())
}

/// The loss before a training step, and all tensors after it.
fn trained(build: fn(&mut Scope<'_>) -> Part, x: &Tensor, kind: Kind) -> Vec<(String, Tensor)> {
    let mut parameters = Parameters::drawn(7, kind, Device::Cpu);
    let part = build(&mut parameters.root());
    let y = part(&x.to_kind(kind));
    let slopes = (Tensor::arange(y.numel() as i64, (kind, Device::Cpu)) * 0.37).cos().view_as(&y);
    let loss = (y * slopes).sum(kind);
    loss.backward();
    AdamW::new(&parameters, ADAMW).unwrap().step(1e-2).unwrap();
    let mut found = parameters.snapshot();
    found.push(("loss".into(), loss.detach()));
    found
}

#[test]
fn a_training_step_in_f64_is_that_in_f32_but_for_rounding() {
    for (name, images, build) in PARTS {
        let shape: &[i64] = if images { &[16, INPUTS, 6, 6] } else { &[5, 7, INPUTS] };
        let x = seeded(3, || randn(shape, (Kind::Float, Device::Cpu)));
        let [single, double] = [Kind::Float, Kind::Double].map(|kind| trained(build, &x, kind));
        for ((tensor, single), (_, double)) in single.into_iter().zip(double) {
            assert_eq!((single.kind(), double.kind()), (Kind::Float, Kind::Double), "{name}: {tensor}");
            let scale = double.abs().max().double_value(&[]).max(1.0);
            let error = (single.to_kind(Kind::Double) - double).abs().max().double_value(&[]) / scale;
            assert!(error <= 1e-4, "{name}: {tensor} is off by {error:e}");
        }
    }
}
