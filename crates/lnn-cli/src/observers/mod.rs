//! What listens to a run.

mod curves;
mod gradients_file;
mod json_lines;
mod metrics_file;
mod standard_output;
mod terminal;

pub use curves::Curves;
pub use gradients_file::GradientsFile;
pub use json_lines::JsonLines;
pub use metrics_file::MetricsFile;
pub use standard_output::{print_line, print_text};
pub use terminal::Terminal;

use crate::failure::Failure;
use crate::training::Event;

/// Something that hears every event of a run. A new one (a plot, a tracker) implements this and joins the list that
/// `train` makes.
pub trait Observer {
    /// Takes note of an event.
    ///
    /// # Errors
    /// [`Failure::Run`] if it cannot be written down; the run then ends.
    fn observe(&mut self, event: &Event) -> Result<(), Failure>;
}

/// All observers of a run.
#[derive(Default)]
pub struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    /// Adds one.
    #[must_use]
    pub fn with(mut self, observer: impl Observer + 'static) -> Self {
        self.0.push(Box::new(observer));
        self
    }

    /// Tells all.
    ///
    /// # Errors
    /// That of the first observer that fails.
    pub fn notify(&mut self, event: &Event) -> Result<(), Failure> {
        self.0.iter_mut().try_for_each(|observer| observer.observe(event))
    }
}
