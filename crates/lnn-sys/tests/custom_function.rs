//! Functions with a backward pass in Rust, under libtorch's engine.

use lnn_sys::{CustomFunction, Forward, PassError, apply};
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// (x y, x + y), and counts how many of its kind are alive.
struct ProductAndSum {
    alive: Arc<()>,
}

impl CustomFunction for ProductAndSum {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let [x, y] = inputs else { return Err("expected two inputs".into()) };
        let outputs = vec![x * y, x + y];
        // One output is saved as well, which must not keep the graph alive.
        let saved = vec![x.shallow_clone(), y.shallow_clone(), outputs[0].shallow_clone()];
        Ok(Forward { outputs, saved: if needs.contains(&true) { saved } else { Vec::new() } })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        assert!(Arc::strong_count(&self.alive) > 1, "the function is alive");
        let [x, y, product] = saved else { return Err("expected three saved tensors".into()) };
        assert_eq!(*product, x * y);
        let gradient = |other: &Tensor| match (&gradients[0], &gradients[1]) {
            (Some(product), Some(sum)) => Some(product * other + sum),
            (Some(product), None) => Some(product * other),
            (None, Some(sum)) => Some(sum.shallow_clone()),
            (None, None) => None,
        };
        Ok(vec![needs[0].then(|| gradient(y)).flatten(), needs[1].then(|| gradient(x)).flatten()])
    }
}

fn numbers(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

fn run(alive: &Arc<()>, x: &Tensor, y: &Tensor) -> [Tensor; 2] {
    apply(ProductAndSum { alive: alive.clone() }, &[x, y]).unwrap().try_into().unwrap()
}

#[test]
fn gradients_reach_the_inputs_from_each_output_alone_and_from_both() {
    let alive = Arc::new(());
    for (weight_of_product, weight_of_sum) in [(1.0, 0.0), (0.0, 1.0), (2.0, 3.0)] {
        let x = numbers(&[1.0, 2.0]).set_requires_grad(true);
        let y = numbers(&[5.0, 7.0]).set_requires_grad(true);
        let [product, sum] = run(&alive, &x, &y);
        let mut parts = Vec::new();
        for (output, weight) in [(product, weight_of_product), (sum, weight_of_sum)] {
            if weight > 0.0 {
                parts.push(output.sum(Kind::Double) * weight);
            }
        }
        Tensor::stack(&parts, 0).sum(Kind::Double).backward();
        assert_eq!(x.grad(), numbers(&[5.0, 7.0]) * weight_of_product + weight_of_sum);
        assert_eq!(y.grad(), numbers(&[1.0, 2.0]) * weight_of_product + weight_of_sum);
    }
}

#[test]
fn an_input_that_needs_no_gradient_gets_none_and_its_work_is_not_asked_for() {
    let alive = Arc::new(());
    let x = numbers(&[1.0, 2.0]);
    let y = numbers(&[5.0, 7.0]).set_requires_grad(true);
    run(&alive, &x, &y)[0].sum(Kind::Double).backward();
    assert!(!x.grad().defined());
    assert_eq!(y.grad(), x);
}

#[test]
fn without_gradients_nothing_is_tracked_and_the_function_is_dropped_at_once() {
    let alive = Arc::new(());
    let x = numbers(&[1.0]).set_requires_grad(true);
    let [product, _] = tch::no_grad(|| run(&alive, &x, &x));
    assert!(!product.requires_grad());
    let [product, _] = run(&alive, &x.detach(), &x.detach());
    assert!(!product.requires_grad());
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn ten_thousand_graphs_leave_nothing_behind_with_or_without_a_backward_pass() {
    let alive = Arc::new(());
    let x = Tensor::ones([1000], (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0)
    };
    let mut before = 0;
    for i in 0..10_000 {
        if i == 1000 {
            before = resident();
        }
        let [product, sum] = run(&alive, &x, &x);
        if i % 2 == 0 {
            (product + sum).sum(Kind::Double).backward();
        }
    }
    assert_eq!(Arc::strong_count(&alive), 1);
    // One leaked tensor of 8 kB an iteration would be 17,000 pages of 4 kB.
    assert!(resident() < before + 2000, "from {before} to {} pages", resident());
}

/// Goes wrong in one of its passes.
struct Fails {
    forward: bool,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Error,
    Panic,
    TooFewGradients,
}

impl Fails {
    fn fail<T>(&self, nothing: T) -> Result<T, PassError> {
        match self.how {
            How::Error => Err("it failed on purpose".into()),
            How::Panic => panic!("it panicked on purpose"),
            How::TooFewGradients => Ok(nothing),
        }
    }
}

impl CustomFunction for Fails {
    fn forward(&self, inputs: &[Tensor], _needs: &[bool]) -> Result<Forward, PassError> {
        let forward = Forward { outputs: vec![inputs[0].copy()], saved: Vec::new() };
        if self.forward { self.fail(forward) } else { Ok(forward) }
    }

    fn backward(
        &self,
        _saved: &[Tensor],
        _gradients: &[Option<Tensor>],
        _needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        self.fail(Vec::new())
    }
}

#[test]
fn errors_and_panics_of_both_passes_come_out_as_errors() {
    for (how, message) in
        [(How::Error, "it failed on purpose"), (How::Panic, "panicked: it panicked on purpose")]
    {
        let x = numbers(&[1.0]).set_requires_grad(true);
        let error = apply(Fails { forward: true, how }, &[&x]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        let output = apply(Fails { forward: false, how }, &[&x]).unwrap().remove(0);
        let error = output.sum(Kind::Double).f_backward().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_second_derivative_is_refused_in_words() {
    let alive = Arc::new(());
    let x = numbers(&[1.0]).set_requires_grad(true);
    let y = run(&alive, &x, &x)[0].sum(Kind::Double);
    let error = Tensor::f_run_backward(&[&y], &[&x], true, true).unwrap_err().to_string();
    assert!(error.contains("no second derivative"), "{error}");
}

#[test]
fn a_backward_pass_with_a_wrong_number_of_gradients_is_refused() {
    let x = numbers(&[1.0]).set_requires_grad(true);
    let output = apply(Fails { forward: false, how: How::TooFewGradients }, &[&x]).unwrap().remove(0);
    let error = output.sum(Kind::Double).f_backward().unwrap_err().to_string();
    assert!(error.contains("expected 1 gradients, one per input, found 0"), "{error}");
}
