//! What a recurrent network is built from.

use crate::error::Error;
use crate::parts::reading_order::Scan;
use crate::parts::summary::{Summaries, Summary};
use lnn_core::{
    Cell, ClosedForm, ClosedFormConfig, ClosedFormMode, Gru, LinearLiquid, LiquidTimeConstant,
    LiquidTimeConstantConfig, LiquidTimeStep, LiquidTimeStepConfig, Lstm, MixedMemory, OdeSolver, Scope,
    WiredClosedForm, WiringConfig,
};

/// The maximum number of stacked layers of a reading.
const MOST_LAYERS: i64 = 1000;

/// The configuration of a recurrent network. A model converts its own configuration, which has names and defaults for users,
/// into this one.
pub(crate) struct RecurrentConfig {
    /// The model, for errors.
    pub model: &'static str,
    /// Channels of the blocks of the residual convolutional front; empty leaves the front out.
    pub front: Vec<i64>,
    /// The readings of an image, or of the front's map; each has layers of its own. A sequence has one, whose order is not used.
    pub readings: Vec<Reading>,
    /// Whether each reading is whitened by a fixed map that is computed from the training data.
    pub whitening: bool,
    /// The cell of a layer with a given number of inputs.
    pub cell: Box<dyn Fn(i64) -> CellConfig>,
    /// Number of stacked layers of each reading, at least 1.
    pub layers: i64,
    /// Which summaries of the states of the last layer the readout sees.
    pub summaries: Summaries,
    /// Probability with which an input of the readout is left out in training.
    pub dropout: f64,
    /// Whether evaluation averages the predictions of an image and of its mirror image.
    pub mirror: bool,
}

/// One reading of an image.
pub(crate) struct Reading {
    /// The order in which it visits the pixels.
    pub order: Scan,
    /// Name of the first layer's tensors. Layer l > 0 is called `NAME_l`.
    pub layer: String,
}

/// A trainable recurrent cell. A further cell is a variant and a line in [`CellConfig::build`].
pub(crate) enum CellConfig {
    /// See [`LiquidTimeStep`].
    Liquid(LiquidTimeStepConfig),
    /// See [`LinearLiquid`].
    LinearLiquid {
        /// Number of units.
        units: i64,
        /// The rate c.
        rate: f64,
    },
    /// See [`Lstm`].
    Lstm {
        /// Number of units.
        units: i64,
    },
    /// See [`Gru`].
    Gru {
        /// Number of units.
        units: i64,
    },
    /// See [`LiquidTimeConstant`].
    LiquidTimeConstant {
        /// Number of units.
        units: i64,
        /// Their synapses.
        wiring: WiringConfig,
        /// How the equation is solved.
        solver: OdeSolver,
        /// Number of sub-steps of a step.
        unfolds: i64,
    },
    /// See [`ClosedForm`].
    ClosedForm(ClosedFormConfig),
    /// See [`WiredClosedForm`].
    WiredClosedForm {
        /// Number of units.
        units: i64,
        /// Their layers and synapses.
        wiring: WiringConfig,
        /// Which form of the solution.
        mode: ClosedFormMode,
    },
    /// See [`MixedMemory`].
    MixedMemory(Box<CellConfig>),
}

impl CellConfig {
    /// A layer of the cell over `inputs` inputs.
    ///
    /// # Errors
    /// [`Error::Core`] if a value is out of its range.
    pub(crate) fn build(&self, scope: &mut Scope<'_>, inputs: i64) -> Result<Box<dyn Cell>, Error> {
        Ok(match self {
            Self::Liquid(config) => Box::new(LiquidTimeStep::new(scope, inputs, config)?),
            Self::LinearLiquid { units, rate } => Box::new(LinearLiquid::new(scope, inputs, *units, *rate)?),
            Self::Lstm { units } => Box::new(Lstm::new(scope, inputs, *units)?),
            Self::Gru { units } => Box::new(Gru::new(scope, inputs, *units)?),
            Self::LiquidTimeConstant { units, wiring, solver, unfolds } => {
                let wiring = wiring.build(inputs as usize, (*units).max(0) as usize)?;
                let config = LiquidTimeConstantConfig { wiring, solver: *solver, unfolds: *unfolds };
                Box::new(LiquidTimeConstant::new(scope, &config)?)
            }
            Self::ClosedForm(config) => Box::new(ClosedForm::new(scope, inputs, config, None)?),
            Self::WiredClosedForm { units, wiring, mode } => {
                let wiring = wiring.build(inputs as usize, (*units).max(0) as usize)?;
                Box::new(WiredClosedForm::new(scope, &wiring, *mode)?)
            }
            Self::MixedMemory(cell) => {
                let cell = cell.build(&mut scope.child("cell"), inputs)?;
                Box::new(MixedMemory::new(scope, cell)?)
            }
        })
    }

    /// Whether the cell uses the time between steps.
    pub(crate) fn has_time(&self) -> bool {
        match self {
            Self::Liquid(_)
            | Self::LiquidTimeConstant { .. }
            | Self::ClosedForm(_)
            | Self::WiredClosedForm { .. } => true,
            Self::LinearLiquid { .. } | Self::Lstm { .. } | Self::Gru { .. } => false,
            Self::MixedMemory(cell) => cell.has_time(),
        }
    }
}

impl RecurrentConfig {
    /// One layer that reads an image in one order and has nothing in front of it; the readout sees its last output.
    pub(crate) fn one_reading(
        model: &'static str,
        order: Scan,
        cell: impl Fn(i64) -> CellConfig + 'static,
    ) -> Self {
        Self {
            model,
            front: Vec::new(),
            readings: vec![Reading { order, layer: "cell".into() }],
            whitening: false,
            cell: Box::new(cell),
            layers: 1,
            summaries: Summaries::of_the_whole(vec![Summary::Last]),
            dropout: 0.0,
            mirror: false,
        }
    }

    /// Refuses what no input makes right.
    ///
    /// # Errors
    /// [`Error::Config`] that names the key, its range and the value.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::Config { model: self.model, reason });
        if self.readings.is_empty() {
            return refuse("scans is empty, at least one reading of the image is needed".into());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse(format!("dropout must be at least 0 and below 1, found {}", self.dropout));
        }
        if !(1..=MOST_LAYERS).contains(&self.layers) {
            return refuse(format!("layers must be 1 to {MOST_LAYERS}, found {}", self.layers));
        }
        if self.whitening && !self.front.is_empty() {
            return refuse(
                "whitening needs channels to be empty: it is computed from the training images, not from the map of a \
                 convolutional front"
                    .into(),
            );
        }
        let Summaries { kinds, .. } = &self.summaries;
        if kinds.is_empty() || (1..kinds.len()).any(|i| kinds[..i].contains(&kinds[i])) {
            return refuse(format!("summaries must be last, mean or both, found {kinds:?}"));
        }
        Ok(())
    }

    /// Whether the network can be run step by step: one reading, of which nothing but the state of a step is needed later.
    pub(crate) fn steps_one_by_one(&self) -> bool {
        self.readings.len() == 1 && self.front.is_empty() && !self.mirror && self.summaries.stretches == 1
    }
}
