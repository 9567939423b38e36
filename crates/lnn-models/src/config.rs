//! The one list of models: their names, help lines, configurations and presets.

use crate::error::Error;
use crate::networks::cfc::CfcConfig;
use crate::networks::cifar::CifarConfig;
use crate::networks::cllnn::CllnnConfig;
use crate::networks::gated::{GruConfig, LstmConfig};
use crate::networks::liquid::LiquidConfig;
use crate::networks::lnn::config::LnnConfig;
use crate::networks::ltc::LtcConfig;
use crate::networks::network::{Network, NetworkConfig};
use crate::networks::snlnn::config::SnlnnConfig;
use crate::parts::standardization::Standardization;
use crate::preset::{Preset, PresetInfo};
use lnn_core::{InputSpec, Scope};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Builds everything that lists the models: help line, variant, configuration, name.
macro_rules! models {
    ($(#[doc = $help:literal] $variant:ident($config:ty) = $name:literal,)*) => {
        /// Which of the models.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ModelKind {
            $(#[doc = $help] $variant,)*
        }

        /// The configuration of one model: plain data that a file holds and the command line can set.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", deny_unknown_fields)]
        pub enum ModelConfig {
            $(#[doc = $help] #[serde(rename = $name)] $variant($config),)*
        }

        impl ModelKind {
            /// All models, in the order of the help.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the command line and in files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One line for the help.
            pub fn help(self) -> &'static str {
                match self { $(Self::$variant => $help.trim_ascii(),)* }
            }

            /// The presets that the model has, in the order of the help.
            pub fn presets(self) -> Vec<PresetInfo> {
                match self {
                    $(Self::$variant => <$config>::PRESETS.iter().map(|preset| preset.info).collect(),)*
                }
            }

            /// The configuration of a preset.
            ///
            /// # Errors
            /// [`Error::NoPreset`] if the model has no such preset.
            pub fn preset(self, preset: Preset) -> Result<ModelConfig, Error> {
                match self {
                    $(Self::$variant => {
                        let found = <$config>::PRESETS.iter().find(|known| known.info.preset == preset);
                        found.map(|preset| ModelConfig::$variant((preset.values)()))
                    })*
                }
                .ok_or_else(|| self.has_no(preset))
            }
        }

        impl ModelConfig {
            /// Which model it configures.
            pub fn kind(&self) -> ModelKind {
                match self { $(Self::$variant(_) => ModelKind::$variant,)* }
            }

            /// Refuses a standardisation that the model cannot use.
            pub(crate) fn check_standardization(&self, found: Standardization) -> Result<(), Error> {
                match self { $(Self::$variant(config) => config.check_standardization(found),)* }
            }

            /// The network for the given input.
            pub(crate) fn network(
                &self,
                scope: &mut Scope<'_>,
                input: &InputSpec,
            ) -> Result<Box<dyn Network>, Error> {
                match self { $(Self::$variant(config) => config.network(scope, input),)* }
            }
        }
    };
}

models! {
    /// A fixed leaky reservoir with a trained linear readout
    Lnn(LnnConfig) = "lnn",
    /// A spiking reservoir that grows while it trains
    Snlnn(SnlnnConfig) = "snlnn",
    /// Convolutions, a fixed leaky reservoir and an LSTM
    Cllnn(CllnnConfig) = "cllnn",
    /// Units with learned time constants, trained by backpropagation through time
    Liquid(LiquidConfig) = "liquid",
    /// A liquid classifier of images, with or without convolutions
    Cifar(CifarConfig) = "cifar",
    /// Liquid time-constant units that are joined by the synapses of a wiring
    Ltc(LtcConfig) = "ltc",
    /// Closed-form continuous-time units
    Cfc(CfcConfig) = "cfc",
    /// Long short-term memory
    Lstm(LstmConfig) = "lstm",
    /// Gated recurrent units
    Gru(GruConfig) = "gru",
}

impl ModelKind {
    fn has_no(self, preset: Preset) -> Error {
        let known = self.presets().iter().map(|info| info.preset.name()).collect::<Vec<_>>().join(", ");
        Error::NoPreset { model: self.name(), found: preset, known }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for ModelKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.iter().find(|kind| kind.name() == name).copied().ok_or_else(|| Error::NoModel {
            found: name.to_owned(),
            known: Self::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl ModelConfig {
    /// The configuration of a preset.
    ///
    /// # Errors
    /// [`Error::NoPreset`] if the model has no such preset.
    pub fn preset(kind: ModelKind, preset: Preset) -> Result<Self, Error> {
        kind.preset(preset)
    }

    /// The model's name on the command line.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_found_by_its_name_and_says_what_it_is() {
        for &kind in ModelKind::ALL {
            assert_eq!(kind.name().parse::<ModelKind>().unwrap(), kind);
            assert!(!kind.help().is_empty() && !kind.help().ends_with('.'), "{kind}: {}", kind.help());
        }
        let error = "nnl".parse::<ModelKind>().unwrap_err().to_string();
        assert!(error.contains("found nnl") && error.contains("lnn, snlnn, cllnn, liquid, cifar"), "{error}");
    }

    #[test]
    fn every_listed_preset_exists_under_the_name_of_its_model_and_others_are_refused_with_the_list() {
        for &kind in ModelKind::ALL {
            for preset in Preset::ALL {
                let listed = kind.presets().iter().any(|info| info.preset == preset);
                match kind.preset(preset) {
                    Ok(config) => {
                        assert!(listed && config.kind() == kind);
                        assert_eq!(serde_json::to_value(&config).unwrap()["kind"], kind.name());
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(!listed && text.contains(kind.name()) && text.contains("article"), "{text}");
                    }
                }
            }
        }
        assert_eq!(ModelKind::Cifar.presets().len(), 3);
    }

    #[test]
    fn a_configuration_written_before_layers_could_be_stacked_still_loads() {
        for kind in [ModelKind::Liquid, ModelKind::Cifar] {
            let config = kind.preset(Preset::Tuned).unwrap();
            let mut value = serde_json::to_value(&config).unwrap();
            assert_eq!(value.as_object_mut().unwrap().remove("layers"), Some(1.into()));
            assert_eq!(serde_json::from_value::<ModelConfig>(value).unwrap(), config);
        }
    }
}
