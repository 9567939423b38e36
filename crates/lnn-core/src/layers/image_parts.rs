//! Images with channels last, distributed over the threads.

use lnn_sys::{Element, PassError, numbers_mut, parallel_each, shares};
use pulp::{Arch, WithSimd};
use tch::Tensor;

/// `x [B, C, H, W]` as `[B, H, W, C]`, without gaps in memory.
pub(crate) fn channels_behind(x: &Tensor) -> Result<Tensor, PassError> {
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?)
}

/// Runs parts, one per thread.
pub(crate) fn on_threads<P: WithSimd + Send>(parts: impl Iterator<Item = P>) {
    parallel_each(parts.collect(), |part| drop(Arch::new().dispatch(part)));
}

/// The images `[B, ..]` of each thread, as slices.
pub(crate) fn pieces<T>(numbers: &[T], count: usize) -> Vec<&[T]> {
    let size = numbers.len() / count.max(1);
    shares(count).into_iter().map(|share| &numbers[share.start * size..share.end * size]).collect()
}

/// The same, mutable.
pub(crate) fn pieces_mut<T: Element>(images: &mut Tensor) -> Result<Vec<&mut [T]>, PassError> {
    let count = images.size()[0] as usize;
    let size = images.numel() / count.max(1);
    let mut rest = numbers_mut(images)?;
    let mut found = Vec::new();
    for share in shares(count) {
        let (piece, behind) = rest.split_at_mut(share.len() * size);
        rest = behind;
        found.push(piece);
    }
    Ok(found)
}
