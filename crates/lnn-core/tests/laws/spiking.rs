//! Laws of the spiking reservoir only: spikes, resets, and growth that does not change the outputs of the units before.

use crate::{OPTIONS, assert_close, for_all, map_state};
use lnn_core::random::{randn, seeded};
use lnn_core::{Cell, Parameters, Role, Scope, Sequence, SpikingConfig, SpikingReservoir, State, Surrogate};
use tch::{Device, Kind, Tensor};

const CONFIG: SpikingConfig = SpikingConfig {
    units: 1,
    most_units: 9,
    spectral_radius: 0.9,
    leak_rate: 0.6,
    input_scale: 1.0,
    threshold: 0.3,
    surrogate: Surrogate::FastSigmoid,
    sharpness: 5.0,
    bias: true,
    role: Role::Trainable,
};

/// The reservoir on which the laws of all cells are tested, with units that are not active.
pub(crate) fn draw(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    Box::new(SpikingReservoir::new(scope, inputs, &SpikingConfig { units, ..CONFIG }).unwrap())
}

/// Fixed, without bias, and another surrogate.
pub(crate) fn draw_without_bias(scope: &mut Scope<'_>, inputs: i64, units: i64) -> Box<dyn Cell> {
    let surrogate = Surrogate::Arctan;
    let config = SpikingConfig { units, bias: false, role: Role::Buffer, surrogate, ..CONFIG };
    Box::new(SpikingReservoir::new(scope, inputs, &config).unwrap())
}

#[test]
fn a_spike_lowers_the_membrane_by_the_threshold() {
    for_all(draw, |subject| {
        let units = subject.cell.state_sizes()[0];
        let run = subject.cell.scan(Sequence::new(&subject.x), Some(&subject.initial)).unwrap();
        let (v, s) = (run.outputs.narrow(2, 0, units).detach(), run.outputs.narrow(2, units, units).detach());
        assert_close(&(&s * (1.0 - &s)), &s.zeros_like());
        let before = v + &s * CONFIG.threshold;
        assert_close(&before.gt(CONFIG.threshold).to_kind(OPTIONS.0), &s);
    });
}

/// A reservoir of 4 active units, 9 at most, over 3 inputs, and its parameters.
fn growing() -> (SpikingReservoir, Parameters) {
    let mut parameters = Parameters::drawn(5, Kind::Double, Device::Cpu);
    let config = SpikingConfig { units: 4, ..CONFIG };
    (SpikingReservoir::new(&mut parameters.root(), 3, &config).unwrap(), parameters)
}

#[test]
fn growth_leaves_the_other_units_as_they_were_and_added_units_read_the_input() {
    let (reservoir, _parameters) = growing();
    let x = seeded(1, || randn([6, 5, 3], OPTIONS));
    let outputs = || reservoir.scan(Sequence::new(&x), None).unwrap().outputs.detach();
    let before = outputs();
    assert_eq!(seeded(2, || reservoir.grow(3)).unwrap(), 3);
    assert_eq!(reservoir.units(), 7);
    let after = outputs();
    assert_eq!(after.size(), [6, 5, 14]);
    assert_close(&after.narrow(2, 0, 4), &before.narrow(2, 0, 4));
    assert_close(&after.narrow(2, 7, 4), &before.narrow(2, 4, 4));
    let added = after.narrow(2, 4, 3).abs().amax([0, 1], false);
    assert!(added.min().double_value(&[]) > 0.01, "an added unit does not read the input");
}

/// The article pads its state with zeros to the maximum width. When it adds a unit it counts it as active, but gives it no
/// column; from then on the state is one column narrower than the layer expects, and a run ends with an error.
#[test]
fn the_article_loses_a_column_when_it_grows_but_here_the_state_is_as_wide_as_the_active_units() {
    let (reservoir, _parameters) = growing();
    let x = seeded(1, || randn([6, 5, 3], OPTIONS));
    let scan = |from: i64, to: i64, state: Option<&State>| {
        reservoir.scan(Sequence::new(&x.narrow(1, from, to - from)), state).unwrap().last
    };
    let (whole, part) = (scan(0, 5, None), scan(0, 3, None));
    let filled_up = |active: i64| part.output().constant_pad_nd([0, CONFIG.most_units - active]).size()[1];
    assert_eq!([4, 5].map(filled_up), [9, 8]);

    assert_eq!(seeded(2, || reservoir.grow(1)).unwrap(), 1);
    // A sequence that began before the growth goes on with the added unit at rest.
    let grown = scan(3, 5, Some(&map_state(&part, |tensor| tensor.constant_pad_nd([0, 1]))));
    for (after, before) in grown.tensors().iter().zip(whole.tensors()) {
        assert_eq!(after.size(), [6, reservoir.units()]);
        assert_close(&after.narrow(1, 0, 4), before);
    }
}

#[test]
fn growth_ends_at_the_maximum_and_is_restored_from_a_file() {
    let (reservoir, parameters) = growing();
    assert_eq!([2, 100, 1].map(|count| reservoir.grow(count).unwrap()), [2, 3, 0]);
    let (other, blank) = growing();
    blank.load(&parameters.snapshot()).unwrap();
    other.recount();
    assert_eq!(other.units(), 9);
    let x = seeded(1, || randn([2, 3, 3], OPTIONS));
    let outputs = |cell: &SpikingReservoir| cell.scan(Sequence::new(&x), None).unwrap().outputs.detach();
    assert_eq!(outputs(&reservoir), outputs(&other));
}

#[test]
fn units_that_are_not_active_get_no_gradient() {
    let (reservoir, parameters) = growing();
    let x = seeded(1, || randn([6, 5, 3], OPTIONS));
    reservoir.scan(Sequence::new(&x), None).unwrap().outputs.square().sum(Kind::Double).backward();
    for entry in parameters.entries().iter().filter(|entry| entry.role == Role::Trainable) {
        let unused = entry.tensor.grad().narrow(0, 4, 5);
        assert_eq!(unused.count_nonzero(None).int64_value(&[]), 0, "{}", entry.name);
        assert!(entry.tensor.grad().abs().max().double_value(&[]) > 0.0, "{}", entry.name);
    }
}
