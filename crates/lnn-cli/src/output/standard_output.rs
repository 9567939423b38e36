//! Standard output: data only.

use crate::failure::Failure;
use std::io::{ErrorKind, Write};

/// Prints one value as a line of JSON.
///
/// # Errors
/// Those of [`print_text`].
pub fn print_line(value: &impl serde::Serialize) -> Result<(), Failure> {
    print_text(&serde_json::to_string(value).map_err(Failure::run)?)
}

/// Prints a text and a line end. A reader that closes the pipe early, as `head` does, is not an error.
///
/// # Errors
/// [`Failure::Run`] if standard output cannot be written for another reason, such as a full disk.
pub fn print_text(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::run(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
