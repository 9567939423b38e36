//! Progress on a terminal: a progress bar during an epoch, and one line per epoch. Without a terminal, only the lines
//! are printed.

use super::messages::say;
use super::standard_output::print_text;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use lnn_models::AddedUnits;
use lnn_train::{Candidate, EpochMetrics, Error, Event, GradientNorms, Observer, Started, in_digits};
use std::time::Duration;

/// Prints messages on standard error; the test result goes to standard output, unless JSON is printed there.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    print_result: bool,
}

impl Terminal {
    /// `print_result` specifies whether the test accuracy is printed on standard output.
    pub fn new(print_result: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        bar.set_style(
            ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} steps, {msg}, {eta} left")
                .expect("the template is valid"),
        );
        Self { bar, print_result }
    }

    fn say(&self, line: &str) {
        // A hidden bar prints nothing, so the line is printed directly if there is no terminal.
        if self.bar.is_hidden() { say(line) } else { self.bar.println(line) }
    }

    fn start(&mut self, started: &Started) {
        let Started { model, data, place, trainable, fixed, .. } = started;
        let ranks = if started.ranks > 1 { format!(", {} ranks", started.ranks) } else { String::new() };
        self.say(&format!(
            "{model} on {data}: {} samples to train, {} to validate; {trainable} trainable and {fixed} fixed parameters; \
             {}{ranks}; {}",
            started.train_samples,
            started.validation_samples,
            place.in_words(),
            started.folder.display()
        ));
        if started.epoch > 0 {
            self.say(&format!("resumed after epoch {} of {}", started.epoch, started.epochs));
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }
}

impl Observer for Terminal {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        match event {
            Event::Started(started) => self.start(started),
            Event::Step { epoch, step, steps, loss } => {
                if *step < self.bar.position() || *steps != self.bar.length().unwrap_or(0) {
                    self.bar.reset();
                    self.bar.set_length(*steps);
                }
                self.bar.set_prefix(format!("epoch {epoch}"));
                self.bar.set_message(format!("loss {}", in_digits(*loss)));
                self.bar.set_position(*step);
            }
            Event::Notice { text } => self.say(text),
            Event::Epoch(metrics) => self.say(&epoch_line(metrics)),
            Event::Candidate(candidate) => self.say(&candidate_line(candidate)),
            Event::UnitsAdded(AddedUnits { added, active, capacity, .. }) => {
                self.say(&format!("growth: {added} units added, {active} active, capacity {capacity}"));
            }
            Event::Gradients(norms) => self.say(&gradient_line(norms)),
            // Noise and forecasts are evaluated by `eval`, which prints the result itself.
            Event::Noise { .. } | Event::Backtest(_) => {}
            Event::StoppedEarly { epoch, best_epoch } => {
                self.say(&format!("stopped early after epoch {epoch}; the best was epoch {best_epoch}"));
            }
            Event::Paused { epoch, step, folder } => {
                self.bar.finish_and_clear();
                let folder = folder.display();
                self.say(&format!(
                    "paused after {epoch} epochs, {step} steps; `lnn-cli train --resume {folder}` goes on"
                ));
            }
            Event::Test(test) => {
                self.bar.finish_and_clear();
                let line = format!("test {}", test.in_words());
                if self.print_result {
                    print_text(&line).map_err(|failure| Error::Observer(failure.into()))?;
                } else {
                    say(&line);
                }
            }
        }
        Ok(())
    }
}

fn epoch_line(metrics: &EpochMetrics) -> String {
    let EpochMetrics { epoch, epochs, loss, val_loss, lr, .. } = metrics;
    let accuracy = |name: &str, accuracy: Option<f64>| {
        accuracy.map(|accuracy| format!("  {name} {accuracy:.4}")).unwrap_or_default()
    };
    let spikes = metrics.spike_rate.map(|rate| format!("  spike rate {rate:.3}")).unwrap_or_default();
    let units = metrics.active_units.map(|units| format!("  {units} units")).unwrap_or_default();
    format!(
        "epoch {epoch:>2}/{epochs}  loss {}{}  val_loss {}{}{}{spikes}{units}  lr {lr:.2e}  {:.0} \
         samples/s  ETA {}",
        in_digits(*loss),
        accuracy("accuracy", metrics.accuracy),
        in_digits(*val_loss),
        accuracy("val_accuracy", metrics.val_accuracy),
        if metrics.best { "*" } else { " " },
        metrics.samples_per_second,
        HumanDuration(Duration::from_secs_f64(metrics.eta_seconds.max(0.0))),
    )
}

fn candidate_line(candidate: &Candidate) -> String {
    let Candidate { regularization, val_loss, val_accuracy, chosen } = candidate;
    let Some(loss) = val_loss else {
        return format!("regularization {regularization:.0e}  has no solution");
    };
    let accuracy = val_accuracy.map(|accuracy| format!("  val_accuracy {accuracy:.4}")).unwrap_or_default();
    let chosen = if *chosen { "*" } else { "" };
    format!("regularization {regularization:.0e}  val_loss {}{accuracy}{chosen}", in_digits(*loss))
}

fn gradient_line(GradientNorms { epoch, norms, horizon }: &GradientNorms) -> String {
    let (first, last) = (norms.first().unwrap_or(&0.0), norms.last().unwrap_or(&0.0));
    let horizon = match horizon {
        Some(steps) => format!("below a thousandth of it {steps} steps back"),
        None => "nowhere below a thousandth of it".into(),
    };
    format!(
        "epoch {epoch}: gradient {last:.2e} at the last of {} steps, {horizon}, {first:.2e} at the first",
        norms.len()
    )
}
