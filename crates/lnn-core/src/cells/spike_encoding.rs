//! Encodings of intensities as sequences for spiking units.
//!
//! | encoding | step t of an intensity x in 0..1 |
//! |---|---|
//! | current | x itself, at every step |
//! | rate | a spike with probability x; without a generator, evenly: a spike where t x passes an integer |
//! | latency | one spike, at step (1 - x)(T - 1), the earlier the stronger; none for x = 0 |
//! | delta | of a sequence: 1 where it rose by at least a threshold since the step before, -1 where it fell |
//!
//! Source: Gerstner and Kistler, "Spiking Neuron Models" (2002), for rate and latency; Lichtsteiner, Posch and Delbruck
//! (2008) for temporal contrast.

use crate::error::Error;
use crate::random::{of_share, rand_like};
use tch::Tensor;

/// The same input `x [B, I]` at each of `steps` steps: `[B, T, I]`.
///
/// # Panics
/// If `x` has another number of dimensions, or `steps` is negative.
pub fn encode_current(x: &Tensor, steps: i64) -> Tensor {
    x.unsqueeze(1).expand([-1, steps, -1], false)
}

/// Spikes `[B, T, I]` whose rate is `x [B, I]`, clamped to 0..1: drawn by the generator of the calling thread if `random`, else evenly
/// spaced and the same each time.
///
/// # Panics
/// As [`encode_current`].
pub fn encode_rate(x: &Tensor, steps: i64, random: bool) -> Tensor {
    let x = encode_current(&x.clamp(0.0, 1.0), steps);
    if random {
        let [batch, steps, inputs] = x.size()[..] else { unreachable!("the sequence has three extents") };
        let drawn = of_share(batch, 0, |samples| {
            // A sequence of as many samples, as long and as wide.
            let like = x.narrow(0, 0, 1).expand([samples, steps, inputs], false);
            Ok::<_, Error>(rand_like(if samples == batch { &x } else { &like }))
        });
        let drawn = drawn.unwrap_or_else(|error| panic!("random numbers: {error}"));
        return drawn.lt_tensor(&x).to_kind(x.kind());
    }
    let t = Tensor::arange(steps, (x.kind(), x.device())).view([1, -1, 1]);
    // A hundredth of a spike ahead, so that an intensity of 1 spikes at every step whatever the rounding.
    let passed = |t: &Tensor| (&x * t + 0.01).floor();
    passed(&(&t + 1.0)) - passed(&t)
}

/// One spike `[B, T, I]` for each `x [B, I]`, clamped to 0..1: the stronger, the earlier; none for 0.
///
/// # Panics
/// As [`encode_current`].
pub fn encode_latency(x: &Tensor, steps: i64) -> Tensor {
    let x = x.clamp(0.0, 1.0);
    let time = ((-&x + 1.0) * (steps - 1) as f64).round();
    let t = Tensor::arange(steps, (x.kind(), x.device())).view([1, -1, 1]);
    let spikes = t.eq_tensor(&time.unsqueeze(1)).logical_and(&x.gt(0.0).unsqueeze(1));
    spikes.to_kind(x.kind())
}

/// Spikes `[B, T, I]`, 1 or -1, where a sequence `x [B, T, I]` rises or falls by at least `threshold` in a step. It counts as 0
/// before the first step.
///
/// # Panics
/// If `x` has another number of dimensions.
pub fn encode_delta(x: &Tensor, threshold: f64) -> Tensor {
    let change = x - x.constant_pad_nd([0, 0, 1, 0]).narrow(1, 0, x.size()[1]);
    let kind = x.kind();
    change.ge(threshold).to_kind(kind) - change.le(-threshold).to_kind(kind)
}

#[cfg(test)]
// Spikes are 0 or 1, and their counts are whole.
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;
    use crate::random::seeded;
    use tch::{Device, Kind};

    fn of(spikes: &Tensor, unit: i64) -> Vec<f32> {
        Vec::try_from(spikes.select(0, 0).select(1, unit)).unwrap()
    }

    fn intensities() -> Tensor {
        Tensor::from_slice(&[0.0f32, 0.25, 0.5, 1.0, 7.0]).view([1, 5])
    }

    #[test]
    fn a_rate_is_kept_evenly_without_a_generator_and_on_average_with_one() {
        let even = encode_rate(&intensities(), 8, false);
        assert_eq!(of(&even, 0), [0.0; 8]);
        assert_eq!(of(&even, 1), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(of(&even, 2).iter().sum::<f32>(), 4.0);
        assert_eq!((of(&even, 3), of(&even, 4)), (vec![1.0; 8], vec![1.0; 8]));
        let random = seeded(0, || encode_rate(&intensities(), 4000, true));
        let rates = random.mean_dim(1, false, Kind::Float).squeeze_dim(0);
        let expected = intensities().clamp(0.0, 1.0).squeeze_dim(0);
        assert!((rates - expected).abs().max().double_value(&[]) < 0.03);
    }

    #[test]
    fn the_stronger_spikes_earlier_and_nothing_never() {
        let spikes = encode_latency(&intensities(), 5);
        let when = |unit| of(&spikes, unit).iter().position(|&spike| spike == 1.0);
        assert_eq!([0, 1, 2, 3, 4].map(when), [None, Some(3), Some(2), Some(0), Some(0)]);
        assert_eq!(spikes.sum(Kind::Float).double_value(&[]), 4.0);
    }

    #[test]
    fn a_change_spikes_with_its_sign_and_what_stays_is_silent() {
        let x = Tensor::from_slice(&[0.5f32, 0.5, 0.9, 0.85, 0.1]).view([1, 5, 1]);
        assert_eq!(of(&encode_delta(&x, 0.3), 0), [1.0, 0.0, 1.0, 0.0, -1.0]);
    }

    #[test]
    fn a_current_is_the_same_at_every_step_and_copies_nothing() {
        let x = crate::random::rand([2, 3], (Kind::Float, Device::Cpu));
        let current = encode_current(&x, 4);
        assert_eq!((current.size(), current.data_ptr()), (vec![2, 4, 3], x.data_ptr()));
    }
}
