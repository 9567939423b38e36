//! Muon: steps along the orthogonalised momentum, for the kernels of convolutions.
//!
//! ```text
//! M = μ M + G          U = G + μ M          W = W - η λ W - η orthogonalised(U)
//! ```
//! A kernel `[outputs, ..]` counts as a matrix with a row for each output. Orthogonalising makes all singular values of a step
//! about 1, so that weak directions of the gradient are learned as fast as the strongest. It consists of five steps
//! of a Newton-Schulz iteration, which uses only matrix products and need not converge: between 0.7 and 1.2 is close enough.
//!
//! Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), with the coefficients from there.

use crate::error::Error;
use crate::optim::step_clock::StepClock;
use crate::parameters::store::{Parameters, Role};
use tch::{Tensor, no_grad};

/// The polynomial a x + b x³ + c x⁵ that each iteration applies to the singular values.
const POLYNOMIAL: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// Number of steps of the iteration.
const ITERATIONS: usize = 5;
/// Added to a norm, so that a zero gradient does not divide by zero.
const TINY: f64 = 1e-7;

/// The constants of `Muon`; the learning rate is given at each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonConfig {
    /// μ, the decay of the momentum.
    pub momentum: f64,
    /// λ, the decoupled weight decay.
    pub weight_decay: f64,
}

impl MuonConfig {
    /// Refuses constants out of their range.
    ///
    /// # Errors
    /// [`Error::Value`].
    pub fn validate(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.momentum) {
            let (expected, found) = ("at least 0 and below 1", self.momentum.to_string());
            return Err(Error::Value { name: "momentum", expected, found });
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            let (expected, found) = ("a finite number of at least 0", self.weight_decay.to_string());
            return Err(Error::Value { name: "weight_decay", expected, found });
        }
        Ok(())
    }
}

/// Whether [`Muon`] is meant for a parameter: a kernel with four dimensions.
pub(crate) fn is_kernel(parameter: &Tensor) -> bool {
    parameter.dim() == 4
}

/// The optimiser of kernels: its momenta are plain tensors that a checkpoint can hold.
#[derive(Debug)]
pub struct Muon {
    names: Vec<String>,
    kernels: Vec<Tensor>,
    momenta: Vec<Tensor>,
    clock: StepClock,
    config: MuonConfig,
}

impl Muon {
    /// An optimiser of the trainable kernels among `parameters`, with zero momenta.
    ///
    /// # Errors
    /// [`Error::Value`] if a constant is out of its range.
    pub fn new(parameters: &Parameters, config: MuonConfig) -> Result<Self, Error> {
        config.validate()?;
        let (mut names, mut kernels) = (Vec::new(), Vec::new());
        for entry in parameters.entries() {
            if entry.role == Role::Trainable && is_kernel(&entry.tensor) {
                names.push(entry.name.clone());
                kernels.push(entry.tensor.shallow_clone());
            }
        }
        let momenta = kernels.iter().map(|kernel| kernel.detach().zeros_like()).collect();
        let clock = StepClock::beside(kernels.iter());
        Ok(Self { names, kernels, momenta, clock, config })
    }

    /// Takes one step along the gradients of the last backward pass, and clears them. A kernel that the loss did not
    /// reach stays as it is.
    pub fn step(&mut self, learning_rate: f64) {
        self.set_rate(learning_rate);
        self.descend();
    }

    /// Sets the learning rate: the part of [`step`](Self::step) that a recorded step leaves out.
    pub(crate) fn set_rate(&mut self, learning_rate: f64) {
        // Its steps do not depend on their number.
        self.clock.set(0, learning_rate);
    }

    /// The rest of [`step`](Self::step): only operations on the device.
    pub(crate) fn descend(&mut self) {
        let rate = &self.clock.rate;
        let MuonConfig { momentum, weight_decay } = self.config;
        for (kernel, sum) in self.kernels.iter_mut().zip(&mut self.momenta) {
            let gradient = kernel.grad();
            if !gradient.defined() {
                continue;
            }
            no_grad(|| {
                *sum *= momentum;
                *sum += &gradient;
                let along = gradient + &*sum * momentum;
                let step = orthogonalized(&along.flatten(1, -1)).view_as(kernel);
                *kernel *= 1.0 - rate * weight_decay;
                *kernel -= step * rate;
            });
            kernel.zero_grad();
        }
    }

    /// The momenta, named `momentum.NAME`, as deep copies.
    pub fn snapshot(&self) -> Vec<(String, Tensor)> {
        self.named().map(|(name, tensor)| (name, tensor.copy())).collect()
    }

