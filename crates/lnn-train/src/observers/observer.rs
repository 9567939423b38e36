//! The observer interface.

use crate::error::Error;
use crate::event::Event;

/// Receives every event of a run. A new observer (a plot, a tracker) implements this trait and is added to the list of the
/// training program.
pub trait Observer {
    /// Receives an event.
    ///
    /// # Errors
    /// [`Error`] if it cannot be recorded. The run goes on, with a warning, and [`Observers::finish`] returns the error.
    fn observe(&mut self, event: &Event) -> Result<(), Error>;

    /// Returns a message for the user, once; it is asked for after each event.
    fn take_notice(&mut self) -> Option<String> {
        None
    }

    /// Completes what the observer writes. It is called at the end of a run, whatever way the run ends.
    ///
    /// # Errors
    /// [`Error`] if it cannot be written.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// All observers of a run. One that fails costs neither the run nor the other observers an event.
#[derive(Default)]
pub struct Observers(Vec<Member>);

/// An observer with its last failure.
struct Member {
    observer: Box<dyn Observer>,
    failure: Option<String>,
}

impl Member {
    /// Records the failure and returns the warning, unless the same failure came before.
    fn fail(&mut self, error: &Error) -> Option<String> {
        let failure = error.to_string();
        let known = self.failure.as_ref() == Some(&failure);
        let warning = (!known).then(|| format!("warning: {failure}; the run goes on"));
        self.failure = Some(failure);
        warning
    }
}

impl Observers {
    /// Adds an observer.
    #[must_use]
    pub fn with(mut self, observer: impl Observer + 'static) -> Self {
        self.0.push(Member { observer: Box::new(observer), failure: None });
        self
    }

    /// Passes an event to all observers. The failure of one is passed to all as an [`Event::Notice`].
    pub fn notify(&mut self, event: &Event) {
        let mut notices = Vec::new();
        for member in &mut self.0 {
            if let Err(error) = member.observer.observe(event) {
                notices.extend(member.fail(&error));
            }
            notices.extend(member.observer.take_notice());
        }
        for text in notices {
            let notice = Event::Notice { text };
            for member in &mut self.0 {
                if let Err(error) = member.observer.observe(&notice) {
                    member.fail(&error);
                }
            }
        }
    }

    /// Completes what the observers write, at the end of a run.
    ///
    /// # Errors
    /// [`Error::Unrecorded`] with the failures of all observers since the run began.
    pub fn finish(mut self) -> Result<(), Error> {
        for member in &mut self.0 {
            if let Err(error) = member.observer.finish() {
                member.fail(&error);
            }
        }
        let failures: Vec<String> = self.0.into_iter().filter_map(|member| member.failure).collect();
        if failures.is_empty() { Ok(()) } else { Err(Error::Unrecorded(failures.join("; "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Fails at the events and at the end if `full`, and records the notices that it receives.
    struct Disk {
        full: bool,
        notices: Rc<RefCell<Vec<String>>>,
    }

    impl Observer for Disk {
        fn observe(&mut self, event: &Event) -> Result<(), Error> {
            if let Event::Notice { text } = event {
                self.notices.borrow_mut().push(text.clone());
            }
            if self.full { Err(Error::configuration("no space")) } else { Ok(()) }
        }
    }

    #[test]
    fn an_observer_that_fails_is_announced_once_and_costs_the_others_nothing() {
        let notices = Rc::new(RefCell::new(Vec::new()));
        let disk = |full| Disk { full, notices: Rc::clone(&notices) };
        let mut observers = Observers::default().with(disk(true)).with(disk(false));
        for epoch in 1..=3 {
            observers.notify(&Event::StoppedEarly { epoch, best_epoch: 1 });
        }
        assert_eq!(*notices.borrow(), ["warning: no space; the run goes on"; 2], "one for each observer");
        let error = observers.finish().unwrap_err();
        assert!(matches!(error, Error::Unrecorded(_)) && error.to_string().contains("no space"), "{error}");
    }

    #[test]
    fn observers_that_never_fail_finish_well() {
        let mut observers = Observers::default().with(Disk { full: false, notices: Rc::default() });
        observers.notify(&Event::StoppedEarly { epoch: 1, best_epoch: 1 });
        observers.finish().unwrap();
    }
}
