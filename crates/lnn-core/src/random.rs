//! Seeded drawing from libtorch's generator.
//!
//! The generator belongs to all threads of the process, so seeding it and drawing from it are one act under a lock.

use std::sync::Mutex;

static GENERATOR: Mutex<()> = Mutex::new(());

/// Runs `draw` with libtorch's generators seeded from `seed`, while no other [`seeded`] call runs.
///
/// Randomness is so a function of the seed alone, and needs no generator state to be kept: whoever wants the same numbers
/// again, as a run that goes on, seeds again.
pub fn seeded<T>(seed: u64, draw: impl FnOnce() -> T) -> T {
    // A panic of another drawer leaves nothing half done here.
    let _guard = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(seed.cast_signed());
    draw()
}

/// A seed for one purpose out of a run's seed: another one for other words.
pub fn derive_seed(seed: u64, words: &[u64]) -> u64 {
    words.iter().fold(mix(seed), |state, word| mix(state ^ word))
}

/// The step of `SplitMix64` (Steele, Lea and Flood, 2014): spreads every bit over all.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn the_same_seed_draws_the_same_numbers_on_many_threads_at_once() {
        let draw = || {
            let drawn = seeded(7, || Tensor::randn([1000], (Kind::Float, Device::Cpu)));
            Vec::<f32>::try_from(drawn).unwrap()
        };
        let expected = draw();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| assert!(draw() == expected, "other numbers")));
            }
        });
    }

    #[test]
    fn derived_seeds_differ_by_every_word() {
        let seeds: HashSet<u64> = (0..10)
            .flat_map(|a| (0..10).flat_map(move |b| (0..10).map(move |c| derive_seed(a, &[b, c]))))
            .collect();
        assert_eq!(seeds.len(), 1000);
    }
}
