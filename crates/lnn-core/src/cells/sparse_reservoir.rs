//! The time loop of a leaky reservoir with few synapses: it multiplies existing synapses alone.
//!
//! The synapses of a unit are a list of weights and sources, made of the numbers of the recurrent weights that are not zero, whatever
//! they are. Several samples run side by side, so that a synapse is one operation on a vector of their states. The loop has no
//! backward pass: it runs where no gradients are collected, and the fused loop on the dense matrix, which is the reference, elsewhere.

use crate::cells::approach::approach;
use crate::cells::sparse_sample::{Sample, run_sample};
use crate::cells::sparse_synapses::Synapses;
use crate::error::Error;
use crate::kernels::functions::tanh;
use crate::kernels::real::Real;
use crate::recurrence::cell::{Cell, recur};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::passes::{counts, pieces};
use lnn_sys::{Rows, gradients_are_collected, numbers, numbers_mut, parallel_each, row_numbers};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// Number of samples that run side by side.
const LANES: usize = 8;
/// The densities below which the loop over synapses is faster than the product with the matrix: of a few samples, whose synapses are
/// scattered reads, and of many.
const FEW_SAMPLES_BELOW: f64 = 0.12;
const MANY_SAMPLES_BELOW: f64 = 0.2;
/// Number of states below which the lists cost more than they save.
const WORTH_A_LIST: i64 = 16;

/// Whether the loop over synapses may run over `[batch, steps]`, and is faster.
pub(crate) fn saves_work(recurrent: &Tensor, density: f64, [batch, steps]: [i64; 2]) -> bool {
    let below = if batch < LANES as i64 { FEW_SAMPLES_BELOW } else { MANY_SAMPLES_BELOW };
    density < below
        && batch > 0
        && batch * steps >= WORTH_A_LIST
        && recurrent.device() == Device::Cpu
        && matches!(recurrent.kind(), Kind::Float | Kind::Double)
        && !gradients_are_collected()
}

/// [`Cell::scan`] of a reservoir with the recurrent weights `[H, H]` and the leak rates `[1, 1, H]`, over a sequence that was checked.
///
/// # Errors
/// [`Error::Torch`] or [`Error::Sys`] if libtorch throws.
pub(crate) fn scan<C: Cell>(
    cell: &C,
    weights: [&Tensor; 2],
    sequence: Sequence<'_>,
    initial: Option<&State>,
) -> Result<Run, Error> {
    let x = sequence.without_padding().transpose(0, 1).contiguous();
    let initial = initial.map(|state| state.output().contiguous());
    let mask = sequence.mask.map(|mask| mask.transpose(0, 1).to_kind(Kind::Bool).contiguous().view([-1]));
    let mask = mask.map(Vec::<bool>::try_from).transpose()?;
    recur(cell, &x, |projected| match projected.kind() {
        Kind::Double => run::<f64>(&projected, weights, initial.as_ref(), mask.as_deref()),
        _ => run::<f32>(&projected, weights, initial.as_ref(), mask.as_deref()),
    })?
}

