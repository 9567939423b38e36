//! Random numbers and dropout of this crate beside those of libtorch after `manual_seed`: they are the same, bit for bit.
//!
//! libtorch's default generator belongs to the process, so tests that draw from it stand here by themselves and run in turns.

// The functions of libtorch that are compared with.
#![allow(clippy::disallowed_methods)]

use lnn_core::random::{dropout, rand, rand_like, randint, randn, randn_like, randperm, seeded};
use std::sync::{Mutex, PoisonError};
use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);
const INT: (Kind, Device) = (Kind::Int64, Device::Cpu);

/// The default generator, seeded, while `draw` runs.
fn after_manual_seed<T>(seed: i64, draw: impl FnOnce() -> T) -> T {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed);
    draw()
}

#[test]
fn each_function_draws_the_numbers_of_libtorch() {
    // Not contiguous: libtorch draws in the order of memory.
    let x = Tensor::zeros([7, 30], (Kind::Double, Device::Cpu)).transpose(0, 1);
    let ours = || {
        [
            randn([3, 40], FLOAT),
            randn_like(&x),
            randn([5], FLOAT),
            rand([3, 40], FLOAT),
            rand_like(&x),
            randint(1000, [50], INT),
            randperm(100, INT),
        ]
    };
    let expected = after_manual_seed(5, || {
        [
            Tensor::randn([3, 40], FLOAT),
            x.randn_like(),
            Tensor::randn([5], FLOAT),
            Tensor::rand([3, 40], FLOAT),
            x.rand_like(),
            Tensor::randint(1000, [50], INT),
            Tensor::randperm(100, INT),
        ]
    });
    assert_eq!(seeded(5, ours), expected);
    assert_ne!(seeded(6, ours), expected);
}

#[test]
fn outside_of_a_seeded_call_numbers_come_from_the_default_generator() {
    let expected = after_manual_seed(11, || Tensor::randn([20], FLOAT));
    assert_eq!(after_manual_seed(11, || randn([20], FLOAT)), expected);
    // A call that is over leaves the default generator where it was.
    let found = after_manual_seed(11, || {
        let _ = seeded(3, || randn([20], FLOAT));
        randn([20], FLOAT)
    });
    assert_eq!(found, expected);
}

#[test]
fn values_and_gradients_of_dropout_are_those_of_libtorch() {
    for kind in [Kind::Float, Kind::Double, Kind::BFloat16] {
        let random = |seed, shape: [i64; 2]| seeded(seed, || randn(shape, (kind, Device::Cpu)));
        let slope = random(2, [40, 9]);
        for p in [0.0, 0.1, 0.7, 1.0] {
            for training in [true, false] {
                let [x, y] = [(); 2].map(|()| random(1, [9, 40]).set_requires_grad(true));
                // Transposed, so that the order of memory is not that of the indices.
                let found = seeded(3, || dropout(&x.tr(), p, training, 0)).unwrap();
                let expected = after_manual_seed(3, || y.tr().dropout(p, training));
                assert_eq!(found, expected, "{kind:?} {p} {training}");
                (found * &slope).sum(kind).backward();
                (expected * &slope).sum(kind).backward();
                assert_eq!(x.grad(), y.grad(), "{kind:?} {p} {training}");
            }
        }
    }
}
