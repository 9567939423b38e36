//! `lnn-cli predict`.

use super::prepare;
use crate::args::PredictArguments;
use crate::failure::Failure;
use crate::run_folder::{checkpoint_file, write_atomically};
use lnn_models::Checkpoint;
use ndarray::{Array2, ArrayD, Dimension};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// How many samples are computed at once: bounds the memory.
const BLOCK: i64 = 500;

pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let device = prepare(&arguments.compute)?;
    let checkpoint = Checkpoint::load(&checkpoint_file(&arguments.source)?)?;
    let inputs = read(&arguments.input, &checkpoint.description.input.batch_shape())?;
    checkpoint.description.input.check(&inputs.size())?;
    let model = checkpoint.model(device)?;
    let blocks = inputs.split(BLOCK, 0);
    let logits: Result<Vec<Tensor>, _> =
        blocks.iter().map(|block| tch::no_grad(|| model.forward(&block.to_device(device), false))).collect();
    let logits = Tensor::cat(&logits?, 0).to_device(Device::Cpu).to_kind(Kind::Float);
    write(&arguments.output, &logits)
}

/// Inputs as a tensor; float64 and bytes are refused, because they would hide a wrong range. `shape` says what is expected.
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

fn write(path: &Path, logits: &Tensor) -> Result<(), Failure> {
    let (rows, columns) = logits.size2().map_err(Failure::run)?;
    let values = Vec::<f32>::try_from(logits.flatten(0, -1)).map_err(Failure::run)?;
    let array = Array2::from_shape_vec((rows as usize, columns as usize), values).map_err(Failure::run)?;
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).map_err(Failure::run)?;
    write_atomically(path, &bytes)
}
