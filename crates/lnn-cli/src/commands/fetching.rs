//! Opening data with a progress bar while it is downloaded or decoded.

use crate::data::{DataError, Dataset, Progress, series, toy};
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// What is done sooner needs no bar.
const SHORT: Duration = Duration::from_secs(2);

/// Opens what `--data` names, fetching it first if need be.
pub(super) fn open(spec: &str) -> Result<Dataset, Failure> {
    if spec == "toy" {
        return Ok(Dataset::Sequences(toy::open()));
    }
    if let Some(text) = spec.strip_prefix("csv:") {
        return Ok(Dataset::Sequences(series::open(text)?));
    }
    Ok(Dataset::Images(with_bar(|progress| crate::data::open(spec, progress))?))
}

/// Runs `work` with a bar on standard error that appears with the first byte, or when decoding takes a while.
pub(super) fn with_bar<T>(
    work: impl FnOnce(&mut dyn FnMut(Progress<'_>)) -> Result<T, DataError>,
) -> Result<T, DataError> {
    let bar = ProgressBar::hidden();
    let show = |style: &str| {
        bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
        bar.set_draw_target(ProgressDrawTarget::stderr());
    };
    let (mut shown, mut decoding) = (false, None);
    let say = |line: String| if bar.is_hidden() { eprintln!("{line}") } else { bar.println(line) };
    let result = work(&mut |progress| match progress {
        Progress::Waiting { folder } => say(format!("waiting for another process in {}", folder.display())),
        Progress::Damaged { reason } => say(format!("{reason}; fetching it again")),
        Progress::Trying { source } => say(format!("trying {source}")),
        Progress::Downloading { file, received, total } => {
            if !std::mem::replace(&mut shown, true) {
                show("{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left");
            }
            bar.set_message(file.to_owned());
            bar.set_length(total.unwrap_or(received));
            bar.set_position(received);
        }
        Progress::Decoding { done, total } => {
            if decoding.get_or_insert_with(Instant::now).elapsed() > SHORT {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                if !std::mem::replace(&mut shown, true) {
                    bar.set_message("decoding images");
                    show("{msg} {bar:30} {pos}/{len}, {eta} left");
                }
            }
        }
        Progress::Unpacking { file } => say(format!("unpacking {file}")),
        Progress::SourceFailed { source, reason } => say(format!("{source}: {reason}")),
    });
    bar.finish_and_clear();
    result
}
