//! The names of models, presets and precisions on the command line, from the lists of the libraries.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lnn_models::{ModelKind, Preset};
use lnn_train::Precision;

/// Returns the parser for the name of a model.
pub fn model() -> impl TypedValueParser<Value = ModelKind> {
    let values = ModelKind::ALL.iter().map(|kind| PossibleValue::new(kind.name()).help(kind.help()));
    PossibleValuesParser::new(values).map(|name| name.parse().expect("a possible value is a model"))
}

/// Returns the parser for the name of a preset.
pub fn preset() -> impl TypedValueParser<Value = Preset> {
    let help = |preset: Preset| {
        let having = ModelKind::ALL.iter().filter(|kind| kind.preset(preset).is_ok());
        let names: Vec<&str> = having.map(|kind| kind.name()).collect();
        let what = match preset {
            Preset::Article => "the equations and hyper-parameters of the article",
            Preset::Tuned => "the hyper-parameters with the best validation results",
            Preset::Conv => "with a convolutional front",
            Preset::Traces => "for traces with a target at each step",
        };
        if names.len() == ModelKind::ALL.len() {
            what.to_owned()
        } else {
            format!("{what} (of {})", names.join(", "))
        }
    };
    let values = Preset::ALL.map(|preset| PossibleValue::new(preset.name()).help(help(preset)));
    PossibleValuesParser::new(values).map(|name| {
        let found = Preset::ALL.into_iter().find(|preset| preset.name() == name);
        found.expect("a possible value is a preset")
    })
}

/// Returns the parser for the name of a precision.
pub fn precision() -> impl TypedValueParser<Value = Precision> {
    let values = Precision::ALL.map(|precision| PossibleValue::new(precision.name()).help(precision.help()));
    PossibleValuesParser::new(values).map(|name| {
        let found = Precision::ALL.into_iter().find(|precision| precision.name() == name);
        found.expect("a possible value is a precision")
    })
}
