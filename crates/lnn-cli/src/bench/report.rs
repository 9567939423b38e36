//! The result of a benchmark, as a table row and for JSON.

use super::pass::Pass;
use super::shape::Shape;
use super::work::Work;
use serde::Serialize;
use std::time::Duration;

/// The result of a benchmark. A step is one of the T steps of a sequence; for a model it is one batch.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The name of the workload.
    pub work: Work,
    /// Its shape.
    pub shape: Shape,
    /// The pass that a repetition computes.
    pub pass: Pass,
    /// The median of the repetitions, in seconds.
    pub median_s: f64,
    /// The minimum of the repetitions, in seconds.
    pub min_s: f64,
    /// The median per step, in seconds.
    pub step_s: f64,
    /// Steps per second, computed from the median.
    pub steps_per_s: f64,
    /// Number of timed repetitions.
    pub repetitions: usize,
    /// Threads of one operation on the CPU.
    pub threads: i32,
    /// The device that computed it.
    pub device: String,
    /// Whether a repetition was a replay of a CUDA graph.
    pub cuda_graph: bool,
    /// The maximum memory of the process during the repetitions.
    pub peak_memory_mb: Option<f64>,
    /// The increase of the memory over that before the repetitions, which holds data, weights, moments, and what a repetition
    /// keeps. It is known only for the first row of a process.
    pub added_memory_mb: Option<f64>,
}

impl Report {
    /// Returns the header of a table of reports.
    pub fn header() -> String {
        row(["work", "shape", "pass", "median", "minimum", "per step", "steps/s", "times", "memory"])
    }

    /// Returns the row of the table.
    pub fn row(&self) -> String {
        let memory = self.added_memory_mb.map_or_else(String::new, |mb| format!("{mb:.1} MB"));
        let cells = [
            self.work.to_string(),
            self.shape.to_string(),
            self.pass.name(),
            time(self.median_s),
            time(self.min_s),
            time(self.step_s),
            format!("{:.0}", self.steps_per_s),
            self.repetitions.to_string(),
            memory,
        ];
        row(cells.each_ref().map(String::as_str))
    }
}

fn row([work, shape, pass, median, minimum, step, rate, times, memory]: [&str; 9]) -> String {
    format!(
        "{work:20} {shape:>14} {pass:9} {median:>9} {minimum:>9} {step:>9} {rate:>8} {times:>6} {memory:>9}"
    )
}

/// Formats a time with about three digits.
pub(super) fn time(seconds: f64) -> String {
    let (value, unit) = match Duration::from_secs_f64(seconds.max(0.0)).as_nanos() {
        0..1_000_000 => (seconds * 1e6, "us"),
        1_000_000..1_000_000_000 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_suits_them() {
        for (seconds, shown) in
            [(0.0, "0.00 us"), (4.56e-6, "4.56 us"), (0.01234, "12.3 ms"), (0.5, "500 ms"), (2.5, "2.50 s")]
        {
            assert_eq!(time(seconds), shown);
        }
    }
}
