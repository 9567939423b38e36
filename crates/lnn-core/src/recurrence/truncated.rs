//! Truncated backpropagation through time: a scan in parts, between which the state is carried and the gradient is not.

use crate::error::Error;
use crate::recurrence::cell::Cell;
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use tch::{Kind, Tensor};

/// Scans a sequence `[B, T, I]` in parts of `steps` steps, the last of which may be shorter. Outputs and states are those of
/// [`Cell::scan`]; the gradient of an output reaches the steps of its own part alone. The last state of a masked sequence has the
/// gradient of its last step that counts. `steps` below 1 means 1.
///
/// Source: Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent network trajectories" (1990), with
/// as many steps forward as backward.
///
/// # Errors
/// Those of [`Cell::scan`].
pub fn scan_in_parts(
    cell: &dyn Cell,
    sequence: Sequence<'_>,
    initial: Option<&State>,
    steps: i64,
) -> Result<Run, Error> {
    let [_, total] = sequence.check(cell.input_size())?;
    let steps = steps.max(1);
    if total <= steps {
        return cell.scan(sequence, initial);
    }
    let mut last: Option<State> = None;
    let mut outputs = Vec::new();
    for start in (0..total).step_by(steps as usize) {
        let part = |tensor: &Tensor| tensor.narrow(1, start, steps.min(total - start));
        let (x, dt, mask) = (part(sequence.x), sequence.dt.map(part), sequence.mask.map(part));
        let part = Sequence { x: &x, dt: dt.as_ref(), mask: mask.as_ref(), ..sequence };
        let before = last.as_ref().map(State::detached);
        let run = cell.scan(part, before.as_ref().or(initial))?;
        outputs.push(run.outputs);
        last = Some(match (mask, last) {
            // Where no step of the part counts, the state before it is the same number and still has its gradient.
            (Some(mask), Some(last)) => {
                run.last.where_counts(&mask.to_kind(Kind::Bool).any_dim(1, false), &last)
            }
            _ => run.last,
        });
    }
    let last = last.unwrap_or_else(|| unreachable!("a sequence that was checked has a step"));
    Ok(Run { outputs: Tensor::cat(&outputs, 1), last })
}
