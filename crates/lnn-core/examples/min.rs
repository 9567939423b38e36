use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use lnn_core::{
    Cell, Init, LeakyReservoir, LinearLiquid, LiquidTimeStep, LiquidTimeStepConfig, Lstm, Parameters,
    ReservoirConfig, Role, Scope, Sequence, Solver, SpikingConfig, SpikingReservoir, Surrogate, TauForm,
    TimeConstants,
};
use std::{hint::black_box, time::Instant};
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
    let config =
        ReservoirConfig { units, spectral_radius: 0.9, leak_rate: 0.3, input_scale: 0.1, bias_scale: 0.0 };
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

fn main() {
    lnn_sys::keep_freed_memory();
    lnn_sys::flush_denormals(true).unwrap();
    let filter = std::env::args().nth(1).unwrap_or_default();
    let threads: i32 = std::env::args().nth(2).map_or(1, |t| t.parse().unwrap());
    tch::set_num_threads(threads);
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
        let x = Tensor::randn([batch, steps, inputs], FLOAT).set_requires_grad(cell_name == "leaky");
        let name = format!("{cell_name}/{batch}x{steps}x{inputs}x{units}");
        if !name.contains(&filter) {
            continue;
        }
        for fused in [true, false] {
            let mut best = [f64::MAX; 2];
            let begin = Instant::now();
            while begin.elapsed().as_secs_f64() < 3.0 {
                let t0 = Instant::now();
                let run = match fused {
                    true => cell.scan(Sequence::new(&x), None),
                    false => cell.scan_stepwise(Sequence::new(&x), None),
                };
                let loss = run.unwrap().last.output().mean(FLOAT.0);
                let t1 = Instant::now();
                let mut leaves = parameters.trainable();
                if leaves.is_empty() {
                    leaves.push(x.shallow_clone());
                }
                black_box(Tensor::run_backward(&[loss], &leaves, false, false));
                let t2 = Instant::now();
                best[0] = best[0].min((t1 - t0).as_secs_f64());
                best[1] = best[1].min((t2 - t1).as_secs_f64());
            }
            println!(
                "{name} fused {fused} threads {threads} min forward {:.3} ms backward {:.3} ms",
                best[0] * 1e3,
                best[1] * 1e3
            );
        }
    }
    for (units, steps) in [(1000, 1000), (64, 1)] {
        let mut parameters = Parameters::drawn(0, FLOAT.0, FLOAT.1);
        let cell = leaky(&mut parameters.root(), 16, units);
        let x = Tensor::randn([1, steps, 16], FLOAT);
        if !"states".contains(&filter) {
            continue;
        }
        for fused in [true, false] {
            let mut best = f64::MAX;
            let begin = Instant::now();
            while begin.elapsed().as_secs_f64() < 2.0 {
                let t0 = Instant::now();
                let run = tch::no_grad(|| match fused {
                    true => cell.scan(Sequence::new(&x), None),
                    false => cell.scan_stepwise(Sequence::new(&x), None),
                });
                black_box(run.unwrap());
                best = best.min(t0.elapsed().as_secs_f64());
            }
            println!(
                "leaky states 1x{steps}x{units} fused {fused} threads {threads} min {:.4} ms",
                best * 1e3
            );
        }
    }
}