    /// Goes back to a [`snapshot`](Self::snapshot).
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::UnexpectedTensor`] or [`Error::Mismatch`]; then nothing was changed.
    pub fn restore(&mut self, stored: &[(String, Tensor)]) -> Result<(), Error> {
        let own: Vec<_> = self.named().map(|(name, tensor)| (name, tensor.shallow_clone())).collect();
        Parameters::of_buffers(own)?.load(stored)
    }

    fn named(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.names.iter().map(|name| format!("momentum.{name}")).zip(&self.momenta)
    }
}

/// Moves the singular values of `matrix [M, N]` to about 1.
///
/// With X = matrix / ‖matrix‖ and A = X Xᵀ an iteration is X ← P X, P = a + b A + c A². All P are polynomials of the first
/// A and commute: the last X is the product Q of all P times the first X, and the next A is P A P. Therefore all products but
/// the first and the last are square, of the shorter side.
fn orthogonalized(matrix: &Tensor) -> Tensor {
    let [a, b, c] = POLYNOMIAL;
    let tall = matrix.size()[0] > matrix.size()[1];
    let x = if tall { matrix.tr() } else { matrix.shallow_clone() };
    let x = &x / (x.square().sum(x.kind()).sqrt() + TINY);
    let mut square = x.mm(&x.tr());
    let constant = Tensor::eye(square.size()[0], (x.kind(), x.device())) * a;
    let polynomial = |square: &Tensor| square.mm(square) * c + square * b + &constant;
    let mut factor = polynomial(&square);
    let mut product = factor.shallow_clone();
    for _ in 1..ITERATIONS {
        square = factor.mm(&square).mm(&factor);
        factor = polynomial(&square);
        product = factor.mm(&product);
    }
    let x = product.mm(&x);
    if tall { x.tr() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::init::Init;
    use crate::random::{randn, seeded};
    use tch::{Device, Kind};

    const CONFIG: MuonConfig = MuonConfig { momentum: 0.6, weight_decay: 0.1 };

    fn example() -> Parameters {
        let mut parameters = Parameters::drawn(1, Kind::Float, Device::Cpu);
        let mut root = parameters.root();
        let init = Init::Normal { deviation: 1.0 };
        let _ = root.trainable("wide", &[4, 3, 3, 3], &init).unwrap();
        let _ = root.trainable("tall", &[20, 2, 1, 1], &init).unwrap();
        let _ = root.trainable("matrix", &[4, 3], &init).unwrap();
        parameters
    }

    fn train(parameters: &Parameters, optimizer: &mut Muon, steps: std::ops::Range<i64>) {
        for step in steps {
            let losses =
                parameters.trainable().into_iter().map(|p| (p - step as f64).square().sum(Kind::Float));
            losses.sum::<Tensor>().backward();
            optimizer.step(1e-2);
        }
    }

    #[test]
    fn a_step_has_singular_values_near_one_in_wide_and_tall_matrices() {
        for shape in [[8, 40], [40, 8], [6, 6], [1, 5]] {
            let matrix = seeded(7, || randn(shape, (Kind::Double, Device::Cpu))) * 1e-3;
            let step = orthogonalized(&matrix);
            let step = if shape[0] > shape[1] { step.tr() } else { step };
            let values = step.mm(&step.tr()).linalg_eigvalsh("L").sqrt();
            let (low, high) = (values.min().double_value(&[]), values.max().double_value(&[]));
            assert!(low > 0.4 && high < 1.3, "{shape:?}: {low} to {high}");
        }
    }

    #[test]
    fn an_optimizer_that_was_stored_and_restored_goes_on_bit_for_bit() {
        let (whole, halves) = (example(), example());
        train(&whole, &mut Muon::new(&whole, CONFIG).unwrap(), 0..6);
        let mut first = Muon::new(&halves, CONFIG).unwrap();
        train(&halves, &mut first, 0..3);
        let mut second = Muon::new(&halves, CONFIG).unwrap();
        second.restore(&first.snapshot()).unwrap();
        train(&halves, &mut second, 3..6);
        for (a, b) in whole.entries().iter().zip(halves.entries()) {
            assert_eq!(a.tensor, b.tensor, "{}", a.name);
        }
    }

    #[test]
    fn what_is_no_kernel_and_what_the_loss_did_not_reach_stays_as_it_is() {
        let parameters = example();
        let before = parameters.snapshot();
        let trainable = parameters.trainable();
        (trainable[0].square().sum(Kind::Float) + trainable[2].sum(Kind::Float)).backward();
        Muon::new(&parameters, CONFIG).unwrap().step(1e-2);
        let after = parameters.snapshot();
        assert_ne!(before[0].1, after[0].1);
        assert_eq!(before[1].1, after[1].1);
        assert_eq!(before[2].1, after[2].1);
    }

    #[test]
    fn gradients_of_zeros_leave_finite_kernels() {
        let parameters = example();
        (&parameters.trainable()[0] * 0.0).sum(Kind::Float).backward();
        Muon::new(&parameters, MuonConfig { weight_decay: 0.0, ..CONFIG }).unwrap().step(1.0);
        assert_eq!(parameters.snapshot()[0].1, example().snapshot()[0].1);
    }

    #[test]
    fn constants_out_of_range_and_foreign_momenta_are_refused() {
        let parameters = example();
        let error = Muon::new(&parameters, MuonConfig { momentum: 1.0, ..CONFIG }).unwrap_err().to_string();
        assert_eq!(error, "momentum must be at least 0 and below 1, found 1");
        let error = Muon::new(&parameters, MuonConfig { weight_decay: -1.0, ..CONFIG }).unwrap_err();
        assert!(error.to_string().contains("weight_decay"));
        assert!(Muon::new(&parameters, CONFIG).unwrap().restore(&[]).is_err());
    }
}
