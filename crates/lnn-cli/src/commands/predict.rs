//! `lnn-cli predict`.

use super::compute::ComputeArguments;
use crate::failure::Failure;
use crate::output::check_writable;
use clap::Args;
use lnn_core::Input;
use lnn_models::Checkpoint;
use lnn_train::{checkpoint_file, predict, write_atomically};
use ndarray::{ArrayD, Dimension};
use ndarray_npy::{ReadNpyExt, ReadableElement, WritableElement, WriteNpyExt};
use std::fmt::Display;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// The arguments of `predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// Images as float32 [N, C, H, W] in 0..1, or sequences [N, T, I]
    #[arg(long, value_name = "X.npy")]
    pub(crate) input: PathBuf,
    /// The duration of each step, float32 [N, T], for a model that uses time [default: 1]
    #[arg(long, value_name = "DT.npy")]
    pub(crate) dt: Option<PathBuf>,
    /// The file to write: logits, float32 [N, classes], or values [N, O]
    #[arg(long, value_name = "Y.npy")]
    pub(crate) output: PathBuf,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let device = arguments.compute.prepare()?;
    let source = checkpoint_file(&arguments.source)?;
    let sources = [Some(&source), Some(&arguments.input), arguments.dt.as_ref()];
    let sources: Vec<&Path> = sources.into_iter().flatten().map(PathBuf::as_path).collect();
    check_writable(&arguments.output, &sources)?;
    let model = Checkpoint::load(&source)?.model(device)?;
    let kind = model.parameters().kind();
    let mut input = Input::new(read(&arguments.input, &model.input().batch_shape(), kind)?);
    input.dt = arguments.dt.as_deref().map(|path| read(path, "time steps [N, T]", kind)).transpose()?;
    let predictions = predict(&model, &input)?;
    match kind {
        Kind::Double => write::<f64>(&arguments.output, &predictions),
        _ => write::<f32>(&arguments.output, &predictions),
    }
}

/// Reads an array as a tensor: float32, or also float64 for a model of that dtype. Bytes are refused, because they would hide a
/// wrong range. `shape` describes the expected shape in messages.
fn read(path: &Path, shape: &str, kind: Kind) -> Result<Tensor, Failure> {
    if kind == Kind::Double
        && let Ok(tensor) = read_as::<f64>(path, shape)
    {
        return Ok(tensor);
    }
    read_as::<f32>(path, shape)
}

fn read_as<T>(path: &Path, shape: &str) -> Result<Tensor, Failure>
where
    T: ReadableElement + tch::kind::Element + Into<f64> + Display + Copy,
{
    let shown = path.display();
    let file = File::open(path).map_err(|error| Failure::request(format!("{shown}: {error}")))?;
    let inputs = ArrayD::<T>::read_npy(BufReader::new(file))
        .map_err(|error| Failure::request(format!("{shown}: expected a float32 .npy of {shape}: {error}")))?;
    if inputs.is_empty() {
        return Err(Failure::request(format!(
            "{shown}: expected at least one sample as {shape}, found {:?}",
            inputs.shape()
        )));
    }
    let not_finite = |value: T| !Into::<f64>::into(value).is_finite();
    if let Some((place, value)) = inputs.indexed_iter().find(|(_, value)| not_finite(**value)) {
        return Err(Failure::request(format!(
            "{shown}: expected finite numbers, found {value} at {:?}",
            place.as_array_view().to_vec()
        )));
    }
    let shape: Vec<i64> = inputs.shape().iter().map(|&extent| extent as i64).collect();
    let inputs = inputs.as_standard_layout();
    Ok(Tensor::from_slice(inputs.as_slice().expect("standard layout")).view(&shape[..]))
}

fn write<T>(path: &Path, predictions: &Tensor) -> Result<(), Failure>
where
    T: WritableElement + tch::kind::Element + Copy,
    Vec<T>: TryFrom<Tensor, Error = tch::TchError>,
{
    let shape: Vec<usize> = predictions.size().iter().map(|&extent| extent as usize).collect();
    let values = Vec::<T>::try_from(predictions.flatten(0, -1)).map_err(Failure::run)?;
    let array = ArrayD::from_shape_vec(shape, values).map_err(Failure::run)?;
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).map_err(Failure::run)?;
    Ok(write_atomically(path, &bytes)?)
}
