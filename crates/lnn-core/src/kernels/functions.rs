//! Elementary functions that the compiler can vectorise: no branch, no table, no call.
//!
//! Each is within a few units in the last place of the true value; NaN stays NaN. They are meant for the inside of loops and
//! are inlined there, so that they use the vector instructions of the function around them.
//!
//! Source of the reductions: e^x = 2^n e^r with n = round(x / ln 2); tanh a = -t / (t + 2) with t = e^(-2a) - 1; ln(1 + y) =
//! 2 artanh(y / (2 + y)).

use crate::kernels::real::Real;

/// Σ `coefficient(i)` xⁱ for i below `terms`. The count is a constant where it is called, so the loop unrolls.
#[inline(always)]
fn series<R: Real>(x: R, terms: u32, coefficient: impl Fn(u32) -> f64) -> R {
    let mut sum = R::from_f64(coefficient(terms - 1));
    for i in (0..terms - 1).rev() {
        sum = sum.mul_add(x, R::from_f64(coefficient(i)));
    }
    sum
}

/// 1 / (i + 1)!
const INVERSE_FACTORIALS: [f64; 14] = {
    let mut values = [1.0; 14];
    let mut i = 1;
    while i < 14 {
        values[i] = values[i - 1] / (i + 1) as f64;
        i += 1;
    }
    values
};

/// e^r - 1 and 2^n.
#[inline(always)]
fn reduced<R: Real>(x: R) -> [R; 2] {
    let [low, high] = R::EXPONENTS;
    // Written so that NaN stays NaN.
    let x = if x < low { low } else { x };
    let x = if x > high { high } else { x };
    let rounded = x.mul_add(R::from_f64(std::f64::consts::LOG2_E), R::ROUNDER);
    let n = rounded - R::ROUNDER;
    let r = n.mul_add(-R::LN_2[1], n.mul_add(-R::LN_2[0], x));
    let p = r * series(r, R::EXPONENTIAL_TERMS, |i| INVERSE_FACTORIALS[i as usize]);
    [p, R::power_of_two(rounded)]
}

/// e^x.
#[inline(always)]
pub(crate) fn exp<R: Real>(x: R) -> R {
    let [p, scale] = reduced(x);
    scale.mul_add(p, scale)
}

/// e^x - 1.
#[inline(always)]
pub(crate) fn expm1<R: Real>(x: R) -> R {
    let [p, scale] = reduced(x);
    scale.mul_add(p, scale - R::ONE)
}

/// Hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh<R: Real>(x: R) -> R {
    let a = x.abs();
    let t = expm1(-(a + a));
    (-t / (t + R::ONE + R::ONE)).copysign(x)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid<R: Real>(x: R) -> R {
    R::ONE / (exp(-x) + R::ONE)
}

/// ln(1 + e^x), and x itself above 20, as libtorch has it.
#[inline(always)]
pub(crate) fn softplus<R: Real>(x: R) -> R {
    let y = exp(-x.abs());
    let s = y / (y + R::ONE + R::ONE);
    let logarithm = (s + s) * series(s * s, R::LOGARITHM_TERMS, |i| 1.0 / f64::from(2 * i + 1));
    let positive = if x < R::ZERO { R::ZERO } else { x };
    if x > R::from_f64(20.0) { x } else { positive + logarithm }
}

/// The slope of [`softplus`]: 1 / (1 + e^-x), and 1 above 20.
#[inline(always)]
pub(crate) fn softplus_slope<R: Real>(x: R) -> R {
    if x > R::from_f64(20.0) { R::ONE } else { sigmoid(x) }
}

