//! `lnn-cli predict`.

use super::compute::ComputeArguments;
use crate::failure::Failure;
use clap::Args;
use lnn_core::Input;
use lnn_models::{Checkpoint, Mode};
use lnn_train::{checkpoint_file, write_atomically};
use ndarray::{Array2, ArrayD, Dimension};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// The arguments of `predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// Images as float32 [N, C, H, W] in 0..1, or sequences [N, T, I]
    #[arg(long, value_name = "X.npy")]
    pub(crate) input: PathBuf,
    /// The time that passes in each step, float32 [N, T], for a model that knows time [default: 1]
    #[arg(long, value_name = "DT.npy")]
    pub(crate) dt: Option<PathBuf>,
    /// Where the logits go, float32 [N, classes], or the values [N, O]
    #[arg(long, value_name = "Y.npy")]
    pub(crate) output: PathBuf,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

/// How many samples are computed at once: bounds the memory.
const BLOCK: i64 = 500;

pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let device = arguments.compute.prepare()?;
    let checkpoint = Checkpoint::load(&checkpoint_file(&arguments.source)?)?;
    let mut input = Input::new(read(&arguments.input, &checkpoint.description.input.batch_shape())?);
    input.dt = arguments.dt.as_deref().map(|path| read(path, "time steps [N, T]")).transpose()?;
    let model = checkpoint.model(device)?;
    model.check(&input)?;
    let predictions: Result<Vec<Tensor>, _> = blocks(&input, device)
        .map(|block| tch::no_grad(|| model.run(block, Mode::Evaluation)).map(|output| output.prediction))
        .collect();
    let predictions = Tensor::cat(&predictions?, 0).to_device(Device::Cpu).to_kind(Kind::Float);
    write(&arguments.output, &predictions)
}

/// The input on the device, a block at a time.
fn blocks(input: &Input, device: Device) -> impl Iterator<Item = Input> {
    let count = input.x.size()[0];
    (0..count).step_by(BLOCK as usize).map(move |start| {
        let part = |tensor: &Tensor| tensor.narrow(0, start, BLOCK.min(count - start)).to_device(device);
        Input { dt: input.dt.as_ref().map(part), ..Input::new(part(&input.x)) }
    })
}

/// Numbers as a tensor; float64 and bytes are refused, because they would hide a wrong range. `shape` says what is expected.
fn read(path: &Path, shape: &str) -> Result<Tensor, Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| Failure::request(format!("{shown}: {error}")))?;
    let inputs = ArrayD::<f32>::read_npy(BufReader::new(file))
        .map_err(|error| Failure::request(format!("{shown}: expected a float32 .npy of {shape}: {error}")))?;
    if inputs.is_empty() {
        return Err(Failure::request(format!(
            "{shown}: expected at least one sample as {shape}, found {:?}",
            inputs.shape()
        )));
    }
    if let Some((place, value)) = inputs.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(Failure::request(format!(
            "{shown}: expected finite numbers, found {value} at {:?}",
            place.as_array_view().to_vec()
        )));
    }
    let shape: Vec<i64> = inputs.shape().iter().map(|&extent| extent as i64).collect();
    let inputs = inputs.as_standard_layout();
    Ok(Tensor::from_slice(inputs.as_slice().expect("standard layout")).view(&shape[..]))
}

fn write(path: &Path, predictions: &Tensor) -> Result<(), Failure> {
    let (rows, columns) = predictions.size2().map_err(Failure::run)?;
    let values = Vec::<f32>::try_from(predictions.flatten(0, -1)).map_err(Failure::run)?;
    let array = Array2::from_shape_vec((rows as usize, columns as usize), values).map_err(Failure::run)?;
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).map_err(Failure::run)?;
    Ok(write_atomically(path, &bytes)?)
}