fn run<R: Real>(
    projected: &Tensor,
    [recurrent, rates]: [&Tensor; 2],
    initial: Option<&Tensor>,
    mask: Option<&[bool]>,
) -> Result<Run, Error> {
    let (steps, batch, units) = projected.size3()?;
    let [batch, units] = [batch, units].map(|extent| extent as usize);
    let [recurrent, rates] = [recurrent, rates].map(Tensor::contiguous);
    let synapses = Synapses::of(&numbers::<R>(&recurrent)?, units);
    let rates = numbers::<R>(&rates)?;
    let initial = initial.map(numbers::<R>).transpose()?;
    let mut states = Tensor::empty(projected.size(), (projected.kind(), Device::Cpu));
    let projected = row_numbers::<R>(projected)?;
    if batch == 1 {
        let (projected, initial) = (projected.rows(), initial.as_deref());
        let sample = Sample { synapses: &synapses, rates: &rates, projected, initial, mask };
        run_sample(sample, numbers_mut(&mut states)?);
    } else {
        let groups = batch.div_ceil(LANES);
        let parts: Vec<Range<usize>> = lnn_sys::shares(groups)
            .into_iter()
            .map(|share| share.start * LANES..(share.end * LANES).min(batch))
            .collect();
        let states = pieces(numbers_mut(&mut states)?, batch, units, &parts);
        let items = parts.into_iter().zip(states).map(|(samples, states)| Part {
            synapses: &synapses,
            rates: &rates,
            projected: projected.rows(),
            initial: initial.as_deref(),
            mask,
            batch,
            samples,
            states,
        });
        parallel_each(items.collect(), |part| Arch::new().dispatch(part));
    }
    let last = states.select(0, steps - 1).copy();
    Ok(Run { outputs: states.transpose(0, 1), last: State::new(vec![last]) })
}

/// The samples of one thread.
struct Part<'a, R> {
    synapses: &'a Synapses<R>,
    rates: &'a [R],
    projected: Rows<'a, R>,
    /// `[B, H]`.
    initial: Option<&'a [R]>,
    /// `[T, B]`.
    mask: Option<&'a [bool]>,
    batch: usize,
    samples: Range<usize>,
    /// Out: the states of the samples, one piece per step.
    states: Vec<&'a mut [R]>,
}

impl<R: Real> WithSimd for Part<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let mut next = self.samples.start;
        while next < self.samples.end {
            let left = self.samples.end - next;
            // Lanes that are left empty cost as much as full ones.
            if left > 2 {
                self.run_lanes::<LANES>(next..next + left.min(LANES));
            } else {
                self.run_lanes::<1>(next..next + 1);
            }
            next += if left > 2 { left.min(LANES) } else { 1 };
        }
    }
}

