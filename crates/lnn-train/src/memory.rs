//! What a run needs of memory, estimated before it is taken.

use crate::config::RunConfig;
use crate::error::Error;
use lnn_core::{InputSpec, Parameters, Role};
use lnn_data::usable_memory;
use lnn_models::Model;
use tch::Device;

/// Numbers per trainable parameter: itself, its gradient, and two moments of the optimiser.
const PER_TRAINABLE: u64 = 4;

/// Refuses a model whose weights, gradients and moments do not fit into the memory of a CPU run.
///
/// # Errors
/// [`Error::Memory`] with the estimate; [`Error::Model`] if the model cannot be built.
pub(crate) fn check_model(config: &RunConfig, input: &InputSpec, device: Device) -> Result<(), Error> {
    let kind = config.precision.kind();
    let model = Model::shapes(config.model.clone(), input.clone(), config.standardization, kind)?;
    // The memory of another device is its driver's to know.
    let Some(usable) = usable_memory().filter(|_| device == Device::Cpu) else { return Ok(()) };
    let needed = bytes(model.parameters(), kind.elt_size_in_bytes() as u64, config.method.is_ridge());
    if needed <= usable {
        return Ok(());
    }
    let others = if config.method.is_ridge() { "" } else { ", their gradients and moments" };
    Err(Error::Memory {
        what: format!("the weights of the {} model{others}", config.model.name()),
        needed: in_words(needed),
        usable: in_words(usable),
    })
}

/// Returns the bytes of a model of numbers of `width` bytes; a closed form has neither gradients nor moments.
fn bytes(parameters: &Parameters, width: u64, closed_form: bool) -> u64 {
    let [trainable, fixed] = [Role::Trainable, Role::Buffer].map(|role| parameters.count(role) as u64);
    let copies = if closed_form { 1 } else { PER_TRAINABLE };
    trainable.saturating_mul(copies).saturating_add(fixed).saturating_mul(width)
}

/// Formats a number of bytes as `1.5 GB`.
pub(crate) fn in_words(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::Init;
    use lnn_models::{ModelKind, Preset};
    use tch::Kind;

    #[test]
    fn what_trains_counts_four_times_and_what_is_fixed_once() {
        let mut parameters = Parameters::shapes(Kind::Float);
        let _ = parameters.root().trainable("a", &[10, 10], &Init::Constant(0.0)).unwrap();
        let _ = parameters.root().buffer("b", &[7], &Init::Constant(0.0)).unwrap();
        assert_eq!(bytes(&parameters, 4, false), 4 * 407);
        assert_eq!(bytes(&parameters, 8, true), 8 * 107);
    }

    #[test]
    fn a_model_of_petabytes_is_refused_with_the_estimate_and_a_small_one_is_not() {
        let mut config = RunConfig::preset(ModelKind::Lstm, Preset::Tuned).unwrap();
        let input = InputSpec::sequences(vec!["a".into()], vec!["b".into()]);
        check_model(&config, &input, Device::Cpu).unwrap();
        config = crate::settings::apply_assignment(&config, "model.units=9000000").unwrap();
        let error = check_model(&config, &input, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("not enough memory") && error.contains("GB"), "{error}");
    }
}
