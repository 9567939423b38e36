//! `lnn-cli forecast`.

use super::compute::ComputeArguments;
use super::predict_table::table;
use crate::failure::Failure;
use crate::output::{check_writable, print_text, say, with_bar};
use clap::Args;
use csv::Writer;
use lnn_core::Input;
use lnn_data::{DataError, Future, History, Trained, csv_path, open_future, open_series};
use lnn_models::{Checkpoint, Model, Spread, Training};
use lnn_train::{ForecastPicture, Stretch, checkpoint_file, draw_forecast, write_atomically};
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// The distance from the mean of the training, in deviations, from which a forecast is named.
const FAR: f64 = 10.0;

/// The quantiles of samples that are written.
const BAND: [f64; 2] = [0.1, 0.9];

/// The arguments of `forecast`.
#[derive(Debug, Args)]
pub(crate) struct ForecastArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub(crate) source: PathBuf,
    /// The series, FILE.csv with options as after `csv:` of --data [default: the one that the model was trained on]
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) input: Option<PathBuf>,
    /// How many rows to go on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) steps: u32,
    /// What is known of the rows to come: their times, and the columns that the model sees and does not predict
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) future: Option<PathBuf>,
    /// The table to write: the time and the predicted values of each row [default: standard output]
    #[arg(long, value_name = "Y.csv")]
    pub(crate) output: Option<PathBuf>,
    /// Also draw the last stretch of the series and the forecast, one panel for each value, with the values of --future if it has them
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) picture: Option<PathBuf>,
    /// Also forecast N times with noise on the rows that are fed back, of the deviation that training had (`input_noise`), and write the
    /// quantiles 0.1 and 0.9 of these samples for each value: how far the noise spreads, which is not the error of the model
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) samples: Option<u32>,
    /// The seed of the noise of --samples
    #[arg(long, value_name = "SEED", requires = "samples", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

pub(super) fn run(arguments: &ForecastArguments) -> Result<(), Failure> {
    let device = arguments.compute.prepare()?;
    let source = checkpoint_file(&arguments.source)?;
    let checkpoint = Checkpoint::load(&source)?;
    let description = &checkpoint.description;
    let trained = Trained { data: &description.data, input: &description.input, known: None };
    if arguments.samples.is_some() && description.input_noise <= 0.0 {
        return Err(Failure::request(
            "--samples: the model was trained without noise on its input, therefore it has none to sample; hint: train with --set input_noise=0.01, which is in units of the deviation of each feature",
        ));
    }
    let series = series_of(arguments, trained.data)?;
    let future_text = arguments.future.as_deref().map(table_of).transpose()?;
    for output in arguments.output.iter().chain(&arguments.picture) {
        let read = [series.strip_prefix("csv:"), future_text.as_deref()].into_iter().flatten();
        let read = read.map(|text| Path::new(csv_path(text))).chain([source.as_path()]);
        check_writable(output, &read.collect::<Vec<_>>())?;
    }
    if arguments.output.is_some() && arguments.output == arguments.picture {
        return Err(Failure::request("--picture: expected another file than --output"));
    }
    let model = checkpoint.model(device)?;
    let history = with_bar(|progress| open_series(&series, &trained, progress))?;
    for remark in model.unfamiliar(&recent(&history))? {
        say(&format!("warning: {remark}"));
    }
    let (rows, washout) = (history.input.x.size()[1], model.washout());
    if rows < washout {
        say(&format!(
            "warning: the series has {rows} rows, and the training left out the first {washout} of each series (model.washout): the state \
             has not settled; hint: a longer series"
        ));
    }
    let steps = i64::from(arguments.steps);
    let future = match &future_text {
        None => history.unknown_future(steps),
        Some(text) => {
            let opened = |progress: &mut dyn FnMut(lnn_data::Progress<'_>)| {
                open_future(text, &trained, &history, progress).map_err(DataError::from)
            };
            first_rows(with_bar(opened)?, steps, text)?
        }
    };
    let spread = arguments.samples.map(|samples| Spread {
        samples: samples as usize,
        noise: description.input_noise,
        seed: arguments.seed,
    });
    let training = Training { window: history.window, horizon: history.horizon };
    let predicted = model.forecast(&history.input, &future.input, training)?;
    if let Some(warning) = run_away(&model, &history, &predicted) {
        say(&warning);
    }
    let band = match spread {
        Some(spread) => {
            let samples = model.forecast_samples(&history.input, &future.input, training, spread)?;
            Some(BAND.map(|level| samples.quantile_scalar(level, 0, false, "linear")))
        }
        None => None,
    };
    let names = model.task().names();
    if let Some(path) = &arguments.picture {
        let picture = picture(&history, &future, names, (&predicted, band.as_ref()));
        write_atomically(path, draw_forecast(&picture).map_err(Failure::run)?.as_bytes())?;
    }
    let bytes = written(&history, &future, names, (&predicted, band.as_ref()))?;
    match &arguments.output {
        Some(path) => Ok(write_atomically(path, &bytes)?),
        None => print_text(String::from_utf8_lossy(&bytes).trim_end_matches('\n')),
    }
}

