//! Progress bars on standard error; they are hidden if standard error is not a terminal.

use super::messages::{reports, say};
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lnn_data::{DataError, DataSource, KNOWN_SETS, READERS, Reader, Trained};
use std::time::{Duration, Instant};

/// Operations shorter than this show no progress bar.
const SHORT: Duration = Duration::from_secs(2);

/// Returns the help text with the possible values of `--data`.
pub fn data_help() -> String {
    let sets: Vec<&str> = KNOWN_SETS.iter().map(|set| set.name).collect();
    let readers: Vec<String> =
        READERS.iter().map(|reader| format!("{}: {}", Reader::usage(reader), reader.help)).collect();
    format!("The data: {}; {}", sets.join(", "), readers.join("; "))
}

/// Opens the value of `--data`, and fetches missing files.
///
/// # Errors
/// [`Failure`] if there is no such data, or it cannot be read.
pub fn opened(spec: &str) -> Result<Box<dyn DataSource>, Failure> {
    Ok(with_bar(|progress| lnn_data::open(spec, progress))?)
}

/// Opens the value of `--data` to test a trained model, and fetches missing files.
///
/// # Errors
/// [`Failure`] if there is no such data, it cannot be read, or its options contradict the training.
pub fn opened_for_test(spec: &str, trained: &Trained<'_>) -> Result<Box<dyn DataSource>, Failure> {
    Ok(with_bar(|progress| lnn_data::open_test(spec, trained, progress))?)
}

/// Creates a progress bar that counts samples.
pub fn progress_bar(what: &'static str, samples: u64) -> ProgressBar {
    let style = "{msg} {bar:30} {pos}/{len} samples, {eta} left";
    if !reports() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(samples)
        .with_style(ProgressStyle::with_template(style).expect("the template is valid"))
        .with_message(what)
}

/// A progress bar for computations before and between the epochs of a run. It appears with the first report and is removed when
/// it is dropped.
#[derive(Debug, Default)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Returns the receiver of the reports: the name of the computation, the number of finished samples and the number of all
    /// samples.
    pub fn receiver(&mut self) -> impl FnMut(&'static str, i64, i64) + '_ {
        |what, done, total| {
            let bar = self.0.get_or_insert_with(|| progress_bar(what, total as u64));
            bar.set_message(what);
            bar.set_position(done as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Runs `work` with a progress bar on standard error that appears with the first byte, or when decoding takes a while.
///
/// # Errors
/// Those of `work`.
pub fn with_bar<T>(
    work: impl FnOnce(&mut dyn FnMut(lnn_data::Progress<'_>)) -> Result<T, DataError>,
) -> Result<T, DataError> {
    use lnn_data::Progress as Report;
    let bar = ProgressBar::hidden();
    let show = |style: &str| {
        if !reports() {
            return;
        }
        bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
        bar.set_draw_target(ProgressDrawTarget::stderr());
    };
    let (mut shown, mut decoding) = (false, None);
    let say = |line: String| if bar.is_hidden() { say(&line) } else { bar.println(line) };
    let result = work(&mut |progress| match progress {
        Report::Waiting { folder } => say(format!("waiting for another process in {}", folder.display())),
        Report::Damaged { reason } => say(format!("{reason}; fetching it again")),
        Report::Trying { source } => say(format!("trying {source}")),
        Report::Downloading { file, received, total } => {
            if !std::mem::replace(&mut shown, true) {
                show("{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left");
            }
            bar.set_message(file.to_owned());
            bar.set_length(total.unwrap_or(received));
            bar.set_position(received);
        }
        Report::Decoding { done, total } => {
            if decoding.get_or_insert_with(Instant::now).elapsed() > SHORT {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                if !std::mem::replace(&mut shown, true) {
                    bar.set_message("decoding images");
                    show("{msg} {bar:30} {pos}/{len}, {eta} left");
                }
            }
        }
        Report::Note { text } => say(format!("note: {text}")),
        Report::Warning { text } => say(format!("warning: {text}")),
        Report::Unpacking { file } => say(format!("unpacking {file}")),
        Report::SourceFailed { source, reason } => say(format!("{source}: {reason}")),
    });
    bar.finish_and_clear();
    result
}
