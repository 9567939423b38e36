//! Random numbers as a function of a seed, without state that is shared between threads.
//!
//! [`seeded`] gives the calling thread a generator of its own, from which the functions here draw; libtorch's functions
//! (`Tensor::randn`, `dropout`, …) draw from a default generator that all threads share, and are therefore not used.

mod draws;
mod dropout;
mod seeds;
mod share;
mod split_mix;

pub use draws::{f_rand, f_randn, of_share, rand, rand_like, randint, randn, randn_like, randperm};
pub use dropout::dropout;
pub use seeds::{derive_seed, seed_device, seeded, seeded_share};
pub use share::Share;
pub use split_mix::SplitMix64;
