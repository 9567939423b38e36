//! Cells, scaling and optimiser against numbers that `scripts/generate_golden.py` computed with numpy alone.
//!
//! Its docstring holds the equations and says what each array is. Every comparison runs in float64 and in float32.

use lnn_core::{
    AdamW, AdamWConfig, Cell, Init, LeakyReservoir, Lstm, Parameters, ReservoirConfig, Run, Sequence, State,
    scale_to_radius,
};
use std::path::Path;
use tch::{Device, Kind, Tensor};

const KINDS: [Kind; 2] = [Kind::Double, Kind::Float];

/// The arrays of one file, given out in one dtype.
struct Golden {
    arrays: Vec<(String, Tensor)>,
    kind: Kind,
}

impl Golden {
    fn read(file: &str, kind: Kind) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        let arrays = Tensor::read_npz(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { arrays, kind }
    }

    fn exact(&self, name: &str) -> &Tensor {
        let found = self.arrays.iter().find(|(other, _)| other == name);
        &found.unwrap_or_else(|| panic!("no array `{name}`")).1
    }

    fn get(&self, name: &str) -> Tensor {
        self.exact(name).to_kind(self.kind)
    }

    fn number(&self, name: &str) -> f64 {
        self.exact(name).double_value(&[])
    }

    /// A copy that collects gradients.
    fn leaf(&self, name: &str) -> Tensor {
        self.get(name).copy().set_requires_grad(true)
    }

    /// Fills the parameters from the arrays of their names.
    fn fill(&self, parameters: &Parameters) {
        let named = parameters.entries().iter().map(|entry| (entry.name.clone(), self.get(&entry.name)));
        parameters.load(&named.collect::<Vec<_>>()).unwrap();
    }

    /// The error may be 1e-12 in float64 and 1e-6 in float32, times the largest number where that is above 1.
    fn check(&self, name: &str, found: &Tensor) {
        let expected = self.exact(name);
        assert_eq!(found.size(), expected.size(), "the shape of {name}");
        assert_eq!(found.kind(), self.kind, "the dtype of {name}");
        let tolerance = if self.kind == Kind::Double { 1e-12 } else { 1e-6 };
        let largest = expected.abs().max().double_value(&[]).max(1.0);
        let error = (found.detach().to_kind(Kind::Double) - expected).abs().max().double_value(&[]);
        // Written so that NaN fails.
        assert!(error <= tolerance * largest, "{name} in {:?} is off by {error:e}", self.kind);
    }
}

/// What a result is called in a file: `NAME`, or `zero_NAME` if the run began at rest.
fn prefixed(from_zero: bool, name: &str) -> String {
    if from_zero { format!("zero_{name}") } else { name.to_owned() }
}

#[test]
fn the_leaky_reservoir_gives_the_states_and_gradients_of_the_equation() {
    for (file, kind) in ["leaky_reservoir_T1.npz", "leaky_reservoir_T7.npz", "leaky_reservoir_bias_T7.npz"]
        .into_iter()
        .flat_map(|file| KINDS.map(|kind| (file, kind)))
    {
        let golden = Golden::read(file, kind);
        let [units, inputs] = golden.exact("input_weights").size()[..] else { panic!("a matrix") };
        let bias_scale = if file.contains("bias") { 1.0 } else { 0.0 };
        let leak_rate = golden.number("leak_rate");
        let config = ReservoirConfig { units, leak_rate, spectral_radius: 1.0, input_scale: 1.0, bias_scale };
        let mut parameters = Parameters::blank(kind, Device::Cpu);
        let reservoir = LeakyReservoir::new(&mut parameters.root(), inputs, &config).unwrap();
        golden.fill(&parameters);
        for from_zero in [false, true] {
            let (x, h0) = (golden.leaf("x"), golden.leaf("h0"));
            let initial = State::new(vec![h0.shallow_clone()]);
            let run = reservoir.scan(Sequence::new(&x), (!from_zero).then_some(&initial)).unwrap();
            let loss = run.outputs.square().sum(kind);
            loss.backward();
            golden.check(&prefixed(from_zero, "states"), &run.outputs);
            golden.check(&prefixed(from_zero, "grad_x"), &x.grad());
            if !from_zero {
                golden.check("grad_h0", &h0.grad());
            }
        }
    }
}

#[test]
fn scaling_gives_the_matrix_of_the_wanted_radius() {
    for kind in KINDS {
        let golden = Golden::read("spectral_radius.npz", kind);
        golden.check("scaled", &scale_to_radius(&golden.get("raw"), golden.number("radius")).unwrap());
    }
}

/// Compares one run, with the gradients of `sum(outputs²) + sum(c_T²)`.
fn check_lstm(golden: &Golden, from_zero: bool, scan: impl Fn(&Lstm, &Tensor, Option<&State>) -> Run) {
    let [rows, inputs] = golden.exact("input_weights").size()[..] else { panic!("a matrix") };
    let mut parameters = Parameters::blank(golden.kind, Device::Cpu);
    let lstm = Lstm::new(&mut parameters.root(), inputs, rows / 4).unwrap();
    golden.fill(&parameters);
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
            // A mask of ones takes the plain loop.
            check_lstm(&golden, from_zero, |lstm, x, initial| {
                let ones = Tensor::ones(&x.size()[..2], (Kind::Bool, Device::Cpu));
                lstm.scan(Sequence::new(x).with_mask(Some(&ones)), initial).unwrap()
            });
        }
    }
}

/// Five steps along the golden gradients; after each, the parameters are compared with `VARIANT_NAME`.
fn check_adamw(golden: &Golden, variant: &str, weight_decay: f64) {
    let names = ["matrix", "kernel", "bias"];
    let mut parameters = Parameters::blank(golden.kind, Device::Cpu);
    for name in names {
        let shape = golden.exact(&format!("start_{name}")).size();
        let _ = parameters.root().trainable(name, &shape, &Init::Constant(0.0)).unwrap();
    }
    let start = names.map(|name| (name.to_owned(), golden.get(&format!("start_{name}"))));
    parameters.load(&start).unwrap();
    let [beta1, beta2, epsilon] = ["beta1", "beta2", "epsilon"].map(|name| golden.number(name));
    let mut optimizer = AdamW::new(&parameters, AdamWConfig { beta1, beta2, epsilon, weight_decay }).unwrap();
    let gradients = names.map(|name| golden.get(&format!("gradients_{name}")));
    for step in 0..golden.exact("learning_rates").size()[0] {
        let terms = parameters.trainable().into_iter().zip(&gradients);
        // The gradient of sum(p g) with respect to p is g.
        let loss = terms.map(|(p, g)| (p * g.get(step)).sum(golden.kind)).sum::<Tensor>();
        loss.backward();
        optimizer.step(golden.exact("learning_rates").double_value(&[step])).unwrap();
        for entry in parameters.entries() {
            let name = format!("{variant}_{}", entry.name);
            let all =
                Golden { arrays: vec![(name.clone(), golden.exact(&name).get(step))], kind: golden.kind };
            all.check(&name, &entry.tensor);
        }
    }
    for (name, moment) in optimizer.snapshot() {
        golden.check(&name.replace('.', "_"), &moment);
    }
}

#[test]
fn adamw_follows_its_equation_with_and_without_decay() {
    for kind in KINDS {
        let golden = Golden::read("adamw.npz", kind);
        check_adamw(&golden, "decay", golden.number("weight_decay"));
        check_adamw(&golden, "plain", 0.0);
    }
}
