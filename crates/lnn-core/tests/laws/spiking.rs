//! Laws of the spiking reservoir alone: spikes, resets, and growth that nobody notices.

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

/// The reservoir on which the laws of all cells are tested, with room that is not used.
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

/// A reservoir of 4 units in 9 places over 3 inputs, and what holds its tensors.
fn growing() -> (SpikingReservoir, Parameters) {
    let mut parameters = Parameters::drawn(5, Kind::Double, Device::Cpu);
    let config = SpikingConfig { units: 4, ..CONFIG };
    (SpikingReservoir::new(&mut parameters.root(), 3, &config).unwrap(), parameters)
}

#[test]
fn nobody_notices_a_birth_but_the_newborn_hears() {
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
    let newborn = after.narrow(2, 4, 3).abs().amax([0, 1], false);
    assert!(newborn.min().double_value(&[]) > 0.01, "a newborn that hears nothing");
}

/// The article fills its state up with zeros to the width of the room. At a birth it counts the newborn among the living, but
/// gives it no column, and from then on the state is one column narrower than the layer says: a run ends with an error.
#[test]
fn the_article_loses_a_column_at_a_birth_but_here_the_state_stays_as_wide_as_the_living_units() {
    let (reservoir, _parameters) = growing();
    let x = seeded(1, || randn([6, 5, 3], OPTIONS));
    let scan = |from: i64, to: i64, state: Option<&State>| {
        reservoir.scan(Sequence::new(&x.narrow(1, from, to - from)), state).unwrap().last
    };
    let (whole, part) = (scan(0, 5, None), scan(0, 3, None));
    let filled_up = |living: i64| part.output().constant_pad_nd([0, CONFIG.most_units - living]).size()[1];
    assert_eq!([4, 5].map(filled_up), [9, 8]);

    assert_eq!(seeded(2, || reservoir.grow(1)).unwrap(), 1);
    // A sequence that was begun before the birth goes on with a newborn at rest.
    let grown = scan(3, 5, Some(&map_state(&part, |tensor| tensor.constant_pad_nd([0, 1]))));
    for (after, before) in grown.tensors().iter().zip(whole.tensors()) {
        assert_eq!(after.size(), [6, reservoir.units()]);
        assert_close(&after.narrow(1, 0, 4), before);
    }
}

#[test]
fn growth_ends_where_the_room_ends_and_a_file_brings_it_back() {
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
fn what_does_not_live_gets_no_gradient() {
    let (reservoir, parameters) = growing();
    let x = seeded(1, || randn([6, 5, 3], OPTIONS));
    reservoir.scan(Sequence::new(&x), None).unwrap().outputs.square().sum(Kind::Double).backward();
    for entry in parameters.entries().iter().filter(|entry| entry.role == Role::Trainable) {
        let unused = entry.tensor.grad().narrow(0, 4, 5);
        assert_eq!(unused.count_nonzero(None).int64_value(&[]), 0, "{}", entry.name);
        assert!(entry.tensor.grad().abs().max().double_value(&[]) > 0.0, "{}", entry.name);
    }
}
