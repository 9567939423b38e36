//! Repeats a function for a fixed duration and times the repetitions.

use crate::failure::Failure;
use std::time::{Duration, Instant};
use tch::{Cuda, Device};

/// Minimum number of timed repetitions.
const FEWEST: usize = 3;

/// Shorter repetitions are timed in groups, because reading the clock takes time, too.
const SHORTEST: Duration = Duration::from_micros(200);

/// The durations of repetitions, in seconds.
pub(super) struct Timing {
    /// The median.
    pub(super) median: f64,
    /// The minimum.
    pub(super) minimum: f64,
    /// Number of repetitions.
    pub(super) repetitions: usize,
}

impl Timing {
    /// Repeats for a fifth of `duration` to warm up, and then for the whole of it.
    pub(super) fn measure(
        repeat: &mut dyn FnMut() -> Result<(), Failure>,
        device: Device,
        duration: Duration,
    ) -> Result<Self, Failure> {
        let mut group = |count: usize| -> Result<f64, Failure> {
            let started = Instant::now();
            for _ in 0..count {
                repeat()?;
            }
            if let Device::Cuda(index) = device {
                Cuda::synchronize(index as i64);
            }
            Ok(started.elapsed().as_secs_f64() / count as f64)
        };
        let mut warm = Vec::new();
        let started = Instant::now();
        while warm.is_empty() || started.elapsed() < duration / 5 {
            warm.push(group(1)?);
        }
        let count = (SHORTEST.as_secs_f64() / median(&mut warm)).ceil().max(1.0) as usize;
        let mut seconds = Vec::new();
        let started = Instant::now();
        while seconds.len() < FEWEST || started.elapsed() < duration {
            seconds.push(group(count)?);
        }
        let repetitions = seconds.len() * count;
        let median = median(&mut seconds);
        Ok(Self { median, minimum: seconds[0], repetitions })
    }
}

/// Returns the median and leaves the values sorted.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_slow_is_repeated_at_least_three_times_and_what_is_quick_many_times() {
        let measure = |nap: Duration| {
            let mut repeat = || {
                std::thread::sleep(nap);
                Ok(())
            };
            Timing::measure(&mut repeat, Device::Cpu, Duration::from_millis(1)).unwrap()
        };
        let slow = measure(Duration::from_millis(2));
        assert_eq!(slow.repetitions, FEWEST);
        assert!(slow.minimum >= 0.002 && slow.minimum <= slow.median);
        assert!(measure(Duration::ZERO).repetitions > 100);
    }

    #[test]
    fn a_failure_ends_it() {
        let mut repeat = || Err(Failure::run("broken"));
        assert!(Timing::measure(&mut repeat, Device::Cpu, Duration::from_secs(9)).is_err());
    }
}
