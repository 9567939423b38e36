//! The list of the tensors in a file, as users see it.

use crate::files::exported::Exported;
use crate::model::Model;
use lnn_core::Role;
use serde::Serialize;
use tch::Tensor;

/// One tensor of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Full name, parts joined by dots.
    pub name: String,
    /// Its extents.
    pub shape: Vec<i64>,
    /// `float` (float32), `double` (float64) or another of libtorch's names.
    pub dtype: String,
    /// Whether an optimiser changes it.
    pub trainable: bool,
}

impl TensorInfo {
    /// The tensors of a model, in the order of its parts.
    pub fn of_model(model: &Model) -> Vec<Self> {
        let entries = model.parameters().entries().iter();
        entries.map(|entry| Self::of(&entry.name, &entry.tensor, entry.role == Role::Trainable)).collect()
    }

    /// The tensors of an exported module, in its own order.
    pub fn of_exported(module: &Exported) -> Vec<Self> {
        module.tensors.iter().map(|found| Self::of(&found.name, &found.tensor, found.parameter)).collect()
    }

    fn of(name: &str, tensor: &Tensor, trainable: bool) -> Self {
        let dtype = format!("{:?}", tensor.kind()).to_lowercase();
        Self { name: name.to_owned(), shape: tensor.size(), dtype, trainable }
    }
}
