//! A series that comes in row by row.

use crate::error::Error;
use crate::model::Model;
use crate::model::learning::{Learning, readout};
use crate::model::training::Training;
use crate::networks::state::ModelState;
use crate::output::Mode;
use lnn_core::{Input, OnlineRule, Per};
use tch::{Kind, Tensor};

/// Number of numbers in the windows that are predicted at a time, which bounds the memory.
const NUMBERS_AT_A_TIME: i64 = 1 << 20;

/// The predictions of a model for a series whose rows come in one after the other.
///
/// After each row the prediction is that of [`Model::run`] on the window that ends there. A model that was trained on windows which begin from
/// rest sees the last window, one that was trained on whole series or after each step carries its state on; see [`Model::carries_state`].
#[derive(Debug)]
pub struct Stream<'m> {
    model: &'m Model,
    memory: Memory,
    learning: Option<Learning>,
    /// Number of rows so far.
    rows: i64,
    /// Whether the time before the first row is not known, and the second row, which tells it, has not come.
    first_time_is_due: bool,
}

/// What a stream keeps of the rows so far.
#[derive(Debug)]
enum Memory {
    /// The state after them, with its sums in float64.
    State(ModelState),
    /// The last ones, fewer than a window has: x `[1, R, I]`, dt `[1, R]`.
    Rows { window: i64, last: Option<Input> },
}

impl<'m> Stream<'m> {
    /// A stream before its first row.
    ///
    /// # Errors
    /// [`Error::NoSteps`] if the model takes images, or would have to carry its state and cannot.
    pub fn new(model: &'m Model, training: Training) -> Result<Self, Error> {
        if model.input.image().is_some() {
            return Err(Error::NoSteps { model: model.config.name() });
        }
        let memory = match model.window_seen(training) {
            Some(window) => Memory::Rows { window, last: None },
            None => Memory::State(model.first_state(1)?),
        };
        Ok(Self { model, memory, learning: None, rows: 0, first_time_is_due: false })
    }

    /// From here on the readout learns from the targets that [`advance`](Self::advance) is given, each of which belongs to the row `delay` rows
    /// before the one with which it arrives.
    ///
    /// # Errors
    /// [`Error::Stream`] if the model has no linear readout, or predicts classes and `rule` is for values; [`Error::Core`] if a number of `rule`
    /// is out of its range.
    pub fn learn(&mut self, rule: OnlineRule, delay: usize) -> Result<(), Error> {
        self.learning = Some(Learning::new(self.model, rule, delay)?);
        Ok(())
    }

    /// The predictions after each of the rows that follow: x `[T, I]` and dt `[T]`, in the units of the data, to logits or values `[T, O]`, float64.
    /// They are NaN while the rows are fewer than a window. The dt of the first row of a series may be NaN, which means that it is not known:
    /// it is that of the second row, as in a table, or the typical one where the state has to go on without it. `targets`, values `[T, O]`
    /// with NaN or labels `[T]` below 0 for those that are not known, are what a stream learns from; others ignore them.
    ///
    /// # Errors
    /// Those of [`Model::check`] and [`Model::run`]; [`Error::Diverged`] if a readout that learns diverges.
    pub fn advance(&mut self, rows: &Input, targets: Option<&Tensor>) -> Result<Tensor, Error> {
        let rows = self.with_first_time(&rows.map(|tensor| tensor.unsqueeze(0)));
        self.model.check(&rows)?;
        let carried = matches!(self.memory, Memory::State(_));
        // A window begins from rest, and the training has left out none of them.
        let left_out = if carried { (self.model.network.washout() - self.rows).max(0) } else { 0 };
        self.rows += rows.x.size()[1];
        if self.learning.is_none() {
            return tch::no_grad(|| self.predictions(&rows));
        }
        let seen = tch::no_grad(|| self.seen(&rows))?;
        let learning = self.learning.as_mut().expect("it was there");
        learning.advance(self.model, &seen, targets, left_out as usize)
    }

