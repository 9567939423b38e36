//! Laws of the leaky reservoir only.

use crate::{OPTIONS, Sizes, Subject, for_all, map_state};
use lnn_core::{Cell, LeakyReservoir, ReservoirConfig, Scope, Sequence};
use proptest::prelude::*;
use tch::no_grad;

const CONFIG: ReservoirConfig = ReservoirConfig {
    units: 1,
    spectral_radius: 0.9,
    leak_rate: 0.3,
    input_scale: 0.5,
    bias_scale: 0.2,
    density: 1.0,
    leak_range: None,
};

/// The reservoir on which the laws of all cells are tested.
pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    Box::new(LeakyReservoir::new(scope, inputs, &ReservoirConfig { units, ..CONFIG }).unwrap())
}

/// The same with few synapses, where each unit has a leak of its own.
pub(crate) fn draw_sparse(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let config = ReservoirConfig { units, density: 0.4, leak_range: Some([0.1, 0.9]), ..CONFIG };
    Box::new(LeakyReservoir::new(scope, inputs, &config).unwrap())
}

/// The same without a bias, like the echo state networks of most articles.
pub(crate) fn draw_without_bias(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let config = ReservoirConfig { units, bias_scale: 0.0, ..CONFIG };
    Box::new(LeakyReservoir::new(scope, inputs, &config).unwrap())
}

#[test]
fn gradients_pass_to_the_input_and_none_reach_the_weights() {
    for_all(draw, |subject| {
        let run = subject.cell.scan(Sequence::new(&subject.x), Some(&subject.initial)).unwrap();
        run.outputs.square().sum(OPTIONS.0).backward();
        assert!(subject.parameters.trainable().is_empty());
        for entry in subject.parameters.entries() {
            assert!(!entry.tensor.requires_grad() && !entry.tensor.grad().defined(), "{}", entry.name);
        }
        let gradient = subject.x.grad();
        assert!(gradient.abs().amin([0, 1, 2], false).double_value(&[]) > 0.0, "each input matters");
    });
}

#[test]
fn states_that_start_between_minus_one_and_one_stay_there() {
    for_all(draw, |subject| {
        // Inputs of several thousands saturate the units.
        let x = &subject.x * 1e4;
        let start = map_state(&subject.initial, |state| state.clamp(-1.0, 1.0));
        for initial in [None, Some(&start)] {
            let outputs = subject.cell.scan(Sequence::new(&x), initial).unwrap().outputs;
            assert!(outputs.abs().max().double_value(&[]) <= 1.0);
        }
    });
}

/// The echo state property: the influence of the initial state vanishes.
#[test]
fn two_initial_states_converge_under_one_input_when_the_radius_is_below_one() {
    let draw = |scope: &mut Scope<'_>, inputs, units| -> Box<dyn Cell> {
        let config = ReservoirConfig { units, spectral_radius: 0.5, leak_rate: 1.0, ..CONFIG };
        Box::new(LeakyReservoir::new(scope, inputs, &config).unwrap())
    };
    // Not with few units: their matrix may enlarge states a lot before its powers vanish.
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(units in 20_i64..40, inputs in 1_i64..5, seed in 0_u64..10_000)| {
        let subject = Subject::draw(draw, Sizes { batch: 4, steps: 100, inputs, units, seed });
        let distances = no_grad(|| {
            let one = subject.cell.scan(Sequence::new(&subject.x), Some(&subject.initial)).unwrap().outputs;
            let other = subject.cell.scan(Sequence::new(&subject.x), None).unwrap().outputs;
            (one - other).abs().amax([0, 2], false)
        });
        prop_assert!(distances.double_value(&[0]) > 1e-2, "they start apart");
        prop_assert!(distances.double_value(&[99]) < 1e-9, "they end together");
    });
}
