//! The presets of the model `snlnn`.

use crate::error::Error;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::snlnn::config::{Encoding, SnlnnConfig, SpikeSummary};
use crate::networks::snlnn::network::Snlnn;
use crate::parts::growth::{Growth, GrowthRule};
use crate::parts::standardization::Standardization;
use crate::preset::PresetOf;
use lnn_core::{InputSpec, Scope, Surrogate};

impl SnlnnConfig {
    /// The equations and hyper-parameters of the article.
    pub fn article() -> Self {
        Self {
            encoding: Encoding::Current { steps: 1 },
            units: 100,
            max_reservoir_dim: 1000,
            spectral_radius: 1.5,
            leak_rate: 0.3,
            input_scale: 0.1,
            threshold: 1.0,
            surrogate: Surrogate::FastSigmoid,
            sharpness: 10.0,
            bias: false,
            train_reservoir: true,
            summaries: vec![SpikeSummary::LastMembrane],
            dropout: 0.0,
            growth: Growth { rule: GrowthRule::Activity { above: 0.5 }, units: 1, every_steps: Some(1) },
        }
    }

    /// The hyper-parameters with the best validation results.
    pub fn tuned() -> Self {
        Self {
            encoding: Encoding::Current { steps: 6 },
            units: 320,
            max_reservoir_dim: 512,
            spectral_radius: 1.0,
            leak_rate: 0.3,
            input_scale: 0.036,
            threshold: 0.5,
            surrogate: Surrogate::FastSigmoid,
            sharpness: 5.0,
            bias: true,
            train_reservoir: true,
            summaries: vec![SpikeSummary::SpikeRate, SpikeSummary::MeanMembrane],
            dropout: 0.0,
            growth: Growth { rule: GrowthRule::Activity { above: 0.05 }, units: 32, every_steps: None },
        }
    }
}

impl NetworkConfig for SnlnnConfig {
    const PRESETS: &'static [PresetOf<Self>] = &[
        PresetOf::article("100 units that see the image for one step, as in the article", Self::article),
        PresetOf::tuned(
            "320 spiking units that see the image for 6 steps, and a maximum of 512",
            Self::tuned,
        ),
    ];

    fn check_standardization(&self, found: Standardization) -> Result<(), Error> {
        let intensities = matches!(self.encoding, Encoding::Rate { .. } | Encoding::Latency { .. });
        if intensities && found != Standardization::None {
            return Err(Error::Standardization(
                "the encodings rate and latency read intensities in 0..1; hint: --set standardization=none"
                    .into(),
            ));
        }
        Ok(())
    }

    fn network(&self, scope: &mut Scope<'_>, input: &InputSpec) -> Result<Box<dyn Network>, Error> {
        Ok(Box::new(Snlnn::new(scope, self, input)?))
    }
}
