//! The optimiser, step by step.

use crate::{Golden, KINDS};
use lnn_core::{AdamW, AdamWConfig, Error, Init, Muon, MuonConfig, Parameters};
use tch::{Device, Tensor};

/// Parameters of the given names at their golden start.
fn start(golden: &Golden, names: &[&str]) -> Parameters {
    let mut parameters = Parameters::blank(golden.kind, Device::Cpu);
    for name in names {
        let shape = golden.exact(&format!("start_{name}")).size();
        let _ = parameters.root().trainable(name, &shape, &Init::Constant(0.0)).unwrap();
    }
    golden.fill(&parameters, "start_");
    parameters
}

/// Steps along the golden gradients; after each, the parameters are compared with `VARIANT_NAME`.
fn follow(
    golden: &Golden,
    variant: &str,
    parameters: &Parameters,
    mut step_by: impl FnMut(f64) -> Result<(), Error>,
) {
    let names: Vec<_> = parameters.entries().iter().map(|entry| entry.name.clone()).collect();
    let gradients: Vec<_> = names.iter().map(|name| golden.get(&format!("gradients_{name}"))).collect();
    for step in 0..golden.exact("learning_rates").size()[0] {
        let terms = parameters.trainable().into_iter().zip(&gradients);
        // The gradient of sum(p g) with respect to p is g.
        let loss = terms.map(|(p, g)| (p * g.get(step)).sum(golden.kind)).sum::<Tensor>();
        loss.backward();
        step_by(golden.exact("learning_rates").double_value(&[step])).unwrap();
        for entry in parameters.entries() {
            let name = format!("{variant}_{}", entry.name);
            let all =
                Golden { arrays: vec![(name.clone(), golden.exact(&name).get(step))], kind: golden.kind };
            all.check(&name, &entry.tensor);
        }
    }
}

fn check_adamw(golden: &Golden, variant: &str, weight_decay: f64) {
    let parameters = start(golden, &["matrix", "kernel", "bias"]);
    let [beta1, beta2, epsilon] = ["beta1", "beta2", "epsilon"].map(|name| golden.number(name));
    let mut optimizer = AdamW::new(&parameters, AdamWConfig { beta1, beta2, epsilon, weight_decay }).unwrap();
    follow(golden, variant, &parameters, |rate| optimizer.step(rate));
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

#[test]
fn muon_follows_its_equation_on_wide_and_tall_kernels() {
    for kind in KINDS {
        let golden = Golden::read("muon.npz", kind);
        let parameters = start(&golden, &["wide", "tall"]);
        let [momentum, weight_decay] = ["momentum", "weight_decay"].map(|name| golden.number(name));
        let mut optimizer = Muon::new(&parameters, MuonConfig { momentum, weight_decay }).unwrap();
        follow(&golden, "after", &parameters, |rate| {
            optimizer.step(rate);
            Ok(())
        });
        for (name, momentum) in optimizer.snapshot() {
            golden.check(&name.replace('.', "_"), &momentum);
        }
    }
}
