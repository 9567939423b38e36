//! The observer interface.

use crate::error::Error;
use crate::event::Event;

/// Receives every event of a run. A new observer (a plot, a tracker) implements this trait and is added to the list of the
/// training program.
pub trait Observer {
    /// Receives an event.
    ///
    /// # Errors
    /// [`Error`] if it cannot be recorded; the run then ends.
    fn observe(&mut self, event: &Event) -> Result<(), Error>;
}

/// All observers of a run.
#[derive(Default)]
pub struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    /// Adds an observer.
    #[must_use]
    pub fn with(mut self, observer: impl Observer + 'static) -> Self {
        self.0.push(Box::new(observer));
        self
    }

    /// Passes an event to all observers.
    ///
    /// # Errors
    /// The error of the first observer that fails.
    pub fn notify(&mut self, event: &Event) -> Result<(), Error> {
        self.0.iter_mut().try_for_each(|observer| observer.observe(event))
    }
}
