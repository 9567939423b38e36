//! `lnn-cli train --resume-or-start`: one command line for a job that may be started several times.

use crate::failure::Failure;
use crate::output::{Progress, opened, print_line, print_text, say};
use lnn_train::{Event, Resume, RunConfig, RunFolder, Session, settings, state_of_run};
use std::path::Path;
use tch::Device;

/// What a job that is started again does besides training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Again {
    /// Whether the weights are not tested.
    pub(super) no_test: bool,
    /// Whether results are printed as JSON.
    pub(super) json: bool,
    /// Whether each epoch measures the gradient norm at each step through time.
    pub(super) trace: bool,
}

/// Resumes the run of `folder`, whose settings must be those of `wanted`, except that it may get more epochs. Returns none if
/// nothing is left to do: the result of the test is then printed as the run has recorded it.
///
/// # Errors
/// [`Failure::Request`] if the run has other settings, or another process trains it; otherwise those of [`Session::resume`].
pub(super) fn resume(
    folder: &Path,
    wanted: &RunConfig,
    Again { no_test, json, trace }: Again,
    device: Device,
) -> Result<Option<Session>, Failure> {
    let shown = folder.display();
    let (run, config) = RunFolder::open(folder)?;
    let same = RunConfig { epochs: wanted.epochs, ..config.clone() };
    if same != *wanted {
        let differences = settings::differences(&same, wanted).join("; ");
        return Err(Failure::request(format!(
            "{shown} holds a run of other settings, there and here: {differences}; hint: another folder for these settings, or \
             `train --resume {shown}` for the run as it is"
        )));
    }
    let state = state_of_run(folder)?;
    let extended = wanted.epochs > config.epochs;
    let finished = state.is_some_and(|state| state.is_finished(wanted.epochs) && !extended);
    if finished {
        let tested = run.tested()?;
        if no_test || tested.is_some() {
            say(&format!("{shown}: the run is finished; nothing is left to do"));
            match tested.filter(|_| !no_test) {
                Some(test) if json => print_line(&Event::Test(test))?,
                Some(test) => print_text(&format!("test {}", test.in_words()))?,
                None => {}
            }
            return Ok(None);
        }
    }
    let data = opened(&config.data)?;
    let request = Resume { epochs: Some(wanted.epochs), accept_changed_data: false, solved: true, trace };
    let mut progress = Progress::default();
    Ok(Some(Session::resume(run, config, request, &*data, device, &mut progress.receiver())?))
}