/// Names the first value that is far from all that the model was trained on, and twice as far as the series has been.
fn run_away(model: &Model, history: &History, predicted: &Tensor) -> Option<String> {
    let (mean, deviation) = (model.value_mean()?, model.value_deviation()?);
    let distance = |values: &Tensor| {
        let [mean, deviation] = [mean, deviation].map(|tensor| tensor.to_device(values.device()));
        ((values - mean) / deviation).abs()
    };
    let limit = match &history.values {
        Some(values) => distance(values).nan_to_num(0.0, 0.0, 0.0).max().double_value(&[]) * 2.0,
        None => 0.0,
    };
    let far = distance(predicted).gt(limit.max(FAR)).nonzero();
    if far.size()[0] == 0 {
        return None;
    }
    let [row, value] = [0, 1].map(|axis| far.int64_value(&[0, axis]));
    Some(format!(
        "warning: from row {} on the forecast of {} is more than {:.0} deviations from its mean in the training: predictions that are fed back run \
         away; hint: eval --backtest shows how far ahead the model can be trusted, and a larger method.regularization steadies a reservoir",
        row + 1,
        model.task().names()[value as usize],
        limit.max(FAR)
    ))
}

/// The series to go on from, as the value of `--data`.
fn series_of(arguments: &ForecastArguments, trained_on: &str) -> Result<String, Failure> {
    match &arguments.input {
        Some(input) => Ok(format!("csv:{}", table_of(input)?)),
        None => Ok(trained_on.to_owned()),
    }
}

fn table_of(path: &Path) -> Result<String, Failure> {
    table(path).ok_or_else(|| {
        let hint = "FILE.csv, or csv:FILE for another ending";
        Failure::request(format!("{}: expected a table; hint: {hint}", path.display()))
    })
}

/// The last window, or all rows.
fn recent(history: &History) -> Input {
    let rows = history.input.x.size()[1];
    let shown = history.window.unwrap_or(rows).min(rows);
    history.input.map(|tensor| tensor.narrow(1, rows - shown, shown))
}

/// The first rows of a table of the future.
fn first_rows(future: Future, steps: i64, text: &str) -> Result<Future, Failure> {
    let found = future.input.x.size()[1];
    if found < steps {
        let file = csv_path(text);
        return Err(Failure::request(format!(
            "{file}: expected {steps} rows to come, as --steps says, found {found}"
        )));
    }
    let input = future.input.map(|tensor| tensor.narrow(1, 0, steps));
    let values = future.values.map(|values| values.narrow(0, 0, steps));
    Ok(Future { input, values, ..future })
}

/// The least and the most rows of the history in a picture.
const SHOWN: [i64; 2] = [24, 2000];

/// The last stretch of the series, twice as long as the forecast, and the forecast.
fn picture(
    history: &History,
    future: &Future,
    names: &[String],
    (predicted, band): (&Tensor, Option<&[Tensor; 2]>),
) -> ForecastPicture {
    let (past, steps) = (history.input.x.size()[1], predicted.size()[0]);
    let shown = (2 * steps).max(history.window.unwrap_or(0)).clamp(SHOWN[0], SHOWN[1]).min(past);
    let columns = |values: &Tensor, first: i64, count: i64| -> Vec<Vec<f64>> {
        let values = values.narrow(0, first, count).tr();
        (0..names.len() as i64).map(|i| Vec::try_from(values.get(i)).unwrap_or_default()).collect()
    };
    let times = history.times.as_ref().zip(future.times.as_ref());
    let texts: Vec<String> = match times {
        Some((past, later)) => past.iter().chain(later).cloned().collect(),
        None => (1..=past + steps).map(|row| row.to_string()).collect(),
    };
    let apart = history.input.dt.as_ref().zip(future.input.dt.as_ref()).filter(|_| times.is_some());
    let apart = apart.map(|(past, later)| Tensor::cat(&[past, later], 1).view([-1]).cumsum(0, Kind::Double));
    let places = apart.and_then(|places| Vec::<f64>::try_from(places).ok());
    let places = places.unwrap_or_else(|| (1..=past + steps).map(|row| row as f64).collect());
    let stretch = |first: i64, count: i64, values| Stretch {
        places: places[first as usize..(first + count) as usize].to_vec(),
        texts: texts[first as usize..(first + count) as usize].to_vec(),
        values,
    };
    let known = history.values.as_ref();
    ForecastPicture {
        names: names.to_vec(),
        time: history.time_name.clone().filter(|_| times.is_some()).unwrap_or_else(|| "row".into()),
        history: stretch(
            past - shown,
            shown,
            known.map(|known| columns(known, past - shown, shown)).unwrap_or_default(),
        ),
        forecast: stretch(past, steps, columns(predicted, 0, steps)),
        band: band.map(|band| band.each_ref().map(|edge| columns(edge, 0, steps))),
        truth: future.values.as_ref().map(|values| columns(values, 0, steps)),
    }
}

/// The table of the forecast: the time, or the number of the row after the last one, the values, and the quantiles of their samples.
fn written(
    history: &History,
    future: &Future,
    names: &[String],
    (predicted, band): (&Tensor, Option<&[Tensor; 2]>),
) -> Result<Vec<u8>, Failure> {
    let mut lines = Writer::from_writer(Vec::new());
    let time = history.time_name.as_ref().filter(|_| future.times.is_some());
    let mut header = vec![time.map_or("step", String::as_str).to_owned()];
    header.extend(names.iter().cloned());
    let mut columns = predicted.shallow_clone();
    for (level, edge) in BAND.iter().zip(band.into_iter().flatten()) {
        header.extend(names.iter().map(|name| format!("{name}_q{level}")));
        columns = Tensor::cat(&[&columns, edge], 1);
    }
    lines.write_record(header).map_err(Failure::run)?;
    for step in 0..predicted.size()[0] {
        let values = Vec::<f64>::try_from(columns.get(step)).map_err(Failure::run)?;
        let time = future.times.as_ref().map(|times| times[step as usize].clone());
        let cells = std::iter::once(time.unwrap_or_else(|| (step + 1).to_string()));
        lines.write_record(cells.chain(values.iter().map(f64::to_string))).map_err(Failure::run)?;
    }
    lines.into_inner().map_err(Failure::run)
}
