//! The presets of the LNN, and the network that its configuration means for an input.

use crate::error::Error;
use crate::networks::lnn::config::LnnConfig;
use crate::networks::lnn::images::Lnn;
use crate::networks::lnn::series::LnnOfSeries;
use crate::networks::network::{Network, NetworkConfig};
use crate::preset::PresetOf;
use lnn_core::{InputSpec, Scope};

impl NetworkConfig for LnnConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article(
            "1000 units that see the whole image at one step, as in the article",
            Self::article,
        ),
        PresetOf::tuned("4 readings of 300 units each, several states of each", Self::tuned),
    ];

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        self.check()?;
        Ok(match input.image() {
            Some(image) => Box::new(Lnn::new(scope, self, (image, input))?),
            None => Box::new(LnnOfSeries::new(scope, self, input)?),
        })
    }
}
