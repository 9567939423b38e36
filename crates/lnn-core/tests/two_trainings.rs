//! Two trainings in two threads of one process: they run at the same time, and each computes what it computes alone.

use lnn_core::random::{derive_seed, dropout, randint, randn, seeded};
use lnn_core::{
    AdamWConfig, Cell, Dense, Init, LiquidTimeStep, LiquidTimeStepConfig, Optimizer, OptimizerConfig,
    Parameters, Sequence, Solver, TauForm, TimeConstants,
};
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;
use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);
const STEPS: u64 = 20;

/// Losses and weights of a training with dropout. `meet` is called within each seeded step, before and after its pass.
fn train(seed: u64, meet: impl Fn()) -> (Vec<f64>, Vec<(String, Vec<f32>)>) {
    let mut parameters = Parameters::drawn(seed, FLOAT.0, FLOAT.1);
    let config = LiquidTimeStepConfig {
        units: 40,
        solver: Solver::Exponential,
        tau: TimeConstants { form: TauForm::Softplus, floor: 0.5, initial: [1.0, 20.0], by_input: false },
        input_init: Init::GlorotUniform,
        recurrent_init: Init::OrthogonalBlocks,
        bias_init: Init::Constant(0.0),
        recurrent_bias: false,
    };
    let cell = LiquidTimeStep::new(&mut parameters.root().child("cell"), 6, &config).unwrap();
    let readout = Dense::new(&mut parameters.root().child("readout"), 40, 3).unwrap();
    let adamw = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };
    let mut optimizer = Optimizer::new(&parameters, OptimizerConfig { adamw, muon: None }).unwrap();
    optimizer.set_rate(0.01);
    let step = |step| {
        seeded(derive_seed(seed, &[step]), || {
            meet();
            let labels = randint(3, [64], (Kind::Int64, Device::Cpu));
            let x = randn([64, 12, 6], FLOAT) + labels.view([-1, 1, 1]);
            let run = cell.scan(Sequence::new(&x), None).unwrap();
            let features = dropout(run.last.output(), 0.3, true, 0).unwrap();
            let loss = readout.forward(&features).cross_entropy_for_logits(&labels);
            loss.backward();
            meet();
            optimizer.descend().unwrap();
            loss.double_value(&[])
        })
    };
    let losses = (0..STEPS).map(step).collect();
    let numbers = |tensor: &Tensor| Vec::try_from(tensor.flatten(0, -1)).unwrap();
    let weights = parameters.snapshot().into_iter().map(|(name, tensor)| (name, numbers(&tensor)));
    (losses, weights.collect())
}

#[test]
fn two_threads_train_at_the_same_time_and_compute_what_each_computes_alone() {
    let alone = [1, 2].map(|seed| train(seed, || {}));
    assert!(alone[0].0[19] < 0.9 * alone[0].0[0], "the loss falls: {:?}", alone[0].0);

    let (sender, receiver) = channel();
    // Each step waits for the other thread twice: behind a lock the two would never meet.
    let meeting: &'static Barrier = Box::leak(Box::new(Barrier::new(2)));
    for (i, seed) in [1, 2].into_iter().enumerate() {
        let sender = sender.clone();
        spawn(move || {
            sender.send((
                i,
                train(seed, || {
                    meeting.wait();
                }),
            ))
        });
    }
    for _ in 0..2 {
        let (i, found) = receiver
            .recv_timeout(Duration::from_mins(2))
            .expect("both trainings end: a lock around a step would keep the threads from meeting");
        assert!(found == alone[i], "training {i} has other losses or weights beside the other");
    }
}