impl<R: Real> Part<'_, R> {
    /// Runs at most L samples side by side over all steps.
    #[inline(always)]
    fn run_lanes<const L: usize>(&mut self, samples: Range<usize>) {
        let units = self.rates.len();
        let rates: Vec<[R; L]> = self.rates.iter().map(|rate| [*rate; L]).collect();
        let mut before = vec![[R::ZERO; L]; units];
        let mut after = before.clone();
        if let Some(initial) = self.initial {
            for (lane, sample) in samples.clone().enumerate() {
                let row = &initial[sample * units..][..units];
                before.iter_mut().zip(row).for_each(|(before, number)| before[lane] = *number);
            }
        }
        for (t, out) in self.states.iter_mut().enumerate() {
            for (lane, sample) in samples.clone().enumerate() {
                let row = self.projected.row(t, sample);
                after.iter_mut().zip(row).for_each(|(z, number)| z[lane] = *number);
            }
            for (z, bounds) in after.iter_mut().zip(self.synapses.ends.windows(2)) {
                let received = self.synapses.received(bounds[0]..bounds[1], &before);
                z.iter_mut().zip(received).for_each(|(z, received)| *z += received);
            }
            let flat = after.as_flattened_mut().iter_mut().zip(before.as_flattened());
            for ((z, h), rate) in flat.zip(rates.as_flattened()) {
                *z = approach(*h, *rate, tanh(*z));
            }
            for (lane, sample) in samples.clone().enumerate() {
                if !counts(self.mask, t * self.batch + sample) {
                    after.iter_mut().zip(&before).for_each(|(after, before)| after[lane] = before[lane]);
                }
                let row = &mut out[(sample - self.samples.start) * units..][..units];
                row.iter_mut().zip(&after).for_each(|(out, after)| *out = after[lane]);
            }
            std::mem::swap(&mut before, &mut after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::leaky_reservoir::LeakyReservoir;
    use crate::cells::reservoir_config::ReservoirConfig;
    use crate::parameters::store::Parameters;
    use crate::random::{rand, randn, seeded};

    const CONFIG: ReservoirConfig = ReservoirConfig {
        units: 90,
        spectral_radius: 0.9,
        leak_rate: 0.4,
        input_scale: 0.5,
        bias_scale: 0.2,
        density: 0.05,
        leak_range: Some([0.1, 1.0]),
    };

    fn drawn(kind: Kind) -> (LeakyReservoir, Parameters) {
        let mut parameters = Parameters::drawn(1, kind, Device::Cpu);
        let reservoir = LeakyReservoir::new(&mut parameters.root(), 3, &CONFIG).unwrap();
        (reservoir, parameters)
    }

    fn weights(parameters: &Parameters) -> Tensor {
        parameters.entries()[0].tensor.shallow_clone()
    }

    fn difference(a: &Tensor, b: &Tensor) -> f64 {
        assert_eq!(a.size(), b.size());
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn the_loop_over_synapses_has_the_states_of_the_steps_taken_one_by_one() {
        for (kind, tolerance) in [(Kind::Double, 1e-13), (Kind::Float, 2e-6)] {
            let (reservoir, parameters) = drawn(kind);
            let options = (kind, Device::Cpu);
            // Weights that a file may hold: one unit without synapses, one with all of them.
            let all = weights(&parameters);
            let _ = all.get(3).zero_();
            all.get(5).copy_(&(seeded(2, || randn([90], options)) * 0.05));
            for batch in [1, 2, 3, 8, 9, 21] {
                let (x, start, mask) = seeded(3, || {
                    (
                        randn([batch, 20, 3], options),
                        rand([batch, 90], options),
                        rand([batch, 20], options).lt(0.7),
                    )
                });
                let x = x.masked_fill(&mask.logical_not().unsqueeze(2), f64::NAN);
                let start = State::new(vec![start]);
                for (mask, initial) in [(Some(&mask), None), (Some(&mask), Some(&start))] {
                    let sequence = Sequence::new(&x).with_mask(mask);
                    assert!(tch::no_grad(|| saves_work(&all, CONFIG.density, [batch, 20])));
                    let found = tch::no_grad(|| reservoir.scan(sequence, initial)).unwrap();
                    let expected = reservoir.scan_stepwise(sequence, initial).unwrap();
                    assert!(
                        difference(&found.outputs, &expected.outputs) < tolerance,
                        "{kind:?}, {batch} samples"
                    );
                    assert!(difference(found.last.output(), expected.last.output()) < tolerance);
                }
            }
        }
    }

    #[test]
    fn where_gradients_are_collected_they_reach_the_input_as_in_the_steps() {
        let (reservoir, parameters) = drawn(Kind::Double);
        let x = seeded(4, || randn([9, 12, 3], (Kind::Double, Device::Cpu))).set_requires_grad(true);
        assert!(!saves_work(&weights(&parameters), CONFIG.density, [9, 12]));
        let gradients = [
            reservoir.scan(Sequence::new(&x), None).unwrap().outputs,
            reservoir.scan_stepwise(Sequence::new(&x), None).unwrap().outputs,
        ]
        .map(|outputs| {
            Tensor::run_backward(&[outputs.square().sum(Kind::Double)], &[&x], false, false).remove(0)
        });
        assert!(difference(&gradients[0], &gradients[1]) < 1e-12);
        assert!(gradients[0].abs().min().double_value(&[]) > 0.0);
    }

    #[test]
    fn a_dense_matrix_and_a_short_run_take_the_product() {
        let (_, parameters) = drawn(Kind::Float);
        let weights = weights(&parameters);
        tch::no_grad(|| {
            assert!(saves_work(&weights, 0.15, [8, 10]) && !saves_work(&weights, 0.15, [1, 10]));
            assert!(!saves_work(&weights, 1.0, [8, 10]) && !saves_work(&weights, 0.05, [8, 1]));
            assert!(!saves_work(&weights, 0.05, [0, 100]));
        });
    }
}
