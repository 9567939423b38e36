//! The settings of a leaky reservoir.

use crate::error::Error;
use crate::parameters::init::Init;

/// The settings of a leaky reservoir.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReservoirConfig {
    /// Number of units H.
    pub units: i64,
    /// Largest modulus of the eigenvalues of the recurrent weights.
    pub spectral_radius: f64,
    /// Leak rate a: the share of the state that is replaced at each step.
    pub leak_rate: f64,
    /// Standard deviation of the input weights.
    pub input_scale: f64,
    /// Standard deviation of the bias; with 0 there is none.
    pub bias_scale: f64,
    /// The part of the units from which a unit has a recurrent synapse, in (0, 1]: below 1 each unit has `density` H of them, rounded and at
    /// least one, from units drawn at random.
    pub density: f64,
    /// The range in (0, 1] from which each unit draws a leak rate of its own, so that its logarithm is uniform; then `leak_rate` has no
    /// effect.
    pub leak_range: Option<[f64; 2]>,
}

impl ReservoirConfig {
    /// Refuses a number that is out of its range. The spectral radius is checked where the weights are drawn.
    ///
    /// # Errors
    /// [`Error::Value`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |name, expected, found: String| Err(Error::Value { name, expected, found });
        let part = |number: f64| number > 0.0 && number <= 1.0;
        if !part(self.leak_rate) {
            return refuse("leak_rate", "above 0 and at most 1", self.leak_rate.to_string());
        }
        if let Some([low, high]) = self.leak_range
            && !(part(low) && part(high) && low <= high)
        {
            let expected = "two numbers above 0 and at most 1, the smaller first";
            return refuse("leak_range", expected, format!("[{low}, {high}]"));
        }
        if !part(self.density) {
            return refuse("density", "above 0 and at most 1", self.density.to_string());
        }
        if !(self.input_scale.is_finite() && self.input_scale > 0.0) {
            return refuse("input_scale", "a finite number above 0", self.input_scale.to_string());
        }
        if !(self.bias_scale.is_finite() && self.bias_scale >= 0.0) {
            return refuse("bias_scale", "a finite number of at least 0", self.bias_scale.to_string());
        }
        Ok(())
    }

    /// How the recurrent weights are drawn.
    pub(crate) fn recurrent_weights(&self) -> Init {
        if self.density < 1.0 {
            Init::SparseSpectralRadius { radius: self.spectral_radius, density: self.density }
        } else {
            Init::SpectralRadius(self.spectral_radius)
        }
    }
}
