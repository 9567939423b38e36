//! Standard output: data only.

use crate::failure::Failure;
use std::fs::File;
use std::io::{Error, ErrorKind, Stdout, Write};
use std::os::fd::AsFd;

/// Prints one value as a line of JSON.
///
/// # Errors
/// Those of [`print_text`].
pub fn print_line(value: &impl serde::Serialize) -> Result<(), Failure> {
    print_text(&serde_json::to_string(value).map_err(Failure::run)?)
}

/// Prints a text and a line end. A reader that closes the pipe early, as `head` does, or a terminal that was closed is not an error.
///
/// # Errors
/// [`Failure::Run`] if standard output cannot be written for another reason, such as a full disk.
pub fn print_text(text: &str) -> Result<(), Failure> {
    let output = std::io::stdout();
    match writeln!(output.lock(), "{text}") {
        Err(error) if !has_no_reader(&output, &error) => {
            Err(Failure::run(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints whole lines at once and flushes them. Returns whether somebody can read them.
///
/// # Errors
/// Those of [`print_text`].
pub fn print_lines(lines: &str) -> Result<bool, Failure> {
    let output = std::io::stdout();
    let mut locked = output.lock();
    match locked.write_all(lines.as_bytes()).and_then(|()| locked.flush()) {
        Ok(()) => Ok(true),
        Err(error) if has_no_reader(&output, &error) => Ok(false),
        Err(error) => Err(Failure::run(format!("standard output: {error}"))),
    }
}

/// Whether nobody can read what was to be written. A terminal that was closed reports the error of a broken disk.
fn has_no_reader(output: &Stdout, error: &Error) -> bool {
    /// The number of the error "input/output error".
    const EIO: i32 = 5;
    let is_file = || {
        let file = output.as_fd().try_clone_to_owned().map(File::from);
        file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
    };
    error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO) && !is_file()
}
