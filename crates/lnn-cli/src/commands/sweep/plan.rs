//! The plan of a sweep from its file and its flags.

use crate::failure::Failure;
use crate::names::{model, preset};
use crate::output::data_help;
use clap::{Args, ValueEnum};
use lnn_models::{ModelKind, Preset};
use lnn_train::settings;
use lnn_train::sweep::{Search, SweepFile, SweepFolder};
use std::path::{Path, PathBuf};

/// How a space is searched, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchMethod {
    /// Every trial trains to the end
    Random,
    /// Asynchronous successive halving (ASHA): one of three trials goes on from each rung, for three times the epochs
    Halving,
}

/// What is searched. A flag counts more than the key of the same name in the file.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// A JSON file with the keys model, preset, data, config, space, search, trials, hours and seed; without it and without flags, the
    /// sweep of --out goes on
    pub(crate) sweep: Option<PathBuf>,
    /// The model
    #[arg(long, value_parser = model())]
    pub(crate) model: Option<ModelKind>,
    /// The hyper-parameters to start from [default: tuned]
    #[arg(long, value_parser = preset())]
    pub(crate) preset: Option<Preset>,
    #[arg(long, value_name = "DATA", help = data_help())]
    pub(crate) data: Option<String>,
    /// A JSON file with keys of the configuration of all trials
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A key with its range, as optimizer.learning_rate=1e-4..1e-1,log, model.units=16..128,step=16 or schedule.kind='constant|plateau', or with
    /// one value for all trials, as epochs=27; may be repeated
    #[arg(long, value_name = "KEY=RANGE")]
    pub(crate) set: Vec<String>,
    /// How the space is searched [default: random]
    #[arg(long, value_name = "METHOD")]
    pub(crate) search: Option<SearchMethod>,
    /// Seed of the values that are drawn [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Maximum number of trials; a finished sweep goes on with more [default: 20]
    #[arg(long, value_name = "N")]
    pub(crate) trials: Option<u64>,
}

impl PlanArguments {
    /// Opens or begins the sweep in the folder `out`. Returns it with the hours of its file.
    ///
    /// # Errors
    /// [`Failure::Request`] if the file or a flag is wrong, or the folder holds another sweep.
    pub(super) fn open(&self, out: &Path) -> Result<(SweepFolder, Option<f64>), Failure> {
        let given = self.sweep.is_some()
            || self.model.is_some()
            || self.preset.is_some()
            || self.data.is_some()
            || self.config.is_some()
            || !self.set.is_empty()
            || self.search.is_some()
            || self.seed.is_some();
        if !given {
            let Some(mut sweep) = SweepFolder::open(out)? else {
                return Err(Failure::request(format!(
                    "expected a sweep, found neither a file, nor --model and --set, nor a sweep in {}",
                    out.display()
                )));
            };
            sweep.set_trials(self.trials.unwrap_or(sweep.plan().trials))?;
            return Ok((sweep, None));
        }
        let file = self.file()?;
        let hours = file.hours;
        let mut plan = file.plan(&self.set)?;
        // A number of trials that nobody gives stays what it was.
        if file.trials.is_none()
            && let Some(known) = SweepFolder::open(out)?
        {
            plan.trials = known.plan().trials;
        }
        Ok((SweepFolder::open_or_create(out, plan)?, hours))
    }

    /// Returns the file with the flags.
    fn file(&self) -> Result<SweepFile, Failure> {
        let mut file = self.sweep.as_deref().map(SweepFile::read).transpose()?.unwrap_or_default();
        if let Some(model) = self.model {
            file.model = Some(model.name().to_owned());
        }
        if let Some(path) = &self.config {
            file.config = Some(settings::read_keys(path)?);
        }
        file.preset = self.preset.or(file.preset);
        file.data = self.data.clone().or(file.data);
        file.search = self.search.map_or(file.search, |search| {
            Some(match (search, file.search) {
                (SearchMethod::Random, _) => Search::Random,
                (SearchMethod::Halving, Some(search @ Search::Halving { .. })) => search,
                (SearchMethod::Halving, _) => Search::HALVING,
            })
        });
        file.seed = self.seed.or(file.seed);
        file.trials = self.trials.or(file.trials);
        Ok(file)
    }
}
