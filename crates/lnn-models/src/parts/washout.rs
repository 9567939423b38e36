//! The first steps of a series, which a reservoir needs to forget that it started at rest.

use tch::{Device, Kind, Tensor};

/// The steps that count behind the first `washout` of those that do, bool `[B, T]`, for series with `mask [B, T]`.
pub(crate) fn after_washout(
    mask: Option<&Tensor>,
    [batch, steps]: [i64; 2],
    (washout, device): (i64, Device),
) -> Tensor {
    let all = || Tensor::ones([batch, steps], (Kind::Bool, device));
    let counts = mask.map_or_else(all, |mask| mask.to_kind(Kind::Bool));
    counts.cumsum(1, Kind::Int64).gt(washout).logical_and(&counts)
}
