//! `lnn-cli predict`.

use super::compute::ComputeArguments;
use super::predict_table;
use crate::failure::Failure;
use crate::output::{check_writable, say};
use clap::Args;
use lnn_core::Input;
use lnn_data::{csv_path, read_npy};
use lnn_models::{Checkpoint, Model};
use lnn_train::{checkpoint_file, predict, write_atomically};
use ndarray::ArrayD;
use ndarray_npy::{WritableElement, WriteNpyExt};
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// The arguments of `predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// Images as float32 [N, C, H, W] in 0..1, or sequences [N, T, I] in the units of the training data, float32 or float64; or a table, for
    /// a model that was trained on one: FILE.csv with options as after `csv:` of --data
    #[arg(long, value_name = "X.npy|FILE.csv")]
    pub(crate) input: PathBuf,
    /// The time since the step before, [N, T], in the unit of the column of time (seconds for dates), for a model that was trained
    /// with one
    #[arg(long, value_name = "DT.npy")]
    pub(crate) dt: Option<PathBuf>,
    /// The file to write: logits, float32 [N, classes], or values [N, O], float64 where the input is; of a table a table, with one line
    /// for each window, on standard output if it is left out
    #[arg(long, value_name = "Y.npy|Y.csv")]
    pub(crate) output: Option<PathBuf>,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

pub(super) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let device = arguments.compute.prepare()?;
    let source = checkpoint_file(&arguments.source)?;
    let table = predict_table::table(&arguments.input);
    let input = table.as_deref().map_or(arguments.input.as_path(), |text| Path::new(csv_path(text)));
    let sources = [Some(source.as_path()), Some(input), arguments.dt.as_deref()];
    let sources: Vec<&Path> = sources.into_iter().flatten().collect();
    if let Some(output) = &arguments.output {
        check_writable(output, &sources)?;
    }
    let checkpoint = Checkpoint::load(&source)?;
    let model = checkpoint.model(device)?;
    if let Some(text) = table {
        if arguments.dt.is_some() {
            return Err(Failure::request(
                "--dt: a table has its time in a column; hint: leave --dt out".to_owned(),
            ));
        }
        return predict_table::run(&text, &checkpoint, &model, arguments.output.as_deref());
    }
    let Some(output) = &arguments.output else {
        return Err(Failure::request(
            "--output: expected the file to write; hint: --output Y.npy".to_owned(),
        ));
    };
    let mut input = Input::new(read(&arguments.input, &model.input().batch_shape())?);
    input.dt = arguments.dt.as_deref().map(|path| read(path, "time steps [N, T]")).transpose()?;
    model.check(&input)?;
    check_range(&model, &input.x)?;
    check_time(&model, &input)?;
    for remark in model.unfamiliar(&input)? {
        say(&format!("warning: {remark}"));
    }
    let predictions = predict(&model, &input)?;
    let precise = input.x.kind() == Kind::Double && !model.task().is_classification();
    match precise || model.parameters().kind() == Kind::Double {
        true => write::<f64>(output, &predictions.to_kind(Kind::Double)),
        false => write::<f32>(output, &predictions.to_kind(Kind::Float)),
    }
}

/// Refuses pixels outside 0..1, which were probably not divided by 255.
fn check_range(model: &Model, x: &Tensor) -> Result<(), Failure> {
    // Pixels that were interpolated may lie beyond by rounding.
    const ROUNDING: f64 = 1e-3;
    if model.input().image().is_none() {
        return Ok(());
    }
    let [low, high] = [x.min(), x.max()].map(|extreme| extreme.double_value(&[]));
    match low >= -ROUNDING && high <= 1.0 + ROUNDING {
        true => Ok(()),
        false => Err(Failure::request(format!(
            "--input: expected pixels in 0..1, found {low} to {high}; hint: divide pixels of 0 to 255 by 255"
        ))),
    }
}

/// Refuses to predict without `dt` for a model that was trained with a column of time.
fn check_time(model: &Model, input: &Input) -> Result<(), Failure> {
    match model.input().timing {
        Some(timing) if input.dt.is_none() => Err(Failure::request(format!(
            "--dt: the model was trained with a column of time, so it needs the time since the step before, [N, T], in the unit of \
             that column; hint: the typical one in training was {}",
            timing.typical()
        ))),
        _ => Ok(()),
    }
}

/// Reads an array as a tensor of its own dtype, float32 or float64. Bytes are refused, because they would hide a wrong range. `shape`
/// describes the expected shape in messages.
fn read(path: &Path, shape: &str) -> Result<Tensor, Failure> {
    let array = read_npy(path)?;
    if array.numel() == 0 {
        return Err(Failure::request(format!(
            "{}: expected at least one sample as {shape}, found {:?}",
            path.display(),
            array.size()
        )));
    }
    Ok(array)
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
