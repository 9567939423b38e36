//! What a readout sees of many states.

use lnn_core::Run;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// What the readout sees of a stretch of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Summary {
    /// The last state of the stretch.
    Last,
    /// The mean of its states.
    Mean,
}

impl Summary {
    /// The summary of each of `stretches` stretches of equal length of `states [B, T, H]`: `stretches` tensors `[B, H]`.
    pub(crate) fn of_stretches(self, states: &Tensor, stretches: i64) -> Vec<Tensor> {
        let steps = states.size()[1];
        let bound = |i: i64| i * steps / stretches;
        let summary = |i| match self {
            Self::Last => states.select(1, bound(i + 1) - 1),
            Self::Mean => {
                let stretch = states.narrow(1, bound(i), bound(i + 1) - bound(i));
                stretch.mean_dim(1, false, states.kind())
            }
        };
        (0..stretches).map(summary).collect()
    }

    /// The same in TorchScript, as the method `summarize` of a part with the attribute `stretches`.
    pub(crate) fn script(self) -> String {
        Summaries { kinds: vec![self], stretches: 1 }.script()
    }
}

/// Which summaries the readout sees, of each stretch of the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summaries {
    /// The summaries, in the order of the readout's weights.
    pub kinds: Vec<Summary>,
    /// Number of stretches of equal length into which the sequence is cut. More than one needs sequences without padding.
    pub stretches: i64,
}

impl Summaries {
    /// The summaries of the whole sequence.
    pub(crate) fn of_the_whole(kinds: Vec<Summary>) -> Self {
        Self { kinds, stretches: 1 }
    }

    /// Number of tensors `[B, H]` that [`of`](Self::of) returns.
    pub(crate) fn count(&self) -> i64 {
        self.kinds.len() as i64 * self.stretches
    }

    /// Whether the mean of the states is among them.
    pub(crate) fn have_mean(&self) -> bool {
        self.kinds.contains(&Summary::Mean)
    }

    /// The summaries of a run over sequences with `mask [B, T]`, each `[B, H]`.
    pub(crate) fn of(&self, run: &Run, mask: Option<&Tensor>) -> Vec<Tensor> {
        let summaries = self.kinds.iter().flat_map(|kind| match (self.stretches, kind) {
            (1, Summary::Last) => vec![run.last.output().shallow_clone()],
            (1, Summary::Mean) => vec![mean_of_counted(&run.outputs, mask)],
            _ => kind.of_stretches(&run.outputs, self.stretches),
        });
        summaries.collect()
    }

    /// The summaries after each step of the steps so far, each `[B, T, H]`: what [`of`](Self::of) would return of the sequence up to
    /// there. There is one stretch.
    pub(crate) fn at_each_step(&self, run: &Run, mask: Option<&Tensor>) -> Vec<Tensor> {
        let states = &run.outputs;
        let summaries = self.kinds.iter().map(|kind| match kind {
            Summary::Last => states.shallow_clone(),
            Summary::Mean => running_mean_of_counted(states, mask),
        });
        summaries.collect()
    }

    /// [`of`](Self::of) without a mask in TorchScript, as the method `summarize(states [B, T, H]) -> [B, count·H]` of a part
    /// with the attribute `stretches`.
    pub(crate) fn script(&self) -> String {
        let loops = self.kinds.iter().map(|kind| {
            STRETCHES.replace(
                "SUMMARY",
                match kind {
                    Summary::Last => "states[:, end - 1]",
                    Summary::Mean => "states[:, begin:end].mean(1)",
                },
            )
        });
        SCRIPT.replace("    STRETCHES\n", &loops.collect::<String>())
    }
}

/// The mean over the steps that count of `states [B, T, H]`, with `mask [B, T]`: `[B, H]`. Zero where no step counts.
pub(crate) fn mean_of_counted(states: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let kind = states.kind();
    match mask {
        None => states.mean_dim(1, false, kind),
        Some(mask) => {
            let counts = mask.to_kind(kind).unsqueeze(2);
            let steps = counts.sum_dim_intlist(1, false, kind).clamp_min(1.0);
            (states * counts).sum_dim_intlist(1, false, kind) / steps
        }
    }
}

/// The last step that counts of `seen [B, T, D]`, with `mask [B, T]`: `[B, D]`. The first step where none counts.
pub(crate) fn last_of_counted(seen: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let (batch, steps, width) = (seen.size()[0], seen.size()[1], seen.size()[2]);
    let Some(mask) = mask else { return seen.select(1, steps - 1) };
    let numbers = Tensor::arange(steps, (Kind::Int64, seen.device()));
    let last = (mask.to_kind(Kind::Int64) * numbers).amax(1, true);
    seen.gather(1, &last.unsqueeze(2).expand([batch, 1, width], false), false).squeeze_dim(1)
}

/// The mean, after each step, over the steps so far that count of `states [B, T, H]`, with `mask [B, T]`: `[B, T, H]`. Zero where no
/// step counts yet.
pub(crate) fn running_mean_of_counted(states: &Tensor, mask: Option<&Tensor>) -> Tensor {
    let kind = states.kind();
    let counts = match mask {
        Some(mask) => mask.to_kind(kind).unsqueeze(2),
        None => states.ones_like().narrow(2, 0, 1),
    };
    (states * &counts).cumsum(1, kind) / counts.cumsum(1, kind).clamp_min(1.0)
}

/// [`Summaries::of`] in TorchScript; `STRETCHES` stands for one loop per summary.
const SCRIPT: &str = "
def summarize(self, states: Tensor) -> Tensor:
    steps = states.size(1)
    summaries = []
    STRETCHES
    return torch.cat(summaries, 1)
";

/// One summary of each stretch; `SUMMARY` stands for its expression.
const STRETCHES: &str = "    for i in range(self.stretches):
        begin, end = i * steps // self.stretches, (i + 1) * steps // self.stretches
        summaries.append(SUMMARY)
";
