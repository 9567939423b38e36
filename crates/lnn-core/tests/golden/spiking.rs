//! The spiking reservoir, with the gradients of its surrogate.

use crate::{Golden, KINDS, prefixed};
use lnn_core::{Cell, Parameters, Role, Sequence, SpikingConfig, SpikingReservoir, State, Surrogate};
use tch::{Device, Kind, Tensor};

/// A reservoir whose units are all active, with the tensors of the file.
fn reservoir(golden: &Golden) -> (SpikingReservoir, Parameters) {
    let [inputs, units] = golden.extents();
    let config = SpikingConfig {
        units,
        most_units: units,
        spectral_radius: 0.9,
        leak_rate: golden.number("leak_rate"),
        input_scale: 1.0,
        threshold: golden.number("threshold"),
        surrogate: Surrogate::FastSigmoid,
        sharpness: golden.number("sharpness"),
        bias: true,
        role: Role::Trainable,
    };
    // Drawn and not blank: that sets `active`, which the file does not contain.
    let mut parameters = Parameters::drawn(0, golden.kind, Device::Cpu);
    let reservoir = SpikingReservoir::new(&mut parameters.root(), inputs, &config).unwrap();
    for entry in parameters.entries().iter().filter(|entry| entry.role == Role::Trainable) {
        entry.tensor.detach().copy_(&golden.get(&entry.name));
    }
    (reservoir, parameters)
}

#[test]
fn the_spiking_reservoir_gives_the_membranes_the_spikes_and_the_surrogate_gradients_of_the_equation() {
    for (kind, from_zero) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        let golden = Golden::read("spiking_T7.npz", kind);
        let (reservoir, parameters) = reservoir(&golden);
        let (x, v0) = (golden.leaf("x"), golden.leaf("v0"));
        let initial = State::new(vec![v0.shallow_clone(), v0.detach().zeros_like()]);
        let run = reservoir.scan(Sequence::new(&x), (!from_zero).then_some(&initial)).unwrap();
        let [after, spikes] = <[Tensor; 2]>::try_from(run.outputs.chunk(2, 2)).unwrap();
        let loss = after.square().sum(kind) + (&spikes * golden.get("spike_weights")).sum(kind);
        loss.backward();
        // Exactly: a spike is 0 or 1 in either precision.
        let expected = golden.exact(&prefixed(from_zero, "spikes"));
        assert_eq!(spikes.detach().to_kind(Kind::Double), *expected, "{kind:?}");
        golden.check(&prefixed(from_zero, "before"), &(&after + &spikes * golden.number("threshold")));
        golden.check(&prefixed(from_zero, "after"), &after);
        golden.check(&prefixed(from_zero, "loss"), &loss);
        golden.check(&prefixed(from_zero, "grad_x"), &x.grad());
        if !from_zero {
            golden.check("grad_v0", &v0.grad());
        }
        for entry in parameters.entries().iter().filter(|entry| entry.role == Role::Trainable) {
            golden.check(&prefixed(from_zero, &format!("grad_{}", entry.name)), &entry.tensor.grad());
        }
    }
}
