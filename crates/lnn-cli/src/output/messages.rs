//! Standard error: messages for people.

use std::io::Write;

/// Prints a line on standard error. A line that cannot be written is lost without a word: the reader may have left, the terminal may
/// be closed or the disk full, and none of them is a reason to lose a run.
pub fn say(line: &str) {
    // One write for the whole line, so that lines of several threads do not mix.
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}
