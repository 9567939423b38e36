//! Random numbers from a generator of one's own, beside those of libtorch after `manual_seed`.
//!
//! libtorch's default generator belongs to the process, so tests that draw from it stand here by themselves and run in turns.

// The functions of libtorch that are compared with.
#![allow(clippy::disallowed_methods)]

use lnn_sys::{Distribution, Generator, fill, seed_cuda};
use std::sync::{Mutex, PoisonError};
use tch::{Device, Kind, Tensor};

/// The default generator, seeded, while `draw` runs.
fn after_manual_seed<T>(seed: u64, draw: impl FnOnce() -> T) -> T {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let _guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed.cast_signed());
    draw()
}

const SEED: u64 = 0x8000_0000_0000_0007;

/// What a fresh generator draws, and what libtorch's function draws from the default generator after `manual_seed`.
fn both(distribution: Distribution, shape: &[i64], kind: Kind, libtorch: impl Fn() -> Tensor) -> [Tensor; 2] {
    let mut drawn = Tensor::empty(shape, (kind, Device::Cpu));
    fill(&mut drawn, distribution, Some(&mut Generator::new(SEED).unwrap())).unwrap();
    [drawn, after_manual_seed(SEED, libtorch)]
}

#[test]
fn a_generator_draws_what_libtorch_draws_after_manual_seed() {
    // Below 16 elements libtorch draws normal numbers one by one, from there on by vectors.
    for shape in [&[3_i64][..], &[15], &[16], &[7, 5, 11], &[0, 4], &[100_000]] {
        for kind in [Kind::Float, Kind::Double] {
            let options = (kind, Device::Cpu);
            let [drawn, expected] = both(Distribution::Normal, shape, kind, || Tensor::randn(shape, options));
            assert_eq!(drawn, expected);
            let [drawn, expected] = both(Distribution::Uniform, shape, kind, || Tensor::rand(shape, options));
            assert_eq!(drawn, expected);
            let [drawn, expected] = both(Distribution::Bernoulli { probability: 0.3 }, shape, kind, || {
                let mut drawn = Tensor::empty(shape, options);
                drawn.bernoulli_float_(0.3)
            });
            assert_eq!(drawn, expected);
        }
        let options = (Kind::Int64, Device::Cpu);
        let [drawn, expected] = both(Distribution::Integers { below: 10 }, shape, Kind::Int64, || {
            Tensor::randint(10, shape, options)
        });
        assert_eq!(drawn, expected);
    }
    for n in [0, 1, 10, 5000] {
        let [drawn, expected] = both(Distribution::Permutation, &[n], Kind::Int64, || {
            Tensor::randperm(n, (Kind::Int64, Device::Cpu))
        });
        assert_eq!(drawn, expected);
    }
}

#[test]
fn a_generator_goes_on_as_the_default_one_does() {
    let options = (Kind::Float, Device::Cpu);
    let mut generator = Generator::new(SEED).unwrap();
    after_manual_seed(SEED, || {
        // Three normal numbers leave a fourth in the generator.
        for count in [3, 1, 40, 5] {
            let mut drawn = Tensor::empty([count], options);
            fill(&mut drawn, Distribution::Normal, Some(&mut generator)).unwrap();
            assert_eq!(drawn, Tensor::randn([count], options));
            fill(&mut drawn, Distribution::Uniform, Some(&mut generator)).unwrap();
            assert_eq!(drawn, Tensor::rand([count], options));
        }
    });
}

#[test]
fn a_generator_of_its_own_leaves_the_default_one_alone() {
    let options = (Kind::Float, Device::Cpu);
    let drawn = |generator: Option<&mut Generator>| {
        let mut drawn = Tensor::empty([4], options);
        fill(&mut drawn, Distribution::Uniform, generator).unwrap();
        drawn
    };
    let expected = after_manual_seed(3, || Tensor::rand([4], options));
    let found = after_manual_seed(3, || {
        let mut other = Generator::new(9).unwrap();
        assert_ne!(drawn(Some(&mut other)), expected);
        drawn(None)
    });
    assert_eq!(found, expected);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut integers = Tensor::zeros([2, 3], (Kind::Int64, Device::Cpu));
    let error = |tensor: &mut Tensor, distribution| fill(tensor, distribution, None).unwrap_err().to_string();
    assert!(error(&mut integers, Distribution::Normal).contains("libtorch"));
    assert!(error(&mut integers, Distribution::Integers { below: 0 }).contains("libtorch"));
    assert!(error(&mut integers, Distribution::Permutation).contains("fills a tensor [n], found [2, 3]"));
    assert!(error(&mut integers, Distribution::Bernoulli { probability: 1.5 }).contains("libtorch"));
    assert!(error(&mut Tensor::new(), Distribution::Uniform).contains("libtorch"));
    let mut leaf = Tensor::zeros([2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    assert!(error(&mut leaf, Distribution::Uniform).contains("leaf"));
    assert!(seed_cuda(1000, 0).is_err() && seed_cuda(100, 0).is_err());
}
