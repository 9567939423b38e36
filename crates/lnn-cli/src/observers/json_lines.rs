//! `--json`: one JSON object a line on standard output.

use super::{Observer, print_line};
use crate::failure::Failure;
use crate::training::Event;

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
