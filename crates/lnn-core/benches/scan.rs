//! Throughput of time loops: a scan with its backward pass, fused and stepwise, of every cell at named shapes.
//!
//! `cargo bench -p lnn-core --bench scan` measures all, `-- liquid/64x28x28x128` the names that match. A name says cell, shape
//! `BxTxIxH`, and form; `states` is the forward pass alone, without gradients.

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use lnn_core::{
    Cell, Init, LeakyReservoir, LinearLiquid, LiquidTimeStep, LiquidTimeStepConfig, Lstm, Parameters,
    ReservoirConfig, Role, Scope, Sequence, Solver, SpikingConfig, SpikingReservoir, Surrogate, TauForm,
    TimeConstants,
};
use std::hint::black_box;
use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

type Draw = fn(&mut Scope<'_>, i64, i64) -> Box<dyn Cell>;

fn liquid(scope: &mut Scope<'_>, inputs: i64, units: i64, by_input: bool) -> Box<dyn Cell> {
    let config = LiquidTimeStepConfig {
        units,
        solver: Solver::Exponential,
        tau: TimeConstants { form: TauForm::Softplus, floor: 0.1, initial: [1.0, 10.0], by_input },
        input_init: Init::GlorotUniform,
        recurrent_init: Init::GlorotUniform,
        bias_init: Init::Constant(0.0),
        recurrent_bias: false,
    };
    Box::new(LiquidTimeStep::new(scope, inputs, &config).expect("the numbers are in range"))
}

fn leaky(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let config = ReservoirConfig {
        units,
        spectral_radius: 0.9,
        leak_rate: 0.3,
        input_scale: 0.1,
        bias_scale: 0.0,
        density: 1.0,
        leak_range: None,
    };
    Box::new(LeakyReservoir::new(scope, inputs, &config).expect("the numbers are in range"))
}

fn spiking(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let config = SpikingConfig {
        units,
        most_units: units,
        spectral_radius: 0.9,
        leak_rate: 0.3,
        input_scale: 0.05,
        threshold: 0.2,
        surrogate: Surrogate::FastSigmoid,
        sharpness: 5.0,
        bias: false,
        role: Role::Trainable,
    };
    Box::new(SpikingReservoir::new(scope, inputs, &config).expect("the numbers are in range"))
}

const LIQUID: (&str, Draw) = ("liquid", |scope, inputs, units| liquid(scope, inputs, units, false));
const BY_INPUT: (&str, Draw) = ("liquid-by-input", |scope, inputs, units| liquid(scope, inputs, units, true));
const LEAKY: (&str, Draw) = ("leaky", leaky);
const SPIKING: (&str, Draw) = ("spiking", spiking);
const LINEAR: (&str, Draw) = ("linear", |scope, inputs, units| {
    Box::new(LinearLiquid::new(scope, inputs, units, 0.3).expect("in range"))
});
const LSTM: (&str, Draw) =
    ("lstm", |scope, inputs, units| Box::new(Lstm::new(scope, inputs, units).expect("in range")));

fn both_forms(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: impl FnMut(bool)) {
    for (form, fused) in [("fused", true), ("stepwise", false)] {
        group.bench_function(format!("{name}/{form}"), |bencher| bencher.iter(|| run(fused)));
    }
}

fn scan(criterion: &mut Criterion) {
    lnn_sys::keep_freed_memory();
    lnn_sys::flush_denormals(true).expect("libtorch answers");
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10);
    for ((cell_name, draw), [batch, steps, inputs, units]) in [
        (LIQUID, [64, 28, 28, 128]),
        (LIQUID, [32, 128, 16, 64]),
        (LIQUID, [64, 784, 1, 128]),
        (LIQUID, [64, 128, 64, 512]),
        (BY_INPUT, [128, 28, 28, 128]),
        (SPIKING, [64, 25, 784, 256]),
        (LINEAR, [64, 32, 96, 20]),
        (LEAKY, [64, 28, 28, 500]),
        (LSTM, [64, 28, 28, 128]),
    ] {
        let mut parameters = Parameters::drawn(0, FLOAT.0, FLOAT.1);
        let cell = draw(&mut parameters.root(), inputs, units);
        let x =
            lnn_core::random::randn([batch, steps, inputs], FLOAT).set_requires_grad(cell_name == "leaky");
        group.throughput(Throughput::Elements(batch as u64 * steps as u64));
        let name = format!("{cell_name}/{batch}x{steps}x{inputs}x{units}");
        both_forms(&mut group, &name, |fused| {
            let run = match fused {
                true => cell.scan(Sequence::new(&x), None),
                false => cell.scan_stepwise(Sequence::new(&x), None),
            };
            let loss = run.expect("the input fits").last.output().mean(FLOAT.0);
            let mut leaves = parameters.trainable();
            if leaves.is_empty() {
                leaves.push(x.shallow_clone());
            }
            black_box(Tensor::run_backward(&[loss], &leaves, false, false));
        });
    }
    for (units, steps) in [(1000, 1000), (64, 1)] {
        let mut parameters = Parameters::drawn(0, FLOAT.0, FLOAT.1);
        let cell = leaky(&mut parameters.root(), 16, units);
        let x = lnn_core::random::randn([1, steps, 16], FLOAT);
        group.throughput(Throughput::Elements(steps as u64));
        both_forms(&mut group, &format!("leaky-states/1x{steps}x16x{units}"), |fused| {
            let run = tch::no_grad(|| match fused {
                true => cell.scan(Sequence::new(&x), None),
                false => cell.scan_stepwise(Sequence::new(&x), None),
            });
            black_box(run.expect("the input fits"));
        });
    }
    group.finish();
}

criterion_group!(benches, scan);
criterion_main!(benches);
