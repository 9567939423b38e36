//! The activation functions of a convolutional network.

use tch::Tensor;

/// A function of each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(0, z).
    Rectifier,
    /// z Φ(z), with the distribution Φ of a standard normal number: Hendrycks and Gimpel (2016), the exact form.
    Gelu,
}

impl Activation {
    /// Applies the function to a tensor of any shape and floating-point dtype.
    ///
    /// # Panics
    /// If `z` has another dtype.
    pub fn apply(self, z: &Tensor) -> Tensor {
        match self {
            Self::Rectifier => z.relu(),
            Self::Gelu => z.gelu("none"),
        }
    }
}
