//! The fused operation against libtorch's three.

use super::*;
use crate::random::{rand, randn, seeded};

/// y and the gradients of x, γ and β for a loss that weighs each number of y.
fn run(leaves: [&Tensor; 3], forward: impl Fn([&Tensor; 3]) -> Tensor) -> Vec<Tensor> {
    let leaves = leaves.map(|leaf| leaf.detach().copy().set_requires_grad(true));
    let y = forward([&leaves[0], &leaves[1], &leaves[2]]);
    let slope = Tensor::arange(y.numel() as i64, (Kind::Double, Device::Cpu)).cos().view_as(&y);
    (&y * slope.to_kind(y.kind())).sum(y.kind()).backward();
    [y.detach()].into_iter().chain(leaves.iter().map(Tensor::grad)).collect()
}

fn leaves([batch, channels, height, width]: [i64; 4], mean: f64) -> [Tensor; 3] {
    let options = (Kind::Float, Device::Cpu);
    seeded(5, || {
        let x = randn([batch, height, width, channels], options).permute([0, 3, 1, 2]);
        let weight = rand([channels], options) + 0.5;
        let x = x * (rand([channels, 1, 1], options) * 2.0 + 0.5) + mean;
        [x, weight, randn([channels], options)]
    })
}

fn plain([x, weight, bias]: [&Tensor; 3], pool: bool, activation: Activation) -> Tensor {
    let x = if pool { x.max_pool2d(2, 2, 0, 1, false) } else { x.shallow_clone() };
    let none = None::<&Tensor>;
    activation.apply(&x.batch_norm(Some(weight), Some(bias), none, none, true, 0.1, 1e-5, false))
}

#[test]
fn values_and_gradients_are_those_of_the_three_operations() {
    for shape in [[1, 1, 2, 3], [2, 3, 4, 4], [5, 8, 7, 9], [3, 33, 5, 6], [9, 64, 15, 15]] {
        for (pool, activation) in [
            (false, Activation::Rectifier),
            (true, Activation::Rectifier),
            (false, Activation::Gelu),
            (true, Activation::Gelu),
        ] {
            let leaves = leaves(shape, 0.3);
            let leaves = [&leaves[0], &leaves[1], &leaves[2]];
            if !fits(leaves[0], leaves[1], pool) {
                continue;
            }
            let fast = run(leaves, |[x, weight, bias]| {
                normalize(x, [weight, bias], 1e-5, pool, activation).unwrap().y
            });
            let exact = leaves.map(|leaf| leaf.to_kind(Kind::Double));
            let exact = run([&exact[0], &exact[1], &exact[2]], |leaves| plain(leaves, pool, activation));
            for (i, (fast, exact)) in fast.iter().zip(&exact).enumerate() {
                assert_eq!(fast.size(), exact.size());
                let worst = (fast - exact).abs().max().double_value(&[]);
                let scale = exact.abs().max().double_value(&[]);
                assert!(worst < 1e-5 * scale.max(1.0), "{shape:?} {pool} {activation:?}, {i}: {worst:e}");
            }
        }
    }
}

#[test]
fn statistics_are_exact_far_from_zero() {
    let [x, weight, bias] = leaves([7, 5, 12, 11], 1000.0);
    let found = normalize(&x, [&weight, &bias], 1e-5, false, Activation::Rectifier).unwrap();
    let exact = x.to_kind(Kind::Double).transpose(0, 1).flatten(1, -1);
    let off = |found: &Tensor, exact: &Tensor| ((found - exact) / exact).abs().max().double_value(&[]);
    assert!(off(&found.mean, &exact.mean_dim(1, false, Kind::Double)) < 1e-7);
    assert!(off(&found.variance, &exact.var_dim(1, true, false)) < 1e-5);
}

#[test]
fn the_first_of_equals_gets_the_gradient_and_what_is_not_a_number_stays_so() {
    let equal = [
        Tensor::ones([2, 4, 5, 5], (Kind::Float, Device::Cpu)),
        Tensor::ones([4], (Kind::Float, Device::Cpu)),
    ];
    let leaves = [&equal[0], &equal[1], &equal[1]];
    let fast = run(leaves, |[x, w, b]| normalize(x, [w, b], 1e-5, true, Activation::Gelu).unwrap().y);
    let slow = run(leaves, |leaves| plain(leaves, true, Activation::Gelu));
    assert!(fast.iter().zip(&slow).all(|(fast, slow)| fast.allclose(slow, 1e-5, 1e-4, false)));
    let broken = &equal[0] * f64::NAN;
    for activation in [Activation::Gelu, Activation::Rectifier] {
        let y = normalize(&broken, [&equal[1], &equal[1]], 1e-5, true, activation).unwrap().y;
        assert!(bool::try_from(y.isnan().all()).unwrap());
    }
}

#[test]
fn what_has_no_variance_or_another_dtype_goes_libtorchs_way() {
    let fits = |shape: &[i64], kind, pool| {
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (kind, Device::Cpu));
        fits(&zeros(shape), &zeros(&[3]), pool)
    };
    assert!(fits(&[2, 3, 1, 1], Kind::Float, false));
    assert!(!fits(&[2, 3, 1, 1], Kind::Float, true));
    assert!(!fits(&[1, 3, 1, 1], Kind::Float, false));
    assert!(!fits(&[2, 3, 4, 4], Kind::Double, false));
    assert!(!fits(&[2, 4, 4, 4], Kind::Float, false));
    assert!(!fits(&[2, 3, 4], Kind::Float, false));
}
