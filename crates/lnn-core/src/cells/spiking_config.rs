//! The numbers of a spiking reservoir and their ranges.

use crate::cells::surrogate::Surrogate;
use crate::error::Error;
use crate::parameters::store::Role;

/// What a reservoir is drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpikingConfig {
    /// Units that live from the start.
    pub units: i64,
    /// Units that there is room for.
    pub most_units: i64,
    /// Largest modulus of the eigenvalues of the first units' recurrent weights.
    pub spectral_radius: f64,
    /// Leak rate a: the part of the state that is renewed at each step.
    pub leak_rate: f64,
    /// Standard deviation of the input weights.
    pub input_scale: f64,
    /// Threshold θ, above 0.
    pub threshold: f64,
    /// Which smooth function lends a spike its gradient.
    pub surrogate: Surrogate,
    /// How fast that gradient falls beside the threshold.
    pub sharpness: f64,
    /// Whether the units have a bias.
    pub bias: bool,
    /// Whether the weights train.
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
