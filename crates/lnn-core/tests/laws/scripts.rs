//! Laws of the TorchScript of a cell: the loaded module computes the same as the cell.

use crate::{Subject, assert_close, assert_states_close};
use lnn_core::{Run, Sequence, State};
use tch::{CModule, IValue, Kind, Tensor};

/// The module of the cell's script, after it was written to and read from the bytes of a file.
fn module(subject: &Subject) -> CModule {
    let bytes = subject.cell.script().build(&subject.parameters).unwrap().save(("empty", "")).unwrap();
    CModule::load_data(&mut bytes.as_slice()).unwrap()
}

/// One tensor, or a tuple of several.
fn value_of(state: &State) -> IValue {
    let mut values: Vec<IValue> =
        state.tensors().iter().map(|tensor| IValue::Tensor(tensor.shallow_clone())).collect();
    if values.len() == 1 { values.remove(0) } else { IValue::Tuple(values) }
}

fn state_of(value: IValue) -> State {
    match value {
        IValue::Tensor(tensor) => State::new(vec![tensor]),
        IValue::Tuple(values) => State::new(
            values
                .into_iter()
                .map(|value| match value {
                    IValue::Tensor(tensor) => tensor,
                    other => panic!("expected a tensor, found {other:?}"),
                })
                .collect(),
        ),
        other => panic!("expected a state, found {other:?}"),
    }
}

fn call(module: &CModule, method: &str, x: &Tensor, state: Option<&State>) -> Run {
    let state = state.map_or(IValue::None, value_of);
    let IValue::Tuple(mut found) =
        module.method_is(method, &[IValue::Tensor(x.shallow_clone()), state]).unwrap()
    else {
        panic!("expected a pair")
    };
    let last = state_of(found.pop().unwrap());
    let IValue::Tensor(outputs) = found.pop().unwrap() else { panic!("expected a tensor") };
    Run { outputs, last }
}

/// A number that depends on every output and every state with a weight of its own.
fn loss(run: &Run) -> Tensor {
    run.last.tensors().iter().fold(run.outputs.square().sum(Kind::Double), |sum, state| {
        sum + (state * 0.5).sin().sum(Kind::Double)
    })
}

pub(crate) fn the_scripted_sequence_has_the_values_and_gradients_of_the_scan(subject: &Subject) {
    let Subject { cell, parameters, x, initial, .. } = subject;
    let module = module(subject);
    let scan = cell.scan(Sequence::new(x), Some(initial)).unwrap();
    let scripted = call(&module, "sequence", x, Some(initial));
    assert_close(&scripted.outputs, &scan.outputs);
    assert_states_close(&scripted.last, &scan.last);

    let of_module = module.named_parameters().unwrap();
    let trainable = parameters.entries().iter().filter(|entry| entry.tensor.requires_grad());
    let (mut own, mut other): (Vec<Tensor>, Vec<Tensor>) = trainable
        .map(|entry| {
            let (_, found) = of_module.iter().find(|(name, _)| *name == entry.name).unwrap();
            (entry.tensor.shallow_clone(), found.shallow_clone())
        })
        .unzip();
    for shared in std::iter::once(x).chain(initial.tensors()) {
        own.push(shared.shallow_clone());
        other.push(shared.shallow_clone());
    }
    let own = Tensor::run_backward(&[loss(&scan)], &own, false, false);
    let other = Tensor::run_backward(&[loss(&scripted)], &other, false, false);
    for (other, own) in other.iter().zip(&own) {
        // A tensor that no output depends on has no gradient, or a zero one.
        match (other.defined(), own.defined()) {
            (true, true) => assert_close(other, own),
            (true, false) => assert_close(other, &other.zeros_like()),
            (false, true) => assert_close(own, &own.zeros_like()),
            (false, false) => (),
        }
    }
}

pub(crate) fn scripted_steps_are_the_scripted_sequence(subject: &Subject) {
    let Subject { x, initial, .. } = subject;
    let module = module(subject);
    for start in [None, Some(initial)] {
        let whole = call(&module, "sequence", x, start);
        let mut steps: Vec<Run> = Vec::new();
        for x in x.unbind(1) {
            let state = steps.last().map(|run| &run.last).or(start);
            let step = call(&module, "step", &x, state);
            steps.push(step);
        }
        let outputs: Vec<_> = steps.iter().map(|run| run.outputs.shallow_clone()).collect();
        assert_close(&Tensor::stack(&outputs, 1), &whole.outputs);
        assert_states_close(&steps.last().unwrap().last, &whole.last);
    }
}

pub(crate) fn a_script_starts_at_rest_where_it_is_given_no_state(subject: &Subject) {
    let Subject { cell, x, .. } = subject;
    let module = module(subject);
    let scan = cell.scan(Sequence::new(x), None).unwrap();
    assert_states_close(&call(&module, "sequence", x, None).last, &scan.last);
    assert_close(&module.forward_ts(&[x]).unwrap(), &scan.outputs);
}
