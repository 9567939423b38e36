//! A checkpoint: one safetensors file with a model and, to continue a run, its optimiser.
//!
//! Tensors lie under `model.*`, `optimizer.*` and `data.*`; the metadata key `lnn` holds a JSON [`Description`]. Python's stock
//! `safetensors` package reads the file. It is written under a temporary name, synced and renamed, therefore a file with the final
//! name is always complete.

use crate::config::ModelConfig;
use crate::error::Error;
use crate::files::atomic_write::write_atomically;
use crate::model::Model;
use crate::parts::standardization::Standardization;
use lnn_core::{InputSpec, Loss};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};
use xxhash_rust::xxh3::Xxh3Default;

/// The format that this crate writes. In format 2, which it reads, statistics of series are in float32, and there is no group `data`.
pub const FORMAT_VERSION: u64 = 3;

/// The oldest format that this crate reads.
const OLDEST: u64 = 2;

/// The metadata key of the description.
const KEY: &str = "lnn";

/// Everything about a checkpoint that is not a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Version of the file format.
    pub format_version: u64,
    /// Version of the program that wrote the file.
    pub program_version: String,
    /// Commit of the program, or `unknown`.
    pub program_commit: String,
    /// The configuration that the model is built from.
    pub model: ModelConfig,
    /// What the model takes and predicts.
    pub input: InputSpec,
    /// How its input is standardised; the statistics are tensors.
    pub standardization: Standardization,
    /// Name of the data set it was trained on.
    pub data: String,
    /// Seed of the run.
    pub seed: u64,
    /// The loss of values that it was trained with.
    #[serde(default, skip_serializing_if = "Loss::is_mse")]
    pub loss: Loss,
    /// The deviation of the noise on its inputs in training, in units of the deviation of each feature; 0 without noise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_noise: f64,
    /// The trainer's own state, as JSON.
    pub training: serde_json::Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// The tensors of a model with their description.
#[derive(Debug)]
pub struct Checkpoint {
    /// What the tensors belong to.
    pub description: Description,
    /// The model's tensors by name.
    pub model: Vec<(String, Tensor)>,
    /// The optimiser's tensors by name; empty if no run can continue from the checkpoint.
    pub optimizer: Vec<(String, Tensor)>,
    /// What is known of the training data, to recognise it; empty if it is unknown.
    pub data: Vec<(String, Tensor)>,
}

impl Checkpoint {
    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let description = serde_json::to_string(&self.description).map_err(|error| io(error.into()))?;
        let groups = [("model", &self.model), ("optimizer", &self.optimizer), ("data", &self.data)];
        let views = groups.into_iter().flat_map(|(group, tensors)| {
            tensors.iter().map(move |(name, tensor)| (format!("{group}.{name}"), Stored::of(tensor)))
        });
        let bytes = safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), description)])))
            .map_err(|error| io(std::io::Error::other(error)))?;
        write_atomically(path, &bytes).map_err(io)
    }

    /// Reads a file, checking it from end to end.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`], [`Error::OlderFormat`] or [`Error::NewerFormat`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        Self::read(path, &bytes)
    }

    /// Reads the content `bytes` of the file at `path`, which need not be on this machine.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| {
            damaged(format!("expected a safetensors file, found {} bytes ({error})", bytes.len()))
        })?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).ok_or_else(|| {
            damaged(format!("expected the metadata key `{KEY}`; the file was not written by lnn-cli"))
        })?;
        check_version(path, text)?;
        let description =
            serde_json::from_str(text).map_err(|error| damaged(format!("its description: {error}")))?;
        let mut checkpoint = Self { description, model: Vec::new(), optimizer: Vec::new(), data: Vec::new() };
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        for (name, view) in tensors.iter() {
            let tensor = tensor(&view).map_err(|reason| damaged(format!("tensor `{name}`: {reason}")))?;
            match name.split_once('.') {
                Some(("model", name)) => checkpoint.model.push((name.to_owned(), tensor)),
                Some(("optimizer", name)) => checkpoint.optimizer.push((name.to_owned(), tensor)),
                Some(("data", name)) => checkpoint.data.push((name.to_owned(), tensor)),
                _ => return Err(damaged(format!("tensor `{name}` is not under model, optimizer or data"))),
            }
        }
        Ok(checkpoint)
    }

    /// A number that tells the model's tensors, with their names, from those of any other model.
    pub fn fingerprint(&self) -> u64 {
        // A sum, because the order of the tensors means nothing.
        let hashes = self.model.iter().map(|(name, tensor)| {
            let mut hash = Xxh3Default::new();
            hash.update(name.as_bytes());
            hash.update(&Stored::of(tensor).bytes);
            hash.digest()
        });
        hashes.fold(0, u64::wrapping_add)
    }

    /// The dtype of the model: float64 if its tensors are stored so, else float32.
    pub fn kind(&self) -> Kind {
        let has = |kind| self.model.iter().any(|(_, tensor)| tensor.kind() == kind);
        if has(Kind::Double) && !has(Kind::Float) { Kind::Double } else { Kind::Float }
    }

    /// The model that the checkpoint describes, with its weights and their dtype, on `device`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if description and tensors do not fit each other.
    pub fn model(&self, device: Device) -> Result<Model, Error> {
        let Description { model, input, standardization, loss, .. } = &self.description;
        let options = (self.kind(), device);
        let mut model = Model::stored(model.clone(), input.clone(), *standardization, &self.model, options)?;
        model.judge_by(loss.clone())?;
        Ok(model)
    }
}

/// Reads the version first: a newer description may have other fields.
fn check_version(path: &Path, text: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    let Version { format_version: found } = serde_json::from_str(text)
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: format!("its version: {error}") })?;
    if found > FORMAT_VERSION {
        return Err(Error::NewerFormat { path: path.to_owned(), found, supported: FORMAT_VERSION });
    }
    if found < OLDEST {
        return Err(Error::OlderFormat { path: path.to_owned(), found, supported: OLDEST });
    }
    Ok(())
}

/// A tensor's bytes as safetensors wants them.
pub(crate) struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    pub(crate) fn of(tensor: &Tensor) -> Self {
        let dtype = match tensor.kind() {
            Kind::Float => Dtype::F32,
            Kind::Double => Dtype::F64,
            Kind::Int64 => Dtype::I64,
            Kind::Uint8 => Dtype::U8,
            other => unreachable!("no model has a tensor of {other:?}"),
        };
        let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        let count = tensor.numel();
        tensor.copy_data_u8(&mut bytes, count);
        Self { dtype, shape: tensor.size().iter().map(|&extent| extent as usize).collect(), bytes }
    }
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        (&self.bytes).into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

pub(crate) fn tensor(view: &safetensors::tensor::TensorView<'_>) -> Result<Tensor, String> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::I64 => Kind::Int64,
        Dtype::U8 => Kind::Uint8,
        other => return Err(format!("expected F32, F64, I64 or U8, found {other:?}")),
    };
    let shape: Vec<i64> = view.shape().iter().map(|&extent| extent as i64).collect();
    Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|error| error.to_string())
}
