//! The optimiser of a model: `AdamW`, or [`Muon`] for the kernels and `AdamW` for the other parameters.

use crate::error::Error;
use crate::optim::adamw::{AdamW, AdamWConfig};
use crate::optim::muon::{Muon, MuonConfig, is_kernel};
use crate::parameters::store::Parameters;
use tch::Tensor;

/// The constants of an optimiser; the learning rate is given at each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerConfig {
    /// Those of `AdamW`.
    pub adamw: AdamWConfig,
    /// Those of [`Muon`] and its learning rate as a multiple of that of `AdamW`; without them `AdamW` trains the kernels, too.
    pub muon: Option<(MuonConfig, f64)>,
}

impl OptimizerConfig {
    /// Refuses constants out of their range.
    ///
    /// # Errors
    /// [`Error::Value`].
    pub fn validate(&self) -> Result<(), Error> {
        self.adamw.validate()?;
        let Some((muon, relative_rate)) = &self.muon else { return Ok(()) };
        muon.validate()?;
        if !(relative_rate.is_finite() && *relative_rate > 0.0) {
            let (expected, found) = ("a finite number above 0", relative_rate.to_string());
            return Err(Error::Value { name: "relative_rate", expected, found });
        }
        Ok(())
    }
}

/// The optimiser of all trainable parameters.
#[derive(Debug)]
pub struct Optimizer {
    adamw: AdamW,
    muon: Option<(Muon, f64)>,
}

impl Optimizer {
    /// An optimiser of the trainable parameters, with zero moments.
    ///
    /// # Errors
    /// [`Error::Value`] if a constant is out of its range.
    pub fn new(parameters: &Parameters, config: OptimizerConfig) -> Result<Self, Error> {
        config.validate()?;
        let Some((muon, relative_rate)) = config.muon else {
            return Ok(Self { adamw: AdamW::new(parameters, config.adamw)?, muon: None });
        };
        let adamw = AdamW::of(parameters, config.adamw, |parameter| !is_kernel(parameter))?;
        Ok(Self { adamw, muon: Some((Muon::new(parameters, muon)?, relative_rate)) })
    }

    /// Says that the model has units that were added after the first step; see [`AdamW::units_added`]. Convolutions do not grow,
    /// and a momentum is not corrected.
    pub fn units_added(&mut self) {
        self.adamw.units_added();
    }

    /// Takes one step along the gradients of the last backward pass, and clears them.
    ///
    /// # Errors
    /// As [`AdamW::step`].
    pub fn step(&mut self, learning_rate: f64) -> Result<(), Error> {
        self.set_rate(learning_rate);
        self.descend()
    }

    /// Counts a step and sets its learning rate: the part of [`step`](Self::step) that a recorded step leaves out; to be called
    /// before each replay.
    pub fn set_rate(&mut self, learning_rate: f64) {
        if let Some((muon, relative_rate)) = &mut self.muon {
            muon.set_rate(learning_rate * *relative_rate);
        }
        self.adamw.set_rate(learning_rate);
    }

    /// The rest of [`step`](Self::step): only operations on the device, which may be recorded.
    ///
    /// # Errors
    /// As [`AdamW::step`].
    pub fn descend(&mut self) -> Result<(), Error> {
        if let Some((muon, _)) = &mut self.muon {
            muon.descend();
        }
        self.adamw.descend()
    }

    /// The moments by name, as deep copies.
    pub fn snapshot(&self) -> Vec<(String, Tensor)> {
        let mut moments = self.adamw.snapshot();
        if let Some((muon, _)) = &self.muon {
            moments.extend(muon.snapshot());
        }
        moments
    }

    /// Goes back to a [`snapshot`](Self::snapshot) taken after `step` steps.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::UnexpectedTensor`] or [`Error::Mismatch`].
    pub fn restore(&mut self, step: u64, stored: &[(String, Tensor)]) -> Result<(), Error> {
        let Some((muon, _)) = &mut self.muon else { return self.adamw.restore(step, stored) };
        let stored = stored.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        let (momenta, moments): (Vec<_>, Vec<_>) =
            stored.partition(|(name, _)| name.starts_with("momentum."));
        muon.restore(&momenta)?;
        self.adamw.restore(step, &moments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::init::Init;
    use tch::{Device, Kind};

    const ADAMW: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.1 };
    const BOTH: OptimizerConfig =
        OptimizerConfig { adamw: ADAMW, muon: Some((MuonConfig { momentum: 0.6, weight_decay: 0.1 }, 40.0)) };

    fn example() -> Parameters {
        let mut parameters = Parameters::drawn(1, Kind::Float, Device::Cpu);
        let mut root = parameters.root();
        let _ = root.trainable("kernel", &[4, 3, 3, 3], &Init::Normal { deviation: 1.0 }).unwrap();
        let _ = root.trainable("bias", &[4], &Init::Constant(1.0)).unwrap();
        parameters
    }

    fn train(parameters: &Parameters, optimizer: &mut Optimizer, steps: std::ops::Range<i64>) {
        for step in steps {
            let losses =
                parameters.trainable().into_iter().map(|p| (p - step as f64).square().sum(Kind::Float));
            losses.sum::<Tensor>().backward();
            optimizer.step(1e-3).unwrap();
        }
    }

    #[test]
    fn without_muon_it_is_adamw_bit_for_bit() {
        let (one, other) = (example(), example());
        let config = OptimizerConfig { adamw: ADAMW, muon: None };
        train(&one, &mut Optimizer::new(&one, config).unwrap(), 0..3);
        let mut adamw = AdamW::new(&other, ADAMW).unwrap();
        for step in 0..3 {
            let losses =
                other.trainable().into_iter().map(|p| (p - f64::from(step)).square().sum(Kind::Float));
            losses.sum::<Tensor>().backward();
            adamw.step(1e-3).unwrap();
        }
        for (a, b) in one.entries().iter().zip(other.entries()) {
            assert_eq!(a.tensor, b.tensor);
        }
    }

    #[test]
    fn each_parameter_has_one_optimizer_and_a_resumed_run_goes_on_bit_for_bit() {
        let (whole, halves) = (example(), example());
        let mut optimizer = Optimizer::new(&whole, BOTH).unwrap();
        train(&whole, &mut optimizer, 0..6);
        let names: Vec<_> = optimizer.snapshot().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["first.bias", "second.bias", "momentum.kernel"]);
        let mut first = Optimizer::new(&halves, BOTH).unwrap();
        train(&halves, &mut first, 0..3);
        let mut second = Optimizer::new(&halves, BOTH).unwrap();
        second.restore(3, &first.snapshot()).unwrap();
        train(&halves, &mut second, 3..6);
        for (a, b) in whole.entries().iter().zip(halves.entries()) {
            assert_eq!(a.tensor, b.tensor, "{}", a.name);
        }
    }

    #[test]
    fn a_relative_rate_of_zero_and_moments_of_another_optimizer_are_refused() {
        let zero = OptimizerConfig { muon: BOTH.muon.map(|(muon, _)| (muon, 0.0)), ..BOTH };
        let error = Optimizer::new(&example(), zero).unwrap_err().to_string();
        assert_eq!(error, "relative_rate must be a finite number above 0, found 0");
        let parameters = example();
        let adamw = AdamW::new(&parameters, ADAMW).unwrap().snapshot();
        assert!(Optimizer::new(&parameters, BOTH).unwrap().restore(1, &adamw).is_err());
    }
}
