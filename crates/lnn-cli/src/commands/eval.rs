//! `lnn-cli eval`.

use super::compute::ComputeArguments;
use super::eval_backtest;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{opened_for_test, print_line, print_text, progress_bar, say};
use clap::Args;
use lnn_data::Trained;
use lnn_models::Checkpoint;
use lnn_train::advice::left_out;
use lnn_train::{Baselines, Event, checkpoint_file, evaluate_with_noise, known_samples, unfamiliar};
use std::path::PathBuf;

/// The arguments of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// The data [default: the data that the model was trained on]; what it leaves open, as the window and the columns of a series, is as
    /// in training, and another file of a series is tested from its first row to its last
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<String>,
    /// Evaluate also with noise of these deviations on the input, as 0.1,0.2,0.5: for images in units of the pixel range 0..1;
    /// for sequences in units of each feature's deviation over the training set, or in the units of the features with
    /// standardization=none
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) noise: Vec<f64>,
    /// Forecast from N starts, spread evenly over the test part of a series, instead, and print the errors by how far ahead a row lies, in the
    /// unit of each value beside those of the mean, the last value and the season; columns that the model sees and does not predict are
    /// given their true later values
    #[arg(long, value_name = "N", conflicts_with = "noise", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) backtest: Option<u32>,
    /// How many rows each start of --backtest predicts [default: the horizon if it is above 1, or else 24]
    #[arg(long, value_name = "H", requires = "backtest", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) steps: Option<u32>,
    /// The table of all forecasts of --backtest to write
    #[arg(long, value_name = "Y.csv", requires = "backtest")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

pub(super) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    Interrupt::install()?;
    let device = arguments.compute.prepare()?;
    if let Some(bad) = arguments.noise.iter().find(|noise| !(noise.is_finite() && **noise > 0.0)) {
        return Err(Failure::request(format!("--noise: expected finite numbers above 0, found {bad}")));
    }
    let checkpoint = Checkpoint::load(&checkpoint_file(&arguments.source)?)?;
    let (trained_on, input) = (&checkpoint.description.data, &checkpoint.description.input);
    if let Some(starts) = arguments.backtest {
        let data = arguments.data.as_ref().unwrap_or(trained_on);
        let EvalArguments { steps, json, .. } = *arguments;
        let request =
            eval_backtest::Request { starts, steps, data, output: arguments.output.as_deref(), json };
        return eval_backtest::run(&request, &checkpoint, &checkpoint.model(device)?);
    }
    let known = known_samples(&checkpoint);
    let spec = arguments.data.as_ref().unwrap_or(trained_on);
    let data = opened_for_test(spec, &Trained { data: trained_on, input, known: known.as_ref() })?;
    let matching = input.matching(&data.spec())?;
    let model = checkpoint.model(device)?;
    let baselines = Baselines::of_checkpoint(&checkpoint);
    let test = matching.apply(data.test()?).to_device(device);
    for remark in matching.remarks().into_iter().chain(unfamiliar(&model, &test)?).chain(left_out(&model)) {
        say(&remark);
    }
    // The results with noise come first, because the test result comes last.
    let levels = arguments.noise.iter().copied().chain([0.0]);
    for deviation in levels {
        let bar = progress_bar("test", test.len() as u64);
        let result =
            evaluate_with_noise(&model, &test, deviation, &mut |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        // The baselines stand beside the test result alone, because they see no noise.
        let result = if deviation > 0.0 { result } else { baselines.beside(result, &test, model.input())? };
        for remark in &result.baselines_left_out {
            say(&format!("note: {remark}"));
        }
        let noisy = deviation > 0.0;
        if arguments.json {
            print_line(&if noisy { Event::Noise { deviation, result } } else { Event::Test(result) })?;
        } else if noisy {
            print_text(&format!("noise {deviation}: {}", result.in_words()))?;
        } else {
            print_text(&format!("test {}, {} samples of {spec}", result.in_words(), result.samples))?;
        }
    }
    Ok(())
}
