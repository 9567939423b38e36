//! The cost of the exchange of gradients between ranks: one all-reduce of as many numbers as a model trains.

use super::report::time;
use super::shape::Shape;
use super::work::Work;
use crate::failure::Failure;
use lnn_core::{InputSpec, Role};
use lnn_models::Model;
use lnn_train::{Ranks, RunConfig};
use serde::Serialize;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};

/// Repetitions before the first that counts.
const BEFORE: usize = 5;

/// The fewest and the most repetitions that count.
const REPETITIONS: [f64; 2] = [5.0, 10_000.0];

/// The cost of an all-reduce.
#[derive(Debug, Serialize)]
pub struct Exchange {
    /// The model whose gradients are exchanged.
    pub work: Work,
    /// The number of trainable parameters.
    pub parameters: usize,
    /// The bytes of their gradients.
    pub bytes: usize,
    /// The number of ranks.
    pub ranks: usize,
    /// The median in this rank, in seconds.
    pub median_s: f64,
    /// The minimum in this rank, in seconds.
    pub min_s: f64,
    /// The median of an all-reduce of one number, in seconds: the part that does not depend on the model.
    pub latency_s: f64,
    /// The number of repetitions.
    pub repetitions: usize,
}

impl Exchange {
    /// The result in words.
    pub fn in_words(&self) -> String {
        format!(
            "{}: all-reduce of {} gradients ({:.2} MB) over {} ranks: median {}, minimum {}; of one number {}",
            self.work,
            self.parameters,
            self.bytes as f64 / 1e6,
            self.ranks,
            time(self.median_s),
            time(self.min_s),
            time(self.latency_s)
        )
    }
}

/// Measures the exchange of the gradients of a model for about `duration`.
///
/// # Errors
/// [`Failure::Request`] if the work is no model, [`Failure::Run`] if another rank is gone.
pub fn exchange(
    work: Work,
    Shape([_, channels, height, width]): Shape,
    ranks: &Ranks,
    device: Device,
    duration: Duration,
) -> Result<Exchange, Failure> {
    let Work::Model { kind, preset } = work else {
        return Err(Failure::request(format!(
            "--collective: expected a model, as model:liquid:tuned, found {work}, which has no gradients to exchange"
        )));
    };
    let config = RunConfig::preset(kind, preset)?;
    let input =
        InputSpec::images([channels, height, width], (0..10).map(|class| class.to_string()).collect());
    let model = Model::shapes(config.model, input, config.standardization, Kind::Float)?;
    let parameters = model.parameters().count(Role::Trainable);
    let mut gradients = Tensor::zeros([parameters as i64], (Kind::Float, device));
    let (median_s, min_s, repetitions) = measure(ranks, &mut gradients, duration)?;
    let (latency_s, ..) = measure(ranks, &mut Tensor::zeros([1], (Kind::Float, device)), duration / 4)?;
    let (bytes, ranks) = (parameters * 4, ranks.place().size);
    Ok(Exchange { work, parameters, bytes, ranks, median_s, min_s, latency_s, repetitions })
}

/// Median and minimum of an all-reduce in seconds, and the number of repetitions, which is that of all ranks.
fn measure(ranks: &Ranks, tensor: &mut Tensor, duration: Duration) -> Result<(f64, f64, usize), Failure> {
    let mut once = || -> Result<f64, Failure> {
        let started = Instant::now();
        ranks.sum(tensor)?;
        ranks.settle()?;
        Ok(started.elapsed().as_secs_f64())
    };
    let mut slowest = 0.0_f64;
    for _ in 0..BEFORE {
        slowest = slowest.max(once()?);
    }
    let [fewest, most] = REPETITIONS;
    let wanted = (duration.as_secs_f64() / slowest.max(1e-6)).clamp(fewest, most).floor();
    let mut agreed = Tensor::from_slice(&[wanted]);
    ranks.sum(&mut agreed)?;
    let count = (agreed.double_value(&[0]) / ranks.place().size as f64) as usize;
    let mut seconds = (0..count).map(|_| once()).collect::<Result<Vec<f64>, Failure>>()?;
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[count / 2], seconds[0], count))
}
