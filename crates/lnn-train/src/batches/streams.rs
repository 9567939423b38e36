//! The random seeds of a run: each purpose has its own stream.

use lnn_core::derive_seed;

/// The purpose of random numbers; each purpose has its own stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// The order of the samples in an epoch.
    Order = 1,
    /// The augmentation, the noise on the input and the dropout of a step.
    Step = 2,
    /// The units that are added after a step.
    Growth = 3,
    /// The noise of an evaluation.
    Noise = 4,
    /// Which side of an image the first epoch shows.
    Sides = 5,
    /// The noise on the input of a fixed front.
    InputNoise = 6,
}

/// Returns the seed of a purpose at a counter. A resumed run therefore draws the same numbers as an uninterrupted one.
pub(crate) fn stream_seed(seed: u64, stream: Stream, counter: u64) -> u64 {
    derive_seed(seed, &[stream as u64, counter])
}
