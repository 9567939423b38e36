//! Growth during training: when the activity is checked, and when units are added.

use crate::batches::{Stream, stream_seed};
use crate::error::Error;
use crate::event::Event;
use crate::observers::Observers;
use crate::state::ActivitySums;
use crate::trainer::Trainer;

impl Trainer<'_> {
    /// Whether the growth rule checks the activity after `step` steps.
    pub(crate) fn grows_now(&self, step: u64) -> bool {
        let every = self.descent.model.growth().and_then(|growth| growth.every_steps);
        every.is_some_and(|every| step.is_multiple_of(every))
    }

    /// Adds units if the activity since the last check requires it.
    pub(crate) fn grow_by_activity(&mut self, observers: &mut Observers) -> Result<(), Error> {
        let unlooked = std::mem::replace(&mut self.state.unlooked, ActivitySums::ZERO);
        let calls = match (self.descent.model.growth(), unlooked.means()) {
            (Some(growth), Some((_, mean_state))) => growth.calls_for_activity(mean_state),
            _ => false,
        };
        if calls { self.grow(observers) } else { Ok(()) }
    }

    pub(crate) fn grow(&mut self, observers: &mut Observers) -> Result<(), Error> {
        let seed = stream_seed(self.config.seed, Stream::Growth, self.state.step);
        if let Some(added) = self.descent.model.grow(seed, self.state.step)? {
            self.descent.optimizer.units_added();
            self.step.network_changed();
            let parameters = self.descent.model.parameters();
            self.ranks.broadcast(parameters.entries().iter().map(|entry| &entry.tensor))?;
            self.state.added_units.push(added);
            self.state.grown = true;
            observers.notify(&Event::UnitsAdded(added));
        }
        Ok(())
    }
}
