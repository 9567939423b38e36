//! The settings of a spiking reservoir and their ranges.

use crate::cells::surrogate::Surrogate;
use crate::error::Error;
use crate::parameters::store::Role;

/// The settings of a spiking reservoir.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpikingConfig {
    /// Number of units that are active from the start.
    pub units: i64,
    /// Maximum number of units.
    pub most_units: i64,
    /// Largest modulus of the eigenvalues of the first units' recurrent weights.
    pub spectral_radius: f64,
    /// Leak rate a: the share of the state that is replaced at each step.
    pub leak_rate: f64,
    /// Standard deviation of the input weights.
    pub input_scale: f64,
    /// Threshold θ, above 0.
    pub threshold: f64,
    /// The smooth function whose gradient a spike has.
    pub surrogate: Surrogate,
    /// How fast that gradient falls away from the threshold.
    pub sharpness: f64,
    /// Whether the units have a bias.
    pub bias: bool,
    /// Whether the weights are trainable.
    pub role: Role,
}

impl SpikingConfig {
    pub(crate) fn check(&self, inputs: i64) -> Result<(), Error> {
        let refuse = |name, expected, found: String| Err(Error::Value { name, expected, found });
        Error::refuse_empty(&[("units", self.units), ("inputs", inputs)])?;
        if self.most_units < self.units {
            return refuse("most_units", "at least units", self.most_units.to_string());
        }
        if !(self.leak_rate > 0.0 && self.leak_rate <= 1.0) {
            return refuse("leak_rate", "above 0 and at most 1", self.leak_rate.to_string());
        }
        for (name, value) in
            [("input_scale", self.input_scale), ("threshold", self.threshold), ("sharpness", self.sharpness)]
        {
            if !(value.is_finite() && value > 0.0) {
                return refuse(name, "a finite number above 0", value.to_string());
            }
        }
        Ok(())
    }
}
