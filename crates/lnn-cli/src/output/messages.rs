//! Standard error: messages for people.

use lnn_sys::Place;
use std::io::Write;
use std::sync::OnceLock;

/// The place of this process among those that train together.
static PLACE: OnceLock<Place> = OnceLock::new();

/// Says that this process is one of several: only rank 0 reports, and errors begin with the rank.
pub fn report_as(place: Place) {
    let _ = PLACE.set(place);
}

/// Whether this process reports progress.
pub(super) fn reports() -> bool {
    PLACE.get().is_none_or(|place| place.rank == 0)
}

/// Prints a line on standard error, unless another rank does. A line that cannot be written is lost without a word: the reader may have
/// left, the terminal may be closed or the disk full, and none of them is a reason to lose a run.
pub fn say(line: &str) {
    if reports() {
        write(line);
    }
}

/// Prints an error on standard error, after the rank if there are several.
pub fn say_error(line: &str) {
    match PLACE.get().filter(|place| place.size > 1) {
        Some(place) => write(&format!("rank {}: {line}", place.rank)),
        None => write(line),
    }
}

fn write(line: &str) {
    // One write for the whole line, so that lines of several threads do not mix.
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}
