//! Adam with decoupled weight decay.
//!
//! ```text
//! m = β₁ m + (1 - β₁) g            v = β₂ v + (1 - β₂) g²
//! p = p - lr λ p - lr (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)
//! ```
//! Sources: Kingma and Ba (2015); Loshchilov and Hutter (2019). λ = 0 is Adam. Decay applies to matrices and
//! kernels only: shrinking a bias or a normalisation's scale towards zero regularises nothing.
//!
//! The corrections by βᵗ hold for weights that have had a gradient at each of t steps. The weights of units that are added later
//! have not: their moments would be corrected too little and their first steps several times too long. After
//! [`AdamW::units_added`], the first gradient of a weight therefore stands for those of the steps before: m = (1 - β₁ᵗ) g and
//! v = (1 - β₂ᵗ) g², as at the first step of all.

use crate::error::Error;
use crate::optim::step_clock::StepClock;
use crate::parameters::store::{Parameters, Role};
use lnn_sys::{AdamWStep, fused_adamw};
use tch::{Kind, Tensor};

/// The constants of `AdamW`; the learning rate is given at each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWConfig {
    /// β₁, the decay of the first moment.
    pub beta1: f64,
    /// β₂, the decay of the second moment.
    pub beta2: f64,
    /// ε, added to the root of the second moment.
    pub epsilon: f64,
    /// λ, the decoupled weight decay.
    pub weight_decay: f64,
}

impl AdamWConfig {
    /// Refuses constants out of their range.
    ///
    /// # Errors
    /// [`Error::Value`].
    pub fn validate(&self) -> Result<(), Error> {
        let in_unit = |x: f64| (0.0..1.0).contains(&x);
        let at_least_0 = |x: f64| x.is_finite() && x >= 0.0;
        for (name, value, expected, holds) in [
            ("beta1", self.beta1, "at least 0 and below 1", in_unit(self.beta1)),
            ("beta2", self.beta2, "at least 0 and below 1", in_unit(self.beta2)),
            ("epsilon", self.epsilon, "a finite number of at least 0", at_least_0(self.epsilon)),
            (
                "weight_decay",
                self.weight_decay,
                "a finite number of at least 0",
                at_least_0(self.weight_decay),
            ),
        ] {
            if !holds {
                return Err(Error::Value { name, expected, found: value.to_string() });
            }
        }
        Ok(())
    }
}

/// The optimiser: its moments are plain tensors that a checkpoint can hold.
#[derive(Debug)]
pub struct AdamW {
    groups: [Group; 2],
    step: u64,
    clock: StepClock,
    config: AdamWConfig,
    units_added: bool,
}

/// Parameters with one weight decay.
#[derive(Debug, Default)]
struct Group {
    names: Vec<String>,
    parameters: Vec<Tensor>,
    first_moments: Vec<Tensor>,
    second_moments: Vec<Tensor>,
    weight_decay: f64,
}

impl AdamW {
    /// An optimiser of the trainable parameters, with zero moments.
    ///
    /// # Errors
    /// [`Error::Value`] if a constant is out of its range.
    pub fn new(parameters: &Parameters, config: AdamWConfig) -> Result<Self, Error> {
        Self::of(parameters, config, |_| true)
    }

    /// An optimiser of the trainable parameters for which `wanted` is true.
    pub(crate) fn of(
        parameters: &Parameters,
        config: AdamWConfig,
        wanted: impl Fn(&Tensor) -> bool,
    ) -> Result<Self, Error> {
        config.validate()?;
        let mut decayed = Group { weight_decay: config.weight_decay, ..Group::default() };
        let mut undecayed = Group::default();
        let trainable = parameters.entries().iter().filter(|entry| entry.role == Role::Trainable);
        for entry in trainable.filter(|entry| wanted(&entry.tensor)) {
            let group = if entry.tensor.dim() > 1 { &mut decayed } else { &mut undecayed };
            group.names.push(entry.name.clone());
            group.parameters.push(entry.tensor.shallow_clone());
            group.first_moments.push(entry.tensor.detach().zeros_like());
            group.second_moments.push(entry.tensor.detach().zeros_like());
        }
        let clock = StepClock::beside(decayed.parameters.iter().chain(&undecayed.parameters));
        Ok(Self { groups: [decayed, undecayed], step: 0, clock, config, units_added: false })
    }