/// Φ(x) and its slope φ(x), the distribution and the density of a standard normal number, within 2e-7.
///
/// Source: Abramowitz and Stegun (1964), 7.1.26.
#[inline(always)]
pub(crate) fn gaussian(x: f32) -> [f32; 2] {
    // Half of the coefficients there, whose argument is |x| / √2.
    const TERMS: [f64; 5] =
        [0.127_414_796, -0.142_248_368, 0.710_706_870_5, -0.726_576_013_5, 0.530_702_714_5];
    const ARGUMENT: f32 = 0.231_641_9;
    const DENSITY_AT_ZERO: f32 = 0.398_942_3;
    let bell = exp(-0.5 * (x * x));
    let t = 1.0 / x.abs().mul_add(ARGUMENT, 1.0);
    let tail = t * series(t, 5, |i| TERMS[i as usize]) * bell;
    [0.5 + (0.5 - tail).copysign(x), DENSITY_AT_ZERO * bell]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> impl Iterator<Item = f64> {
        let fine = (-4000..=4000).map(|i| f64::from(i) / 400.0);
        let tiny = (-30..0).flat_map(|i| [10f64.powi(i), -(10f64.powi(i))]);
        let huge = [30.0, -30.0, 80.0, -80.0, 700.0, -700.0, 1e6, -1e6, f64::INFINITY, f64::NEG_INFINITY];
        fine.chain(tiny).chain(huge)
    }

    fn softplus_true(x: f64) -> f64 {
        if x > 20.0 { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
    }

    /// The largest relative error, except where the true value is below what the type holds with all its digits.
    fn worst<R: Real>(function: fn(R) -> R, truth: fn(f64) -> f64, back: fn(R) -> f64, smallest: f64) -> f64 {
        let error = |x: f64| {
            let x = R::from_f64(x);
            let (found, expected) = (back(function(x)), truth(back(x)));
            if expected.abs() < smallest { 0.0 } else { ((found - expected) / expected).abs() }
        };
        points().map(error).fold(0.0, f64::max)
    }

    #[test]
    fn values_are_within_a_few_units_in_the_last_place() {
        let check = |name: &str, single: f64, double: f64| {
            assert!(single < 6e-7, "{name}: {single:e} in f32");
            assert!(double < 2e-15, "{name}: {double:e} in f64");
        };
        let slope_true = |x: f64| if x > 20.0 { 1.0 } else { 1.0 / (1.0 + (-x).exp()) };
        let f32s = |function, truth| worst::<f32>(function, truth, f64::from, 1e-37);
        let f64s = |function, truth| worst::<f64>(function, truth, |x| x, 1e-300);
        check("tanh", f32s(tanh, f64::tanh), f64s(tanh, f64::tanh));
        check("softplus", f32s(softplus, softplus_true), f64s(softplus, softplus_true));
        check(
            "sigmoid",
            f32s(sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
            f64s(sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        );
        check("slope", f32s(softplus_slope, slope_true), f64s(softplus_slope, slope_true));
        for i in -400..=400 {
            let x = f64::from(i) / 100.0;
            let (found, expected) = (expm1(x), x.exp_m1());
            assert!((found - expected).abs() <= 2e-15 * expected.abs(), "expm1 {x}: {found} {expected}");
        }
    }

    #[test]
    fn the_normal_distribution_and_its_density_are_those_of_libtorch() {
        let points: Vec<_> = points().filter(|x| x.is_finite()).collect();
        let x = tch::Tensor::from_slice(&points);
        let expected = [x.special_ndtr(), (&x * &x * -0.5).exp() / std::f64::consts::TAU.sqrt()];
        for (i, point) in points.iter().enumerate() {
            for (found, expected) in gaussian(*point as f32).into_iter().zip(&expected) {
                let distance = (f64::from(found) - expected.double_value(&[i as i64])).abs();
                assert!(distance < 3e-7, "{point}: {found}, off by {distance:e}");
            }
        }
        for (x, distribution) in [(f32::INFINITY, 1.0), (f32::NEG_INFINITY, 0.0)] {
            let found = gaussian(x);
            assert_eq!(found[0].to_bits(), f32::to_bits(distribution), "{x}: {found:?}");
            // The exponential ends at its minimum, not at zero.
            assert!(found[1] < 1e-30, "{x}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        assert!(gaussian(f32::NAN).iter().all(|number| number.is_nan()));
        for function in [tanh::<f32>, softplus_slope, softplus, expm1] {
            assert!(function(f32::NAN).is_nan());
        }
        for function in [tanh::<f64>, softplus_slope, softplus, expm1] {
            assert!(function(f64::NAN).is_nan());
        }
    }
}
