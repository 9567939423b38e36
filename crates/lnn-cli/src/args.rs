//! The command line.

use crate::bench::{Pass, Shape, Work};
use crate::device::DeviceRequest;
use crate::precision::Precision;
use crate::training::ReadoutMethod;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lnn_models::{ModelKind, Preset};
use std::path::PathBuf;

/// Version and commit.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LNN_COMMIT"), ")");

/// Trains, evaluates and inspects liquid neural networks.
#[derive(Debug, Parser)]
#[command(name = "lnn-cli", version = VERSION, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model and report its test accuracy
    Train(TrainArguments),
    /// Measure a trained model on the test samples
    Eval(EvalArguments),
    /// Write what a trained model tells of given images or sequences
    Predict(PredictArguments),
    /// Write a trained model as a file for Python
    Export(ExportArguments),
    /// Make a checkpoint of a module that was exported, and perhaps fine-tuned in Python
    Import(ImportArguments),
    /// Show what a run, a checkpoint or an exported module holds
    Inspect(InspectArguments),
    /// Time training steps and single steps on this machine
    Bench(BenchArguments),
    /// List, fetch or verify data sets
    #[command(subcommand)]
    Data(DataCommand),
}

/// Which of the systems, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelName {
    /// A fixed leaky reservoir with a trained readout
    Lnn,
    /// A spiking reservoir that grows
    Snlnn,
    /// A convolution, a fixed leaky reservoir and an LSTM
    Cllnn,
    /// Units with learned time constants, trained through time
    Liquid,
    /// A liquid classifier of images, with or without convolutions
    Cifar,
    /// Long short-term memory
    Lstm,
}

impl From<ModelName> for ModelKind {
    fn from(name: ModelName) -> Self {
        match name {
            ModelName::Lnn => Self::Lnn,
            ModelName::Snlnn => Self::Snlnn,
            ModelName::Cllnn => Self::Cllnn,
            ModelName::Liquid => Self::Liquid,
            ModelName::Cifar => Self::Cifar,
            ModelName::Lstm => Self::Lstm,
        }
    }
}

/// Which hyper-parameters, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PresetName {
    /// The equations and hyper-parameters of the article
    Article,
    /// What does better, chosen by validation
    Tuned,
    /// With a convolutional front (cifar alone)
    Conv,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Article => Self::Article,
            PresetName::Tuned => Self::Tuned,
            PresetName::Conv => Self::Conv,
        }
    }
}

/// What to watch while training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Diagnosis {
    /// The norm of the loss's gradient at each step through time
    Gradients,
}

/// Where and how fast.
#[derive(Debug, Clone, Args)]
pub struct ComputeArguments {
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: DeviceRequest,
    /// Threads of one operation on the CPU [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    pub threads: Option<i32>,
}

/// The arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// The model
    #[arg(long, required_unless_present = "resume")]
    pub model: Option<ModelName>,
    /// The hyper-parameters to start from
    #[arg(long, default_value = "tuned", conflicts_with = "resume")]
    pub preset: PresetName,
    /// The data: mnist, fashion-mnist, cifar10; idx:DIR for IDX files, cifar10:DIR for its batches, folder:DIR for
    /// images in DIR/train/CLASS and DIR/test/CLASS; toy, or csv:FILE,target=A,window=N,... for series
    #[arg(long, conflicts_with = "resume", value_name = "DATA")]
    pub data: Option<String>,
    /// Epochs in all
    #[arg(long, value_name = "N")]
    pub epochs: Option<u64>,
    /// Samples a step
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub batch_size: Option<i64>,
    /// The highest learning rate
    #[arg(long, conflicts_with = "resume", value_name = "X")]
    pub lr: Option<f64>,
    /// Seed of weights, split, order and augmentation
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub seed: Option<u64>,
    /// Precision of the training steps: bf16 computes products in bfloat16; the weights, the loss, the optimiser and every
    /// evaluation stay in float32, as eval and predict are [default: f32]
    #[arg(long, conflicts_with = "resume", value_name = "PRECISION")]
    pub precision: Option<Precision>,
    /// How a readout of a fixed front gets its weights: by gradient over epochs, its features kept in memory up to
    /// `feature_cache_mb`, 4096, and else computed anew in each epoch; or by ridge, in closed form: one pass that keeps no
    /// features, and a regularization that validation chooses. For lnn [default: gradient]
    #[arg(long, conflicts_with = "resume", value_name = "METHOD")]
    pub readout: Option<ReadoutMethod>,
    /// Train and validate on at most N samples
    #[arg(long, conflicts_with = "resume", value_name = "N")]
    pub limit: Option<usize>,
    /// A JSON file with keys of the configuration, as a run's config.json
    #[arg(long, conflicts_with = "resume", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One key of the configuration, as model.reservoir.units=800; may be repeated
    #[arg(long, conflicts_with = "resume", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Start from the weights of a run or a checkpoint, with its model, instead of from random ones
    #[arg(long, conflicts_with = "resume", value_name = "RUN_OR_CHECKPOINT")]
    pub init: Option<PathBuf>,
    /// The run's folder [default: runs/MODEL-PRESET-N]
    #[arg(long, conflicts_with = "resume", value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with a run that was interrupted, paused or is to get more --epochs
    #[arg(long, conflicts_with = "model", value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Watch, in each epoch, which gradient reaches which step: gradients.jsonl and a line
    #[arg(long, value_name = "WHAT")]
    pub diagnose: Vec<Diagnosis>,
    /// Pause after N more epochs, to go on later with --resume
    #[arg(long, value_name = "N")]
    pub pause_after: Option<u64>,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub json: bool,
    /// Where and how fast.
    #[command(flatten)]
    pub compute: ComputeArguments,
}