    /// Writes what was learnt into the readout of the model.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the readout has diverged; [`Error::Core`] if libtorch fails.
    pub fn keep_what_was_learnt(&self) -> Result<(), Error> {
        self.learning.as_ref().map_or(Ok(()), |learning| learning.write_to(self.model))
    }

    /// Refuses a readout that has diverged.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn check_what_was_learnt(&self) -> Result<(), Error> {
        self.learning.as_ref().map_or(Ok(()), Learning::check)
    }

    /// Number of rows so far.
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Everything that a stream of the same model needs to go on, by name.
    pub fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors =
            vec![("rows".to_owned(), Tensor::from_slice(&[self.rows, i64::from(self.first_time_is_due)]))];
        match &self.memory {
            Memory::State(state) => {
                let named = state.tensors().iter().enumerate();
                tensors.extend(named.map(|(i, tensor)| (format!("state.{i}"), tensor.shallow_clone())));
            }
            Memory::Rows { last, .. } => {
                let x = last.iter().map(|rows| ("window.x", &rows.x));
                let dt = last.iter().filter_map(|rows| Some(("window.dt", rows.dt.as_ref()?)));
                tensors.extend(x.chain(dt).map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())));
            }
        }
        tensors.extend(self.learning.iter().flat_map(Learning::tensors));
        tensors
    }

    /// Goes on from what [`tensors`](Self::tensors) returned.
    ///
    /// # Errors
    /// [`Error::Stream`] if they are not of a stream of this model with the same way to learn.
    pub fn restore(&mut self, tensors: &[(String, Tensor)]) -> Result<(), Error> {
        let named = |name: &str| tensors.iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor);
        let device = self.model.parameters.device();
        let refuse = |reason: String| Err(Error::Stream(format!("the saved state does not fit: {reason}")));
        match named("rows") {
            Some(rows) if rows.size() == [2] && rows.kind() == Kind::Int64 => {
                self.rows = rows.int64_value(&[0]).max(0);
                self.first_time_is_due = rows.int64_value(&[1]) == 1;
            }
            _ => return refuse("it has no number of rows".into()),
        }
        match &mut self.memory {
            Memory::State(state) => {
                let stored = (0..).map_while(|i| named(&format!("state.{i}")));
                let stored = ModelState::new(stored.map(|tensor| tensor.to_device(device)).collect());
                stored.check(state)?;
                *state = stored;
            }
            Memory::Rows { window, last } => {
                let Some(x) = named("window.x") else {
                    return if self.rows == 0 { Ok(()) } else { refuse("it has no rows of a window".into()) };
                };
                let found = x.size();
                if self.model.input.check(&found).is_err() || found[0] != 1 || found[1] >= *window {
                    return refuse(format!(
                        "expected less than {window} rows of the model's features, found {found:?}"
                    ));
                }
                let rows = Input {
                    dt: named("window.dt").map(Tensor::shallow_clone),
                    ..Input::new(x.shallow_clone())
                };
                if rows.dt.as_ref().is_some_and(|dt| dt.size() != found[..2]) {
                    return refuse("the times of its rows are not as many".into());
                }
                *last = Some(rows);
            }
        }
        match &mut self.learning {
            Some(learning) => learning.restore(&named),
            None if named("readout.weights").is_some() => refuse(
                "the readout of its stream learnt, and this one would go on without what was learnt; hint: let this one learn, too, or save what \
                 was learnt as a model"
                    .into(),
            ),
            None => Ok(()),
        }
    }

    /// Fills in the time before the first row, where it is not known.
    fn with_first_time(&mut self, rows: &Input) -> Input {
        let typical = self.model.input.timing.map_or(1.0, |timing| timing.unit * timing.typical_dt);
        let rows = rows.copy();
        let Some(dt) = &rows.dt else { return rows };
        if self.rows == 0 && dt.double_value(&[0, 0]).is_nan() {
            let of_windows = matches!(self.memory, Memory::Rows { .. });
            let second = (of_windows && dt.size()[1] > 1).then(|| dt.double_value(&[0, 1]));
            self.first_time_is_due = of_windows && second.is_none();
            let _ = dt.narrow(1, 0, 1).fill_(second.unwrap_or(typical));
        } else if std::mem::take(&mut self.first_time_is_due)
            && let Memory::Rows { last: Some(Input { dt: Some(first), .. }), .. } = &mut self.memory
        {
            *first = dt.narrow(1, 0, 1).copy();
        }
        rows
    }

    /// Predictions `[T, O]` after rows `[1, T, I]`.
    fn predictions(&mut self, rows: &Input) -> Result<Tensor, Error> {
        let model = self.model;
        if let Memory::State(state) = &mut self.memory {
            let (predicted, next) = model.advance(rows, state)?;
            *state = next;
            return Ok(predicted.squeeze_dim(0));
        }
        let per = model.input.per;
        self.of_windows(rows, model.input.outputs(), |windows| {
            let prediction = model.run(windows, Mode::Evaluation)?.prediction.to_kind(Kind::Double);
            Ok(if per == Per::Step { prediction.select(1, -1) } else { prediction })
        })
    }

    /// What the readout sees after each of the rows `[1, T, I]`: `[T, D]`, NaN while the rows are fewer than a window.
    fn seen(&mut self, rows: &Input) -> Result<Tensor, Error> {
        let model = self.model;
        if let Memory::State(state) = &mut self.memory {
            let rows = rows.map(|tensor| tensor.to_device(model.parameters.device()));
            let (seen, next) = model.network.advance(&model.preprocessing.apply(rows), state)?;
            *state = next;
            return Ok(seen.squeeze_dim(0));
        }
        let width = readout(model)?.features();
        self.of_windows(rows, width, |windows| {
            let state = model.start(windows.x.size()[0])?;
            let (seen, _) = model.network.advance(&model.preprocessing.apply(windows), &state)?;
            Ok(seen.select(1, -1))
        })
    }

    /// Computes `[N, width]` of the windows `[N, W, I]` that end at each row, as far as they are whole, and keeps the last rows.
    fn of_windows(
        &mut self,
        rows: &Input,
        width: i64,
        of: impl Fn(Input) -> Result<Tensor, Error>,
    ) -> Result<Tensor, Error> {
        let Memory::Rows { window, last } = &mut self.memory else { unreachable!("the caller has windows") };
        let (window, device, count) = (*window, self.model.parameters.device(), rows.x.size()[1]);
        let all = match last.take() {
            Some(last) => Input {
                dt: last.dt.as_ref().zip(rows.dt.as_ref()).map(|(a, b)| Tensor::cat(&[a, b], 1)),
                ..Input::new(Tensor::cat(&[&last.x, &rows.x], 1))
            },
            None => rows.map(Tensor::shallow_clone),
        };
        let present = all.x.size()[1];
        let kept = present.min(window - 1);
        *last = (kept > 0).then(|| all.map(|tensor| tensor.narrow(1, present - kept, kept).copy()));
        let whole = (present - window + 1).clamp(0, count);
        let at_a_time = (NUMBERS_AT_A_TIME / (window * all.x.size()[2]).max(1)).max(1);
        let mut parts = vec![Tensor::full([count - whole, width], f64::NAN, (Kind::Double, device))];
        for start in (0..whole).step_by(at_a_time as usize) {
            let number = at_a_time.min(whole - start);
            let windows = all.map(|tensor| {
                let part = tensor.narrow(1, start, number + window - 1).squeeze_dim(0);
                let windows = part.unfold(0, window, 1);
                if windows.dim() == 3 { windows.transpose(1, 2) } else { windows }.to_device(device)
            });
            parts.push(of(windows)?.to_kind(Kind::Double));
        }
        Ok(Tensor::cat(&parts, 0))
    }
}
