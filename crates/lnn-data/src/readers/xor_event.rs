//! `xor-event`: the parity of random bits that are told by their changes alone.
//!
//! A sequence is 2 to 31 random bits. Each step is an event: a bit that differs from the one before, with the number of bits since the
//! event before; where the last bits are equal, one more event tells how many they are. The class is the parity of the bits, so that a
//! model has to count by the time between events. There are 100,000 sequences for training and 10,000 for the test, padded to 32
//! steps; `dt` is in bits.
//!
//! Source: Lechner and Hasani, "Learning long-term dependencies in irregularly-sampled time series" (2020), section 5, with other random
//! numbers. Their `dt` is a part of 32.

use crate::error::DataError;
use crate::source::{DataSource, Parts, SplitRequest};
use crate::split::{split_by_label, thinned};
use lnn_core::random::SplitMix64;
use lnn_core::{Input, InputSpec, SampleSet, Samples, Task, Timing};
use tch::Tensor;

/// Number of steps to which sequences are padded, above the number of bits.
const STEPS: usize = 32;
/// Numbers of sequences for training and validation, and for the test.
const SEQUENCES: [usize; 2] = [100_000, 10_000];
/// Seeds of the two: the set is the same for every run.
const SEEDS: [u64; 2] = [2020, 2021];

/// The set, which is drawn when it is asked for.
#[derive(Debug)]
pub struct XorEvent;

/// The events of a sequence of bits: each with its bit and the number of bits since the event before.
fn events(bits: &[bool]) -> Vec<(bool, usize)> {
    let mut events = Vec::new();
    let mut since = 0;
    for (i, bit) in bits.iter().enumerate() {
        since += 1;
        if i == 0 || bits[i - 1] != *bit {
            events.push((*bit, since));
            since = 0;
        }
    }
    if since > 0 {
        events.extend(bits.last().map(|bit| (*bit, since)));
    }
    events
}

/// Draws sequences with their labels.
fn draw(count: usize, seed: u64) -> Samples {
    let mut random = SplitMix64::new(seed);
    let [mut x, mut dt] = [0, 1].map(|_| vec![0_f32; count * STEPS]);
    let mut mask = vec![false; count * STEPS];
    let mut labels = Vec::with_capacity(count);
    for row in 0..count {
        let length = 2 + random.below(STEPS as u64 - 2) as usize;
        let bits: Vec<bool> = (0..length).map(|_| random.below(2) == 1).collect();
        labels.push(bits.iter().filter(|bit| **bit).count() as i64 % 2);
        for (step, (bit, since)) in events(&bits).into_iter().enumerate() {
            let place = row * STEPS + step;
            (x[place], dt[place], mask[place]) = (f32::from(u8::from(bit)), since as f32, true);
        }
    }
    let extents = [count as i64, STEPS as i64];
    let input = Input {
        x: Tensor::from_slice(&x).view(extents).unsqueeze(2),
        dt: Some(Tensor::from_slice(&dt).view(extents)),
        mask: Some(Tensor::from_slice(&mask).view(extents)),
    };
    Samples { input, targets: Tensor::from_slice(&labels) }
}

impl DataSource for XorEvent {
    fn spec(&self) -> InputSpec {
        let class_names = ["even", "odd"].map(String::from).to_vec();
        InputSpec {
            task: Task::Classification { class_names },
            timing: Some(Timing { unit: 1.0, typical_dt: 1.0 }),
            ..InputSpec::sequences(vec!["bit".into()], Vec::new())
        }
    }

    fn parts(&self, request: &SplitRequest<'_>) -> Result<Parts, DataError> {
        let samples = draw(SEQUENCES[0], SEEDS[0]);
        let labels = Vec::<i64>::try_from(&samples.targets).expect("labels on the CPU");
        let (train, validation) = split_by_label(&labels, request.validation_fraction, request.seed)?;
        let [train, validation] = match request.limits() {
            Some([most, held_out]) => [thinned(&train, most), thinned(&validation, held_out)],
            None => [train, validation],
        };
        let all = SampleSet::Stored(samples);
        Ok(Parts::new(all.subset(&train), all.subset(&validation), self.test()?))
    }

    fn test(&self) -> Result<SampleSet, DataError> {
        Ok(SampleSet::Stored(draw(SEQUENCES[1], SEEDS[1])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn an_event_is_a_bit_that_differs_and_the_last_tells_the_rest() {
        let bits = |text: &str| text.chars().map(|sign| sign == '1').collect::<Vec<_>>();
        assert_eq!(events(&bits("0")), [(false, 1)]);
        assert_eq!(events(&bits("0110")), [(false, 1), (true, 1), (false, 2)]);
        assert_eq!(events(&bits("1100011")), [(true, 1), (false, 2), (true, 3), (true, 1)]);
    }

    #[test]
    fn the_parity_can_be_counted_from_the_events() {
        let Samples { input, targets } = draw(200, 1);
        let rows = |tensor: Tensor| Vec::<f64>::try_from(tensor.to_kind(Kind::Double).reshape([-1])).unwrap();
        let (x, dt, mask) = (rows(input.x), rows(input.dt.unwrap()), rows(input.mask.unwrap()));
        for (row, label) in Vec::<i64>::try_from(targets).unwrap().into_iter().enumerate() {
            // Before an event stand dt - 1 bits like that of the event before it; the last event may repeat its bit.
            let (mut bits, mut before) = (Vec::new(), 0.0);
            for place in row * STEPS..(row + 1) * STEPS {
                if mask[place] == 0.0 {
                    assert_eq!((x[place], dt[place]), (0.0, 0.0));
                    continue;
                }
                bits.extend(std::iter::repeat_n(before, dt[place] as usize - 1));
                bits.push(x[place]);
                before = x[place];
            }
            assert!((2..STEPS).contains(&bits.len()));
            assert_eq!(bits.iter().sum::<f64>() as i64 % 2, label);
        }
    }

    #[test]
    fn training_and_test_differ_and_a_limit_keeps_both_classes() {
        let request = SplitRequest { limit: Some(100), ..SplitRequest::new(0.1, 0) };
        let parts = XorEvent.parts(&request).unwrap();
        assert_eq!([parts.train.len(), parts.validation.len(), parts.test.len()], [90, 10, 10_000]);
        let odd = parts.train.narrow(0, 90).targets.sum(Kind::Int64).int64_value(&[]);
        assert!((20..70).contains(&odd), "{odd}");
    }
}
