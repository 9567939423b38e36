//! The benchmarks of layers of liquid time-constant and closed-form units, with the sizes that ncps has where nothing is said.

use super::pass::Pass;
use super::prepared::Prepared;
use super::shape::Shape;
use super::training_step::{CLASSES, inference, labels, of_core, prepare};
use crate::failure::Failure;
use lnn_core::{
    Backbone, BackboneActivation, Cell, ClosedForm, ClosedFormConfig, ClosedFormMode, Dense, Error,
    LiquidTimeConstant, LiquidTimeConstantConfig, OdeSolver, Parameters, Scope, Sequence, WiringConfig,
};
use tch::{Device, Kind};

/// Which layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Liquid time-constant units that are all joined, with 6 sub-steps.
    Ltc,
    /// The same in a neural circuit policy with an eighth of the units as outputs.
    LtcNcp,
    /// Closed-form units with a backbone of 128.
    Cfc,
}

impl Layer {
    pub(super) const ALL: [Self; 3] = [Self::Ltc, Self::LtcNcp, Self::Cfc];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ltc => "ltc",
            Self::LtcNcp => "ltc-ncp",
            Self::Cfc => "cfc",
        }
    }

    fn cell(self, scope: &mut Scope<'_>, inputs: i64, units: i64) -> Result<Box<dyn Cell>, Error> {
        let wiring = match self {
            Self::Ltc => WiringConfig::Full { seed: 1 },
            Self::LtcNcp => {
                WiringConfig::AutoNcp { outputs: (units / 8).max(1) as usize, sparsity: 0.5, seed: 1 }
            }
            Self::Cfc => {
                let activation = BackboneActivation::LecunTanh;
                let backbone = Backbone { units: 128, layers: 1, activation, dropout: 0.0 };
                let config = ClosedFormConfig { units, mode: ClosedFormMode::Default, backbone };
                return Ok(Box::new(ClosedForm::new(scope, inputs, &config, None)?));
            }
        };
        let wiring = wiring.build(inputs as usize, units as usize)?;
        let config = LiquidTimeConstantConfig { wiring, solver: OdeSolver::SemiImplicit, unfolds: 6 };
        Ok(Box::new(LiquidTimeConstant::new(scope, &config)?))
    }
}

/// Prepares sequences: 10 classes are predicted from the last output.
pub(super) fn sequence(
    layer: Layer,
    Shape([batch, steps, inputs, units]): Shape,
    pass: Pass,
    device: Device,
) -> Result<Prepared, Failure> {
    let mut parameters = Parameters::drawn(0, Kind::Float, device);
    let cell = layer.cell(&mut parameters.root().child("cell"), inputs, units).map_err(of_core)?;
    let outputs = cell.output_size();
    let readout = Dense::new(&mut parameters.root().child("readout"), outputs, CLASSES).map_err(of_core)?;
    let x = lnn_core::random::randn([batch, steps, inputs], (Kind::Float, device));
    let features = move || Ok(cell.emit(&cell.scan(Sequence::new(&x), None)?.last));
    match pass {
        Pass::Train => prepare(steps, &parameters, readout, labels(batch, device), features),
        Pass::Inference => Ok(inference(steps, readout, features)),
    }
}

/// Prepares single steps in sequence: one repetition is one step and its output.
pub(super) fn stream(
    layer: Layer,
    Shape([batch, _, inputs, units]): Shape,
    device: Device,
) -> Result<Prepared, Failure> {
    let mut parameters = Parameters::drawn(0, Kind::Float, device);
    let cell = layer.cell(&mut parameters.root(), inputs, units).map_err(of_core)?;
    let x = lnn_core::random::randn([batch, inputs], (Kind::Float, device));
    let mut state = cell.zero_state(&x);
    let repeat = move || {
        state = cell.step(&x, None, &state);
        let _ = cell.emit(&state);
        Ok(())
    };
    Ok(Prepared { steps: 1, repeat: Box::new(repeat) })
}
