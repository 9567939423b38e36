//! `--json`: one JSON object a line on standard output.

use super::Observer;
use crate::failure::Failure;
use crate::training::Event;
use std::io::Write;

/// Prints every event but the steps.
#[derive(Debug, Default)]
pub struct JsonLines;

impl Observer for JsonLines {
    fn observe(&mut self, event: &Event) -> Result<(), Failure> {
        if matches!(event, Event::Step { .. }) {
            return Ok(());
        }
        print_line(event)
    }
}

/// Prints one value as a line of JSON.
///
/// # Errors
/// [`Failure::Run`] if standard output is closed.
pub fn print_line(value: &impl serde::Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(Failure::run)?;
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::run(format!("standard output: {error}")))
}
