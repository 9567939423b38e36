//! `lnn-cli sweep run`: processes of this machine train the trials of a sweep.

use super::child::{End, Share, Training};
use super::plan::PlanArguments;
use super::shown::{Shown, line_of};
use super::winner;
use crate::commands::compute::ComputeArguments;
use crate::device::DeviceRequest;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{print_line, say};
use clap::Args;
use lnn_train::sweep::{Next, SweepFolder, Trial, Worker, write_leaderboard};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tch::Cuda;

/// The seconds after which a lease runs out that is not renewed, and those after which it is renewed.
const LEASE: u64 = 600;
const RENEWAL: Duration = Duration::from_mins(1);

/// How often processes are looked at, and how often other workers of the folder.
const LOOK: Duration = Duration::from_millis(20);
const ASK: Duration = Duration::from_secs(1);

/// The number of failures without any success after which the fault is not in the trials.
const FAILURES: usize = 5;

/// The arguments of `sweep run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The plan.
    #[command(flatten)]
    plan: PlanArguments,
    /// The folder of the sweep; if it holds the same sweep already, the sweep goes on
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Processes that train at the same time; --threads are divided among them, and the CUDA devices with --device auto
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Stop after this many hours, with what is known by then; the same command line again goes on
    #[arg(long, value_name = "X")]
    hours: Option<f64>,
    /// Do not test the winner
    #[arg(long)]
    no_test: bool,
    /// Print JSON Lines on standard output
    #[arg(long)]
    json: bool,
    /// Device and threads of all processes together.
    #[command(flatten)]
    compute: ComputeArguments,
}

/// The processes of a sweep.
struct Workshop<'a> {
    arguments: &'a RunArguments,
    sweep: &'a SweepFolder,
    threads: i32,
    training: Vec<Training>,
    /// Trials whose processes were started by an earlier call that was killed, and still live.
    left: Vec<Trial>,
}

pub(super) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    let threads = arguments.compute.threads()?.unwrap_or_else(tch::get_num_threads);
    let (sweep, hours) = arguments.plan.open(&arguments.out)?;
    let hours = arguments.hours.or(hours);
    if let Some(hours) = hours.filter(|hours| !(hours.is_finite() && *hours > 0.0)) {
        return Err(Failure::request(format!("--hours: expected a finite number above 0, found {hours}")));
    }
    // Beyond what a clock can count there is no deadline.
    let deadline = hours
        .and_then(|hours| Duration::try_from_secs_f64(hours * 3600.0).ok())
        .and_then(|time| Instant::now().checked_add(time));
    let lock = sweep.lock()?;
    if lock.is_none() {
        say("note: the file system of the sweep has no locks; make sure that no other process runs it");
    }
    let threads = (threads / i32::from(arguments.jobs)).max(1);
    let mut shop = Workshop { arguments, sweep: &sweep, threads, training: Vec::new(), left: Vec::new() };
    shop.begin(lock.is_some())?;
    interrupt.save_first();
    let trained = shop.train_all(&interrupt, deadline);
    shop.stop()?;
    trained?;
    interrupt.end_at_once();
    let ranked = write_leaderboard(&sweep)?;
    let share = shop.share(0);
    winner::announce(&sweep, &ranked, arguments.json, (!arguments.no_test).then_some(share))
}

