//! Floating-point numbers and their vectors, with the operations that the loops on plain numbers use.

use lnn_sys::Element;
use pulp::{Arch, Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A floating-point number.
pub(crate) trait Real:
    Element
    + PartialOrd
    + AddAssign
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const ONE: Self;
    /// Minimum and maximum of the argument of e^x.
    const EXPONENTS: [Self; 2];
    /// A number t so that 2^-t is nothing beside 1, and 2^t is finite.
    const SIGMOID_LIMIT: f64;
    /// 1.5 times the number whose last bit has the value 1: a number that is added to it is rounded to an integer.
    const ROUNDER: Self;
    /// ln 2 as a sum: the first part times any exponent is exact.
    const LN_2: [Self; 2];
    /// Number of terms of the series of e^r - 1 for |r| <= ln 2 / 2.
    const EXPONENTIAL_TERMS: u32;
    /// Number of terms of the series of 2^r for |r| <= 1/2.
    const POWER_TERMS: usize;
    /// Number of terms of the series of artanh s for s <= 1/3.
    const LOGARITHM_TERMS: u32;

    fn from_f64(value: f64) -> Self;
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    fn abs(self) -> Self;
    fn copysign(self, sign: Self) -> Self;
    /// 2^n, where n was added to [`ROUNDER`](Self::ROUNDER).
    fn power_of_two(rounded: Self) -> Self;

    /// A vector register.
    type Vector<S: Simd>: Copy;
    /// A vector whose elements are all `value`.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a b + c`.
    fn fused<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>)
    -> Self::Vector<S>;
    /// `a + b`.
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a - b`.
    fn difference<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b`.
    fn product<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a / b`.
    fn quotient<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The number of `a` moved into the range from -`limit` to `limit`.
    fn within<S: Simd>(simd: S, a: Self::Vector<S>, limit: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of the elements.
    fn total<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
    /// [`power_of_two`](Self::power_of_two) of each element.
    fn powers_of_two<S: Simd>(simd: S, rounded: Self::Vector<S>) -> Self::Vector<S>;
    /// The vectors of a slice, without the elements that do not fill one.
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Vector<S>];
    /// The same, mutable.
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Vector<S>];
}

macro_rules! real {
    ($type:ident, $exponents:expr, $rounder:expr, $ln_2:expr, $terms:expr, $mantissa:expr, $bias:expr,
     $vector:ident, $splat:ident, $fused:ident, $sum:ident, $vectors:ident, $vectors_mut:ident,
     $difference:ident, $product:ident, $quotient:ident, [$least:ident, $most:ident], $total:ident, $powers:expr) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EXPONENTS: [Self; 2] = $exponents;
            const SIGMOID_LIMIT: f64 = ($bias - 7) as f64;
            const ROUNDER: Self = $rounder;
            const LN_2: [Self; 2] = $ln_2;
            const EXPONENTIAL_TERMS: u32 = $terms[0];
            const POWER_TERMS: usize = $terms[2];
            const LOGARITHM_TERMS: u32 = $terms[1];

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, summand: Self) -> Self {
                self.mul_add(factor, summand)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                self.copysign(sign)
            }
            #[inline(always)]
            fn power_of_two(rounded: Self) -> Self {
                // The last bits of `rounded` are n; they become the exponent.
                Self::from_bits((rounded.to_bits() << $mantissa).wrapping_add($bias << $mantissa))
            }

            type Vector<S: Simd> = S::$vector;
            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }
            #[inline(always)]
            fn fused<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$fused(a, b, c)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sum(a, b)
            }
            #[inline(always)]
            fn difference<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$difference(a, b)
            }
            #[inline(always)]
            fn product<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$product(a, b)
            }
            #[inline(always)]
            fn quotient<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$quotient(a, b)
            }
            #[inline(always)]
            fn within<S: Simd>(simd: S, a: S::$vector, limit: S::$vector) -> S::$vector {
                let low = simd.$difference(simd.$splat(0.0), limit);
                // The operands in this order: where `a` is not a number the result is none either.
                simd.$least(limit, simd.$most(low, a))
            }
            #[inline(always)]
            fn total<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$total(a)
            }
            #[inline(always)]
            fn powers_of_two<S: Simd>(simd: S, rounded: S::$vector) -> S::$vector {
                $powers(simd, rounded)
            }
            #[inline(always)]
            fn vectors<S: Simd>(numbers: &[Self]) -> &[S::$vector] {
                S::$vectors(numbers).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::$vector] {
                S::$vectors_mut(numbers).0
            }
        }
    };
}

real!(
    f32,
    [-87.0, 88.0],
    12_582_912.0,
    [0.693_359_4, -2.121_944_4e-4],
    [8, 8, 7],
    23,
    127,
    f32s,
    splat_f32s,
    mul_add_e_f32s,
    add_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    sub_f32s,
    mul_f32s,
    div_f32s,
    [min_f32s, max_f32s],
    reduce_sum_f32s,
    powers_of_two_f32s
);
real!(
    f64,
    [-708.0, 709.0],
    6_755_399_441_055_744.0,
    [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    [14, 18, 14],
    52,
    1023,
    f64s,
    splat_f64s,
    mul_add_e_f64s,
    add_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    sub_f64s,
    mul_f64s,
    div_f64s,
    [min_f64s, max_f64s],
    reduce_sum_f64s,
    powers_of_two_f64s
);

#[inline(always)]
fn powers_of_two_f32s<S: Simd>(simd: S, rounded: S::f32s) -> S::f32s {
    let shifted = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(shifted, simd.splat_u32s(127 << 23)))
}

/// There is no shift of 64 bits for all kinds of vectors, so the elements take the way over memory.
#[inline(always)]
fn powers_of_two_f64s<S: Simd>(_simd: S, rounded: S::f64s) -> S::f64s {
    let mut numbers = [0.0; 16];
    f64::vectors_mut::<S>(&mut numbers)[0] = rounded;
    for number in &mut numbers {
        *number = f64::power_of_two(*number);
    }
    f64::vectors::<S>(&numbers)[0]
}

/// The number of elements of a vector of the running CPU.
pub(crate) fn lanes<R: Real>() -> usize {
    Arch::new().dispatch(Lanes::<R>(PhantomData))
}

struct Lanes<R>(PhantomData<R>);

impl<R: Real> WithSimd for Lanes<R> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        size_of::<R::Vector<S>>() / size_of::<R>()
    }
}
