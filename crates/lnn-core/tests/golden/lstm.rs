//! The LSTM, fused and step by step.

use crate::{Golden, KINDS, prefixed};
use lnn_core::{Cell, Lstm, Run, Sequence, State};
use tch::{Device, Kind, Tensor};

/// Compares one run, with the gradients of `sum(outputs²) + sum(c_T²)`.
fn check_lstm(golden: &Golden, from_zero: bool, scan: impl Fn(&Lstm, &Tensor, Option<&State>) -> Run) {
    let [inputs, rows] = golden.extents();
    let mut parameters = golden.parameters();
    let lstm = Lstm::new(&mut parameters.root(), inputs, rows / 4).unwrap();
    let [x, h0, c0] = ["x", "h0", "c0"].map(|name| golden.leaf(name));
    let initial = State::new(vec![h0.shallow_clone(), c0.shallow_clone()]);
    let run = scan(&lstm, &x, (!from_zero).then_some(&initial));
    let loss = run.outputs.square().sum(golden.kind) + run.last.tensors()[1].square().sum(golden.kind);
    loss.backward();
    golden.check(&prefixed(from_zero, "outputs"), &run.outputs);
    golden.check(&prefixed(from_zero, "last_c"), &run.last.tensors()[1]);
    golden.check(&prefixed(from_zero, "grad_x"), &x.grad());
    for entry in parameters.entries() {
        golden.check(&prefixed(from_zero, &format!("grad_{}", entry.name)), &entry.tensor.grad());
    }
    if !from_zero {
        golden.check("grad_h0", &h0.grad());
        golden.check("grad_c0", &c0.grad());
    }
}

#[test]
fn the_lstm_gives_the_outputs_and_gradients_of_the_equation_fused_and_step_by_step() {
    for kind in KINDS {
        let golden = Golden::read("lstm_T5.npz", kind);
        for from_zero in [false, true] {
            check_lstm(&golden, from_zero, |lstm, x, initial| lstm.scan(Sequence::new(x), initial).unwrap());
            // With a mask of ones the scan runs step by step.
            check_lstm(&golden, from_zero, |lstm, x, initial| {
                let ones = Tensor::ones(&x.size()[..2], (Kind::Bool, Device::Cpu));
                lstm.scan(Sequence::new(x).with_mask(Some(&ones)), initial).unwrap()
            });
        }
    }
}