impl Workshop<'_> {
    /// Says what begins or goes on, and takes back the trials of an earlier call that was killed.
    fn begin(&mut self, locked: bool) -> Result<(), Failure> {
        let trials = self.sweep.trials()?;
        let shown = Shown::sweep(self.sweep, trials.len());
        if self.arguments.json {
            print_line(&shown)?;
        }
        say(&shown.in_words());
        for trial in trials {
            let abandoned =
                trial.lease.as_ref().is_some_and(|lease| lease.run) && trial.standing().is_under_way();
            // Without locks nobody knows whether that call still lives, so its leases run out.
            if !(abandoned && locked) {
                continue;
            }
            if self.sweep.claim(trial.number)?.is_some() {
                self.sweep.give_back(&trial)?;
            } else {
                say(&format!(
                    "trial {}: a process of an earlier call still trains it; waiting for it",
                    trial.number
                ));
                self.left.push(trial);
            }
        }
        Ok(())
    }

    /// Trains until nothing is left to do, or the time is over.
    fn train_all(&mut self, interrupt: &Interrupt, deadline: Option<Instant>) -> Result<(), Failure> {
        let mut ask_at = Instant::now();
        let mut over = false;
        loop {
            if self.look()? {
                ask_at = Instant::now();
            }
            if interrupt.requested() {
                let again = "the trials are saved, and the same command line again goes on with them";
                return Err(interrupt.failure(anyhow::Error::msg(format!("interrupted; {again}")), again));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                say(
                    "the time is over; the trials are saved, and the same command line again goes on with them",
                );
                return Ok(());
            }
            self.check_failures()?;
            let room = || self.training.len() + self.left.len() < usize::from(self.arguments.jobs);
            if ask_at <= Instant::now() && room() {
                match self.sweep.next(Worker { run: true, seconds: LEASE })? {
                    Next::Job(job) => {
                        over = false;
                        self.start(*job)?;
                    }
                    Next::Wait => ask_at = Instant::now() + ASK,
                    Next::Over { exhausted } => {
                        if exhausted && !over {
                            say("every combination of values was tried");
                        }
                        over = true;
                        ask_at = Instant::now() + ASK;
                    }
                }
            }
            if over && self.training.is_empty() && self.left.is_empty() {
                return Ok(());
            }
            sleep(LOOK);
        }
    }

    /// What the process at a place may use.
    fn share(&self, place: usize) -> Share {
        let cuda = usize::try_from(Cuda::device_count()).unwrap_or(0);
        let device = match self.arguments.compute.device {
            DeviceRequest::Auto if cuda > 1 && Cuda::is_available() => DeviceRequest::Cuda(place % cuda),
            device => device,
        };
        Share { threads: self.threads, device }
    }

    fn start(&mut self, job: lnn_train::sweep::Job) -> Result<(), Failure> {
        let Some(claim) = self.sweep.claim(job.trial.number)? else {
            self.left.push(job.trial);
            return Ok(());
        };
        let taken = |place: usize| self.training.iter().any(|training| training.place == place);
        let places = 0..usize::from(self.arguments.jobs);
        let place = places.clone().find(|place| !taken(*place)).unwrap_or(places.end);
        self.training.push(Training::start(self.sweep, job, (place, claim), self.share(place))?);
        Ok(())
    }

    /// Takes back the trials whose processes have ended, and renews the leases of the others. Returns whether any has ended.
    fn look(&mut self) -> Result<bool, Failure> {
        let mut ended = false;
        let mut place = 0;
        while place < self.training.len() {
            let training = &mut self.training[place];
            if let Some(end) = training.ended()? {
                let training = self.training.swap_remove(place);
                self.take_back(&training, end)?;
                ended = true;
                continue;
            }
            if training.renewed.elapsed() > RENEWAL {
                self.sweep.renew(&training.job.trial, &mut training.job.lease)?;
                training.renewed = Instant::now();
            }
            place += 1;
        }
        let left = std::mem::take(&mut self.left);
        for trial in left {
            if self.sweep.claim(trial.number)?.is_some() {
                self.sweep.give_back(&trial)?;
                ended = true;
            } else {
                self.left.push(trial);
            }
        }
        Ok(ended)
    }

    fn take_back(&self, training: &Training, end: End) -> Result<(), Failure> {
        let (number, lease) = (training.job.trial.number, Some(training.job.lease.id.as_str()));
        let trial = match end {
            End::Reached => match self.sweep.report(number, lease) {
                Ok(trial) => trial,
                Err(error) => self.sweep.fail(number, lease, &error.to_string())?,
            },
            End::Saved => {
                self.sweep.give_back(&training.job.trial)?;
                return Ok(());
            }
            End::Failed(reason) => self.sweep.fail(number, lease, &reason)?,
        };
        write_leaderboard(self.sweep)?;
        say(&line_of(&trial, self.sweep));
        if self.arguments.json {
            print_line(&Shown::trial(&trial, self.sweep))?;
        }
        Ok(())
    }

    /// Ends a sweep in which trial after trial fails.
    fn check_failures(&self) -> Result<(), Failure> {
        if !self.training.is_empty() {
            return Ok(());
        }
        let trials = self.sweep.trials()?;
        let failed: Vec<&Trial> = trials.iter().filter(|trial| trial.failure.is_some()).collect();
        if failed.len() < FAILURES || trials.iter().any(|trial| !trial.results.is_empty()) {
            return Ok(());
        }
        let reason = failed.first().and_then(|trial| trial.failure.clone()).unwrap_or_default();
        Err(Failure::run(format!(
            "the first {} trials failed, and none has reached a rung; the first says: {reason}",
            failed.len()
        )))
    }

    /// Stops all processes and takes back what they have saved.
    fn stop(&mut self) -> Result<(), Failure> {
        self.training.iter().for_each(Training::stop);
        while !self.training.is_empty() {
            self.look()?;
            sleep(LOOK);
        }
        Ok(())
    }
}
