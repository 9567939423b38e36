//! `lnn-cli bench`.

use super::compute::ComputeArguments;
use crate::bench::{self, Pass, Report, Shape, Work};
use crate::failure::Failure;
use crate::launch::Launch;
use crate::names::precision;
use crate::output::{print_line, print_text, report_as};
use clap::Args;
use lnn_train::Precision;
use serde_json::json;
use std::time::Duration;

/// The arguments of `bench`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(crate) struct BenchArguments {
    /// The workload to time, as liquid or model:cllnn:article; --list shows all
    #[arg(value_name = "WORK", required_unless_present = "list", conflicts_with = "list")]
    pub(crate) works: Vec<Work>,
    /// Shape: batch, steps, inputs and units for sequences, or batch, channels, height and width for images [default: as --list
    /// shows]
    #[arg(long, value_name = "B,T,I,H", allow_hyphen_values = true)]
    pub(crate) shape: Option<Shape>,
    /// The pass to time [default: one row for each pass that the workload supports]
    #[arg(long)]
    pub(crate) pass: Option<Pass>,
    /// Precision of the forward pass of a model in training
    #[arg(long, value_name = "PRECISION", default_value = "f32", value_parser = precision())]
    pub(crate) precision: Precision,
    /// Record a repetition in a CUDA graph and time its replay
    #[arg(long)]
    pub(crate) cuda_graph: bool,
    /// Time the exchange of a model's gradients between the processes that torchrun or Slurm has started, instead of the model
    #[arg(long, conflicts_with_all = ["pass", "cuda_graph"])]
    pub(crate) collective: bool,
    /// Duration of the measurement per row, after a warm-up of a fifth of it
    #[arg(long, value_name = "S", default_value_t = 2.0, allow_negative_numbers = true)]
    pub(crate) seconds: f64,
    /// List the workloads with their shapes
    #[arg(long)]
    pub(crate) list: bool,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Device and threads.
    #[command(flatten)]
    pub(crate) compute: ComputeArguments,
}

/// Maximum duration per row in seconds.
const LONGEST: f64 = 3600.0;

/// How long a process waits for the others.
const MEETING: Duration = Duration::from_mins(10);

pub(super) fn run(arguments: &BenchArguments) -> Result<(), Failure> {
    if arguments.list {
        return list(arguments.json);
    }
    let works = requested(arguments)?;
    if arguments.collective {
        return collective(arguments, works);
    }
    let device = arguments.compute.prepare()?;
    if arguments.cuda_graph && !device.is_cuda() {
        return Err(Failure::request("--cuda-graph: expected a CUDA device; hint: --device cuda"));
    }
    let duration = Duration::from_secs_f64(arguments.seconds);
    if !arguments.json {
        print_text(&Report::header())?;
    }
    for (i, (work, shape, pass)) in works.into_iter().enumerate() {
        let mut report =
            bench::run(work, shape, pass, (device, arguments.precision), arguments.cuda_graph, duration)?;
        // Later rows reuse the memory of earlier ones, so only the first row shows the memory that it needs.
        report.added_memory_mb = report.added_memory_mb.filter(|_| i == 0);
        if arguments.json {
            print_line(&json!({ "type": "bench", "data": report }))?;
        } else {
            print_text(&report.row())?;
        }
    }
    Ok(())
}

/// Times the exchange of gradients.
fn collective(arguments: &BenchArguments, works: Vec<(Work, Shape, Pass)>) -> Result<(), Failure> {
    let launch = Launch::of_environment()?;
    report_as(launch.place);
    if launch.place.size < 2 {
        return Err(Failure::request(
            "--collective: expected several processes, found one; hint: torchrun --no-python --nproc-per-node 2 lnn-cli bench …",
        ));
    }
    let device = arguments.compute.prepare_rank(launch.local_rank)?;
    let ranks = launch.join(device, MEETING)?;
    let duration = Duration::from_secs_f64(arguments.seconds);
    for (work, shape, _) in works.into_iter().filter(|(_, _, pass)| *pass == Pass::Train) {
        let found = bench::exchange(work, shape, &ranks, device, duration)?;
        match (ranks.is_first(), arguments.json) {
            (false, _) => {}
            (true, true) => print_line(&json!({ "type": "collective", "data": found }))?,
            (true, false) => print_text(&found.in_words())?,
        }
    }
    Ok(ranks.meet()?)
}

/// Returns all rows, which are checked before the first of them is measured.
fn requested(arguments: &BenchArguments) -> Result<Vec<(Work, Shape, Pass)>, Failure> {
    let seconds = arguments.seconds;
    if !(seconds > 0.0 && seconds <= LONGEST) {
        return Err(Failure::request(format!(
            "--seconds: expected above 0 and at most {LONGEST}, found {seconds}"
        )));
    }
    if arguments.shape.is_some() && arguments.works.len() > 1 {
        return Err(Failure::request("--shape: expected one work, whose shape it is, found more"));
    }
    let mut rows = Vec::new();
    for &work in &arguments.works {
        let shape = arguments.shape.unwrap_or_else(|| work.shape());
        work.check(shape).map_err(|problem| Failure::request(format!("--shape: {problem}")))?;
        let asked = |pass: &&Pass| arguments.pass.is_none_or(|asked| asked == **pass);
        let passes: Vec<Pass> = work.passes().iter().filter(asked).copied().collect();
        if passes.is_empty() {
            return Err(Failure::request(format!("--pass: {work} does not train; hint: leave --pass out")));
        }
        if arguments.precision != Precision::F32 && !matches!(work, Work::Model { .. }) {
            return Err(Failure::request(format!(
                "--precision: expected f32 for {work}, whose recurrence has no other; hint: a model, as model:cllnn:article"
            )));
        }
        rows.extend(passes.into_iter().map(|pass| (work, shape, pass)));
    }
    Ok(rows)
}

fn list(json: bool) -> Result<(), Failure> {
    for work in Work::all() {
        let (name, shape, what) = (work.to_string(), work.shape(), work.what());
        if json {
            let passes: Vec<String> = work.passes().iter().map(|pass| pass.name()).collect();
            let data = json!({ "work": name, "shape": shape, "passes": passes, "what": what });
            print_line(&json!({ "type": "work", "data": data }))?;
        } else {
            print_text(&format!("{name:20} {:>14}  {what}", shape.to_string()))?;
        }
    }
    if json {
        return Ok(());
    }
    print_text("cllnn is short for model:cllnn:article")
}
