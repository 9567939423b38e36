//! What a readout sees of many states.

use serde::{Deserialize, Serialize};
use tch::Tensor;

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
    /// One summary for each of `stretches` stretches of equal length of `states [B, T, H]`: `[B, stretches·H]`.
    pub(crate) fn of_stretches(self, states: &Tensor, stretches: i64) -> Tensor {
        let steps = states.size()[1];
        let bound = |i: i64| i * steps / stretches;
        let summaries: Vec<Tensor> = (0..stretches)
            .map(|i| match self {
                Self::Last => states.select(1, bound(i + 1) - 1),
                Self::Mean => {
                    let stretch = states.narrow(1, bound(i), bound(i + 1) - bound(i));
                    stretch.mean_dim(1, false, states.kind())
                }
            })
            .collect();
        Tensor::cat(&summaries, 1)
    }

    /// The same in TorchScript, as the method `summarize` of a part with the attribute `stretches`.
    pub(crate) fn script(self) -> String {
        SCRIPT.replace(
            "SUMMARY",
            match self {
                Self::Last => "states[:, end - 1]",
                Self::Mean => "states[:, begin:end].mean(1)",
            },
        )
    }
}

/// The mean over the steps that count of `states [B, T, H]`, with `mask [B, T]`: `[B, H]`. Zero where none counts.
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

/// [`Summary::of_stretches`] in TorchScript; `SUMMARY` stands for what is taken of a stretch.
const SCRIPT: &str = "
def summarize(self, states: Tensor) -> Tensor:
    steps = states.size(1)
    summaries = []
    for i in range(self.stretches):
        begin, end = i * steps // self.stretches, (i + 1) * steps // self.stretches
        summaries.append(SUMMARY)
    return torch.cat(summaries, 1)
";
