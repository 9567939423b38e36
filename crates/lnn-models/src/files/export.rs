//! A checkpoint as a file for Python: a TorchScript module, or plain weights, with a description of both.
//!
//! The description, an [`ExportDescription`] as JSON, is the extra file `lnn.json` of the module and its attribute
//! `lnn_json`, because an extra file is lost when Python saves the module again; plain weights carry it as the metadata
//! `lnn.json` of a safetensors file.

use crate::error::Error;
use crate::files::checkpoint::{Checkpoint, Description, Stored};
use lnn_core::{InputShape, Per, Task};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tch::{Device, Kind};

/// The version of the description that this crate reads and writes.
pub const EXPORT_VERSION: u64 = 2;

/// Name of the description as an extra file.
pub(crate) const EXTRA_FILE: &str = "lnn.json";

/// Name of the description as an attribute of the module.
pub(crate) const ATTRIBUTE: &str = "lnn_json";

/// The dtype of a model in double precision.
const FLOAT64: &str = "float64";

/// What an exported model says about itself, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportDescription {
    /// Version of this description.
    pub export_version: u64,
    /// Release of torch that wrote the module.
    pub torch_version: String,
    /// What `forward` takes.
    pub input: TensorContract,
    /// The time between steps; null if the training data had none.
    #[serde(default)]
    pub time: Option<TimeContract>,
    /// What it returns.
    pub output: TensorContract,
    /// Names of the classes, in the order of the logits; empty if the output is values.
    pub class_names: Vec<String>,
    /// Names of the values, in their order; empty if the output is logits.
    pub value_names: Vec<String>,
    /// Levels of the quantiles of each value, which are side by side in the output; empty if each value has a single prediction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// The metrics of the model that its run has recorded.
    pub metrics: serde_json::Value,
    /// The description of the checkpoint: model, standardisation, data, seed, training, version and commit.
    pub checkpoint: Description,
}

/// An input or output tensor of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorContract {
    /// What it holds.
    pub content: String,
    /// Its extents.
    pub shape: Vec<Extent>,
    /// Its dtype, unless the module is converted.
    pub dtype: String,
    /// The lowest and highest value; null if there is no bound.
    pub range: Option<(f64, f64)>,
}

/// The time between steps, in the unit of the data: that of the column of time, seconds for dates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimeContract {
    /// What the model divides `dt` by; where `dt` is absent each step counts as this.
    pub unit: f64,
    /// The median `dt` of the training data.
    pub typical_dt: f64,
}

/// One extent of a shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Extent {
    /// Given by the model.
    Fixed(i64),
    /// Free, under a name.
    Free(String),
}

impl ExportDescription {
    /// Describes a checkpoint; `metrics` are those that its run has recorded.
    pub fn of(checkpoint: &Checkpoint, metrics: serde_json::Value) -> Self {
        let input = &checkpoint.description.input;
        let batch = || Extent::Free("N".into());
        let (content, extents, range) = match &input.shape {
            InputShape::Images { channels, height, width } => {
                ("images", [*channels, *height, *width].map(Extent::Fixed).to_vec(), Some((0.0, 1.0)))
            }
            InputShape::Sequences { features } => {
                ("sequences", vec![Extent::Free("T".into()), Extent::Fixed(features.len() as i64)], None)
            }
        };
        let (predicted, class_names, value_names) = match &input.task {
            Task::Classification { class_names } => ("logits", class_names.clone(), Vec::new()),
            Task::Regression { value_names } => ("values", Vec::new(), value_names.clone()),
        };
        let mut predictions = vec![batch(), Extent::Fixed(input.outputs())];
        if input.per == Per::Step {
            predictions.insert(1, Extent::Free("T".into()));
        }
        let contract = |content: &str, shape, range| TensorContract {
            content: content.into(),
            shape,
            dtype: if checkpoint.kind() == Kind::Double { FLOAT64 } else { "float32" }.into(),
            range,
        };
        Self {
            export_version: EXPORT_VERSION,
            torch_version: lnn_sys::torch_version(),
            input: contract(content, std::iter::once(batch()).chain(extents).collect(), range),
            time: input.timing.map(|timing| TimeContract { unit: timing.unit, typical_dt: timing.typical() }),
            output: contract(predicted, predictions, None),
            class_names,
            value_names,
            quantiles: input.quantiles.clone(),
            metrics,
            checkpoint: checkpoint.description.clone(),
        }
    }

    /// The dtype of the model's tensors.
    pub(crate) fn kind(&self) -> Kind {
        if self.input.dtype == FLOAT64 { Kind::Double } else { Kind::Float }
    }

    fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a description is plain data")
    }
}

impl Checkpoint {
    /// The bytes of a `.pt` file with the model as a TorchScript module in evaluation mode, on the CPU.
    ///
    /// # Errors
    /// Those of [`Checkpoint::model`]; [`Error::Core`] if libtorch cannot write the module.
    pub fn to_torchscript(&self, metrics: serde_json::Value) -> Result<Vec<u8>, Error> {
        let model = self.model(Device::Cpu)?;
        let description = ExportDescription::of(self, metrics).json();
        let mut module = model.script().build(model.parameters())?;
        module.register_text(ATTRIBUTE, &description).map_err(lnn_core::Error::from)?;
        Ok(module.save((EXTRA_FILE, &description)).map_err(lnn_core::Error::from)?)
    }

    /// The bytes of a safetensors file with the model's tensors under their plain names.
    ///
    /// # Errors
    /// Those of [`Checkpoint::model`].
    pub fn to_weights(&self, metrics: serde_json::Value) -> Result<Vec<u8>, Error> {
        // Building the model checks that the description and the tensors belong together.
        let model = self.model(Device::Cpu)?;
        let entries = model.parameters().entries();
        let views = entries.iter().map(|entry| (entry.name.clone(), Stored::of(&entry.tensor)));
        let description = ExportDescription::of(self, metrics).json();
        let metadata = HashMap::from([(EXTRA_FILE.to_owned(), description)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| Error::Serialize(error.to_string()))
    }
}
