//! `--json`: one JSON object per line on standard output.

use super::standard_output::print_line;
use lnn_train::{Error, Event, Observer};

/// Prints every event except the steps.
#[derive(Debug, Default)]
pub struct JsonLines;

impl Observer for JsonLines {
    fn observe(&mut self, event: &Event) -> Result<(), Error> {
        if matches!(event, Event::Step { .. }) {
            return Ok(());
        }
        print_line(event).map_err(|failure| Error::Observer(failure.into()))
    }
}
