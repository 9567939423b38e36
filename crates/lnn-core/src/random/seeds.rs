//! The generator of the calling thread, and seeds for its purposes.

use super::share::Share;
use super::split_mix::SplitMix64;
use crate::error::Error;
use lnn_sys::{Generator, seed_cuda};
use std::cell::RefCell;
use tch::Device;

thread_local! {
    /// One entry for each call of [`seeded`] that the thread is in, the innermost last.
    static CALLS: RefCell<Vec<Seeded>> = const { RefCell::new(Vec::new()) };
}

/// What a call of [`seeded`] has drawn from so far.
struct Seeded {
    seed: u64,
    /// The samples that are drawn for, if others draw for the rest of the batch.
    share: Option<Share>,
    /// Made when the first number is drawn on the CPU.
    generator: Option<Generator>,
    /// The CUDA devices whose default generators this call has seeded.
    devices: Vec<usize>,
}

/// Runs `draw` with a random number generator that starts at `seed`: what the functions of [`random`](crate::random) draw on this
/// thread within `draw` is a function of the seed alone, and equals what libtorch draws after `tch::manual_seed(seed)`.
///
/// The generator belongs to the calling thread, so other threads neither wait nor draw from it. Calls may be nested; the outer
/// generator goes on where it was. No state need be stored to draw the same numbers again.
///
/// On CUDA numbers come from the default generator of the device, which all threads share; it is seeded at the first draw within the
/// call. Two threads that draw on one device at the same time, and nested calls on one device, therefore disturb each other.
pub fn seeded<T>(seed: u64, draw: impl FnOnce() -> T) -> T {
    call(seed, None, draw)
}

/// As [`seeded`], where this process computes the samples `share` of a batch: what [`of_share`](super::of_share) and
/// [`dropout`](super::dropout) draw on the CPU is what they would draw for these samples in the whole batch. On CUDA, whose numbers come
/// from kernels, each share has numbers of its own.
pub fn seeded_share<T>(seed: u64, share: Share, draw: impl FnOnce() -> T) -> T {
    call(seed, Some(share), draw)
}

fn call<T>(seed: u64, share: Option<Share>, draw: impl FnOnce() -> T) -> T {
    CALLS.with_borrow_mut(|calls| calls.push(Seeded { seed, share, generator: None, devices: Vec::new() }));
    let _call = Call;
    draw()
}

/// The share of the innermost call.
pub(super) fn current_share() -> Option<Share> {
    CALLS.with_borrow(|calls| calls.last().and_then(|call| call.share))
}

/// A call of [`seeded`], which ends when this is dropped, even by a panic.
struct Call;

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.with_borrow_mut(Vec::pop);
    }
}

/// Seeds the default generator of a CUDA `device` from the innermost call of [`seeded`], once in each call. Drawing does so by itself;
/// only a CUDA graph that replays recorded draws needs it before. Does nothing for other devices and outside [`seeded`].
///
/// # Errors
/// [`Error::Sys`] if libtorch has no such device.
pub fn seed_device(device: Device) -> Result<(), Error> {
    let Device::Cuda(index) = device else { return Ok(()) };
    CALLS.with_borrow_mut(|calls| match calls.last_mut() {
        Some(call) if !call.devices.contains(&index) => {
            // Shares that begin at other samples draw other numbers.
            let first = call.share.map_or(0, |share| share.first.cast_unsigned());
            let seed = if first == 0 { call.seed } else { derive_seed(call.seed, &[first]) };
            seed_cuda(index, seed)?;
            call.devices.push(index);
            Ok(())
        }
        _ => Ok(()),
    })
}

/// Calls `draw` with the generator for numbers on `device`; none stands for the device's default generator.
pub(super) fn with_generator(
    device: Device,
    draw: impl FnOnce(Option<&mut Generator>) -> Result<(), lnn_sys::Error>,
) -> Result<(), Error> {
    seed_device(device)?;
    CALLS.with_borrow_mut(|calls| match calls.last_mut() {
        Some(call) if device == Device::Cpu => {
            let generator = match &mut call.generator {
                Some(generator) => generator,
                none => none.insert(Generator::new(call.seed)?),
            };
            Ok(draw(Some(generator))?)
        }
        _ => Ok(draw(None)?),
    })
}

/// A seed for one purpose out of a run's seed; other `words` give another seed.
pub fn derive_seed(seed: u64, words: &[u64]) -> u64 {
    let spread = |state| SplitMix64::new(state).next_u64();
    words.iter().fold(spread(seed), |state, word| spread(state ^ word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{rand, randn};
    use std::collections::HashSet;
    use std::panic::catch_unwind;
    use std::sync::Barrier;
    use tch::{Kind, Tensor};

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn the_same_seed_draws_the_same_numbers_on_many_threads_at_once() {
        let draw = || Vec::<f32>::try_from(seeded(7, || randn([1000], OPTIONS))).unwrap();
        let expected = draw();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| assert!(draw() == expected, "other numbers")));
            }
        });
    }

    #[test]
    fn threads_that_draw_in_turns_do_not_disturb_each_other() {
        // Each waits for the other within its own call: a lock around the call would never let both arrive.
        let turns = Barrier::new(2);
        let draw = |seed| {
            let parts = seeded(seed, || {
                [(); 5].map(|()| {
                    turns.wait();
                    randn([5], OPTIONS)
                })
            });
            Vec::<f32>::try_from(Tensor::cat(&parts, 0)).unwrap()
        };
        let [first, second] = std::thread::scope(|scope| {
            [1, 2].map(|seed| scope.spawn(move || draw(seed))).map(|thread| thread.join().unwrap())
        });
        for (seed, found) in [(1, first), (2, second)] {
            let parts = seeded(seed, || [(); 5].map(|()| randn([5], OPTIONS)));
            assert_eq!(found, Vec::<f32>::try_from(Tensor::cat(&parts, 0)).unwrap());
        }
    }

    #[test]
    fn a_nested_call_leaves_the_outer_generator_where_it_was() {
        let (before, inner, after) =
            seeded(1, || (rand([3], OPTIONS), seeded(2, || rand([3], OPTIONS)), rand([3], OPTIONS)));
        assert_eq!(Tensor::cat(&[before, after], 0), seeded(1, || rand([6], OPTIONS)));
        assert_eq!(inner, seeded(2, || rand([3], OPTIONS)));
    }

    #[test]
    fn a_call_ends_with_a_panic_too() {
        let expected = seeded(1, || [rand([3], OPTIONS), rand([3], OPTIONS)]);
        let found = seeded(1, || {
            let first = rand([3], OPTIONS);
            assert!(catch_unwind(|| seeded(2, || panic!("on purpose"))).is_err());
            [first, rand([3], OPTIONS)]
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn derived_seeds_differ_by_every_word() {
        let seeds: HashSet<u64> = (0..10)
            .flat_map(|a| (0..10).flat_map(move |b| (0..10).map(move |c| derive_seed(a, &[b, c]))))
            .collect();
        assert_eq!(seeds.len(), 1000);
    }

    #[test]
    fn derived_seeds_never_change() {
        // Pinned: weights, orders and noise of all runs depend on them.
        assert_eq!(derive_seed(0, &[]), 0xe220_a839_7b1d_cdaf);
        assert_eq!(derive_seed(1_234_567, &[]), 6_457_827_717_110_365_317);
        assert_eq!(derive_seed(42, &[2, 7]), 0xef5e_260b_c49c_3c6f);
    }
}
