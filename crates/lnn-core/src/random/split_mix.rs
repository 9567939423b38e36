//! `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
//!
//! state ← state + γ, with the odd constant γ = 0x9e3779b97f4a7c15; the output is the state with every bit spread over all.
//!
//! It is written out here instead of taken from a crate, because a crate may change its stream between versions, and seeds and
//! splits of runs that are resumed depend on it.

/// A generator of 64-bit integers with a state of 64 bits, whose stream never changes.
#[derive(Debug, Clone)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next integer; all 2⁶⁴ values have the same probability.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer in `0..bound`, without bias: an output in the incomplete last interval is discarded.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let usable = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.next_u64();
            if drawn < usable {
                return drawn % bound;
            }
        }
    }

    /// A number in 0..1, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A random order of `0..n`: the shuffle of Fisher and Yates, from the last position to the second.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last as u64 + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outputs_are_the_published_ones() {
        // The first outputs from the state 1234567, as published with the algorithm.
        let mut generator = SplitMix64::new(1_234_567);
        let drawn = [(); 3].map(|()| generator.next_u64());
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn uniform_numbers_fill_the_interval() {
        let mut random = SplitMix64::new(1);
        let numbers: Vec<f64> = (0..10_000).map(|_| random.uniform()).collect();
        assert!(numbers.iter().all(|x| (0.0..1.0).contains(x)));
        for part in 0..10 {
            let low = f64::from(part) / 10.0;
            let count = numbers.iter().filter(|x| (low..low + 0.1).contains(*x)).count();
            assert!((850..1150).contains(&count), "{count} from {low}");
        }
    }

    #[test]
    fn the_permutation_never_changes() {
        // Pinned: another order would move validation samples of resumed runs into their training.
        assert_eq!(SplitMix64::new(42).permutation(10), [0, 9, 5, 8, 6, 4, 7, 2, 1, 3]);
        assert!(SplitMix64::new(42).permutation(0).is_empty());
    }

    #[test]
    fn every_integer_below_the_bound_has_the_same_probability() {
        let mut generator = SplitMix64::new(1);
        let mut counts = [0_i32; 7];
        (0..70_000).for_each(|_| counts[generator.below(7) as usize] += 1);
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 500), "{counts:?}");
        // Of a bound just above a half, almost every second output is discarded.
        assert!((0..100).all(|_| generator.below(u64::MAX / 2 + 2) < u64::MAX / 2 + 2));
    }
}
