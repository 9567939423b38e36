//! Opening data with a progress bar while it is downloaded.

use crate::data::{DataError, Dataset, Progress, series, toy};
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};

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

/// Runs `work` with a bar on standard error that appears with the first byte.
pub(super) fn with_bar<T>(
    work: impl FnOnce(&mut dyn FnMut(Progress<'_>)) -> Result<T, DataError>,
) -> Result<T, DataError> {
    let bar = ProgressBar::hidden();
    let style = "{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
    let say = |line: String| if bar.is_hidden() { eprintln!("{line}") } else { bar.println(line) };
    let result = work(&mut |progress| match progress {
        Progress::Waiting { folder } => say(format!("waiting for another process in {}", folder.display())),
        Progress::Damaged { reason } => say(format!("{reason}; fetching it again")),
        Progress::Trying { source } => say(format!("trying {source}")),
        Progress::Downloading { file, received, total } => {
            if bar.is_hidden() {
                bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            }
            bar.set_message(file.to_owned());
            bar.set_length(total.unwrap_or(received));
            bar.set_position(received);
        }
        Progress::Unpacking { file } => say(format!("unpacking {file}")),
        Progress::SourceFailed { source, reason } => say(format!("{source}: {reason}")),
    });
    bar.finish_and_clear();
    result
}