/// The arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub source: PathBuf,
    /// The data [default: what the model was trained on]
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// Evaluate with noise of these deviations on the input, too, as 0.1,0.2,0.5: for images, whose pixels are 0..1, as they
    /// are; for sequences in units of each feature's deviation over the training set, or as they are with standardization=none
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', allow_negative_numbers = true)]
    pub noise: Vec<f64>,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub json: bool,
    /// Where and how fast.
    #[command(flatten)]
    pub compute: ComputeArguments,
}

/// The arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub source: PathBuf,
    /// Images as float32 [N, C, H, W] in 0..1, or sequences [N, T, I]
    #[arg(long, value_name = "X.npy")]
    pub input: PathBuf,
    /// The time that passes in each step, float32 [N, T], for a model that knows time [default: 1]
    #[arg(long, value_name = "DT.npy")]
    pub dt: Option<PathBuf>,
    /// Where the logits go, float32 [N, classes], or the values [N, O]
    #[arg(long, value_name = "Y.npy")]
    pub output: PathBuf,
    /// Where and how fast.
    #[command(flatten)]
    pub compute: ComputeArguments,
}

/// What `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A module that torch.jit.load reads, with its code
    Torchscript,
    /// The weights alone, with a description as metadata
    Safetensors,
}

/// The arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// A run's folder (its best epoch) or a checkpoint file
    pub source: PathBuf,
    /// Where it goes, as model.pt or model.safetensors
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What it is [default: what the ending of the file says]
    #[arg(long)]
    pub format: Option<ExportFormat>,
}

/// The arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// A module as `export` wrote it, or as torch.jit.save wrote it again
    #[arg(value_name = "MODEL.pt")]
    pub source: PathBuf,
    /// The checkpoint to write, for eval, predict, export and train --init
    #[arg(long, value_name = "CHECKPOINT")]
    pub out: PathBuf,
}

/// The arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// A run's folder (its best epoch), a checkpoint file or an exported .pt
    pub source: PathBuf,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// What to time, as liquid or model:cllnn:article; --list shows all
    #[arg(value_name = "WORK", required_unless_present = "list", conflicts_with = "list")]
    pub works: Vec<Work>,
    /// Its shape: batch, steps, inputs and units of sequences, or batch, channels, height and width of images [default: as
    /// --list shows]
    #[arg(long, value_name = "B,T,I,H", allow_hyphen_values = true)]
    pub shape: Option<Shape>,
    /// What a repetition does [default: one row each for all that the work can do]
    #[arg(long)]
    pub pass: Option<Pass>,
    /// Precision of a model's forward pass in training
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub precision: Precision,
    /// Record a repetition in a CUDA graph and time its replay
    #[arg(long)]
    pub cuda_graph: bool,
    /// How long each row is measured, after a warm-up of a fifth of that
    #[arg(long, value_name = "S", default_value_t = 2.0, allow_negative_numbers = true)]
    pub seconds: f64,
    /// Show the works with their shapes
    #[arg(long)]
    pub list: bool,
    /// Print JSON Lines on standard output
    #[arg(long)]
    pub json: bool,
    /// Where and how fast.
    #[command(flatten)]
    pub compute: ComputeArguments,
}

/// What to do with data sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Show the known sets and whether they are here
    List {
        /// Print JSON Lines on standard output
        #[arg(long)]
        json: bool,
    },
    /// Download a set into the data folder
    Fetch {
        /// Its name
        name: String,
    },
    /// Check the files of a set against their known sums
    Verify {
        /// Its name
        name: String,
    },
}