    /// Number of steps that were taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// From now on the first gradient of a weight that had none before stands for those of the steps before.
    pub fn units_added(&mut self) {
        self.units_added = true;
    }

    /// Takes one step along the gradients of the last backward pass, and clears them. A parameter that the loss did
    /// not reach has no gradient and stays as it is.
    ///
    /// # Errors
    /// [`Error::Sys`] if libtorch throws.
    pub fn step(&mut self, learning_rate: f64) -> Result<(), Error> {
        self.set_rate(learning_rate);
        self.descend()
    }

    /// Counts a step and sets its learning rate: the part of [`step`](Self::step) that a recorded step leaves out.
    pub(crate) fn set_rate(&mut self, learning_rate: f64) {
        self.step += 1;
        self.clock.set(self.step, learning_rate);
    }

    /// The rest of [`step`](Self::step): only operations on the device.
    pub(crate) fn descend(&mut self) -> Result<(), Error> {
        for group in &mut self.groups {
            let reached: Vec<usize> =
                (0..group.parameters.len()).filter(|&i| has_gradient(&group.parameters[i])).collect();
            let pick = |tensors: &[Tensor]| -> Vec<Tensor> {
                reached.iter().map(|&i| tensors[i].shallow_clone()).collect()
            };
            let parameters = pick(&group.parameters);
            let gradients: Vec<Tensor> = parameters.iter().map(Tensor::grad).collect();
            let constants = AdamWStep {
                step: &self.clock.step,
                learning_rate: &self.clock.rate,
                beta1: self.config.beta1,
                beta2: self.config.beta2,
                weight_decay: group.weight_decay,
                epsilon: self.config.epsilon,
            };
            let (first, second) = (pick(&group.first_moments), pick(&group.second_moments));
            if self.units_added {
                // In float64: a power of many steps multiplies the rounding of its base.
                let before = self.clock.step.to_kind(Kind::Double) - 1.0;
                let weight = |beta: f64| 1.0 - Tensor::pow_scalar(beta, &before);
                let (of_first, of_second) = (weight(self.config.beta1), weight(self.config.beta2));
                for ((gradient, first), second) in gradients.iter().zip(&first).zip(&second) {
                    let unreached = second.f_eq(0.0)?;
                    fill_where(&unreached, first, &(gradient * &of_first))?;
                    fill_where(&unreached, second, &(gradient.square() * &of_second))?;
                }
            }
            fused_adamw(&parameters, &gradients, &first, &second, constants)?;
            group.parameters.iter_mut().for_each(Tensor::zero_grad);
        }
        Ok(())
    }

    /// The moments, named `first.NAME` and `second.NAME`, as deep copies.
    pub fn snapshot(&self) -> Vec<(String, Tensor)> {
        self.moments().map(|(name, tensor)| (name, tensor.copy())).collect()
    }

    /// Goes back to a [`snapshot`](Self::snapshot) taken after `step` steps.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::UnexpectedTensor`] or [`Error::Mismatch`]; then nothing was changed.
    pub fn restore(&mut self, step: u64, stored: &[(String, Tensor)]) -> Result<(), Error> {
        let own: Vec<(String, Tensor)> = self.moments().map(|(name, t)| (name, t.shallow_clone())).collect();
        Parameters::of_buffers(own)?.load(stored)?;
        self.step = step;
        Ok(())
    }

    fn moments(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.groups.iter().flat_map(|group| {
            let named = |prefix: &'static str, tensors| {
                group.names.iter().map(move |name| format!("{prefix}.{name}")).zip(tensors)
            };
            named("first", &group.first_moments).chain(named("second", &group.second_moments))
        })
    }
}

/// Copies the elements of `values` where `chosen` is true into `tensor`.
fn fill_where(chosen: &Tensor, tensor: &Tensor, values: &Tensor) -> Result<(), Error> {
    tensor.shallow_clone().f_copy_(&values.f_where_self(chosen, tensor)?)?;
    Ok(())
}

fn has_gradient(parameter: &Tensor) -> bool {
    parameter.grad().defined()
}

#[cfg(test)]
#[path = "adamw_tests.rs"]
mod tests;
