//! Batch normalisation over a batch that several processes share.
//!
//! ```text
//! μ = Σ x / n      σ² = Σ x² / n - μ²      x̂ = (x - μ) / √(σ² + ε)      y = γ x̂ + β
//! dL/dβ = Σ δ      dL/dγ = Σ δ x̂      dL/dx = γ / √(σ² + ε) (δ - dL/dβ / n - x̂ dL/dγ / n)
//! ```
//! n and the sums of μ, σ² and dL/dx are over all processes, in float64; dL/dβ and dL/dγ that are returned are those of this process, as
//! all other gradients are.

use crate::error::Error;
use lnn_sys::{CustomFunction, Forward, PassError, ProcessGroup, apply};
use std::cell::RefCell;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// The processes that share the batches of this thread.
#[derive(Debug, Clone)]
pub struct SharedBatch {
    /// The processes.
    pub group: Arc<ProcessGroup>,
    /// Whether the samples of this process belong to the batch. A process for which no sample is left takes part with any sample, which
    /// must not count.
    pub counts: bool,
}

thread_local! {
    static SHARED: RefCell<Option<SharedBatch>> = const { RefCell::new(None) };
}

/// Runs `pass` with batches that are normalised over all processes; without a `batch` each process has its own statistics.
pub fn sharing_batches<T>(batch: Option<SharedBatch>, pass: impl FnOnce() -> T) -> T {
    SHARED.with_borrow_mut(|shared| *shared = batch);
    let _end = End;
    pass()
}

/// Ends the sharing, even by a panic.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        SHARED.with_borrow_mut(|shared| *shared = None);
    }
}

/// The processes that share the batch of a running [`sharing_batches`].
pub(crate) fn shared_batch() -> Option<SharedBatch> {
    SHARED.with_borrow(Clone::clone)
}

/// Normalises `x [B, C, ..]` with γ and β `[C]`. Returns y, and the mean and the unbiased variance of the whole batch, `[2, C]`.
///
/// # Errors
/// [`Error::Torch`] if libtorch throws, or another process is gone.
pub(crate) fn normalize(
    batch: SharedBatch,
    x: &Tensor,
    [weight, bias]: [&Tensor; 2],
    epsilon: f64,
) -> Result<(Tensor, Tensor), Error> {
    let mut outputs = apply(SharedNorm { batch, epsilon }, &[x, weight, bias])?;
    let statistics = outputs.remove(1).detach();
    Ok((outputs.remove(0), statistics))
}

/// The operation. Its inputs are x, γ and β; it returns y and the statistics.
#[derive(Debug)]
struct SharedNorm {
    batch: SharedBatch,
    epsilon: f64,
}

impl SharedNorm {
    /// The sums over all processes.
    fn sums(&self, own: &[&Tensor]) -> Result<Tensor, PassError> {
        let mut sums = Tensor::f_cat(own, 0)?;
        if !self.batch.counts {
            let _ = sums.f_zero_()?;
        }
        self.batch.group.all_reduce(&mut sums)?;
        Ok(sums)
    }
}

impl CustomFunction for SharedNorm {
    fn forward(&self, inputs: &[Tensor], needs: &[bool]) -> Result<Forward, PassError> {
        let [x, weight, bias] = inputs else { return Err("expected three inputs".into()) };
        let channels = weight.size()[0];
        let number = Tensor::f_full([1], x.numel() as f64 / channels as f64, (Kind::Double, x.device()))?;
        let exact = x.f_to_kind(Kind::Double)?;
        let sums = self.sums(&[&number, &over_channels(&exact)?, &over_channels(&exact.f_square()?)?])?;
        let n = sums.f_narrow(0, 0, 1)?;
        let mean = sums.f_narrow(0, 1, channels)?.f_div(&n)?;
        let variance = sums.f_narrow(0, 1 + channels, channels)?.f_div(&n)?.f_sub(&mean.f_square()?)?;
        let variance = variance.f_clamp_min(0.0)?;
        let inverse = variance.f_add_scalar(self.epsilon)?.f_rsqrt()?;
        let normal = exact.f_sub(&beside(&mean, x))?.f_mul(&beside(&inverse, x))?;
        let y = normal.f_mul(&beside(weight, x))?.f_add(&beside(bias, x))?.f_to_kind(x.kind())?;
        let unbiased = variance.f_mul(&n.f_div(&n.f_sub_scalar(1.0)?.f_clamp_min(1.0)?)?)?;
        let statistics = Tensor::f_stack(&[&mean, &unbiased], 0)?.f_to_kind(weight.kind())?;
        let saved = match needs.contains(&true) {
            true => vec![normal.f_to_kind(x.kind())?, inverse, n, weight.shallow_clone()],
            false => Vec::new(),
        };
        Ok(Forward { outputs: vec![y, statistics], saved })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        gradients: &[Option<Tensor>],
        needs: &[bool],
    ) -> Result<Vec<Option<Tensor>>, PassError> {
        let [normal, inverse, n, weight] = saved else { return Err("expected four saved tensors".into()) };
        let of_y = match &gradients[0] {
            Some(of_y) => of_y.f_to_kind(Kind::Double)?,
            // The other processes still wait for the sums of this one.
            None => normal.f_zeros_like()?.f_to_kind(Kind::Double)?,
        };
        let channels = weight.size()[0];
        let normal = normal.f_to_kind(Kind::Double)?;
        let (of_bias, of_weight) = (over_channels(&of_y)?, over_channels(&of_y.f_mul(&normal)?)?);
        let sums = self.sums(&[&of_bias, &of_weight])?.f_div(n)?;
        let of_x = of_y
            .f_sub(&beside(&sums.f_narrow(0, 0, channels)?, &normal))?
            .f_sub(&normal.f_mul(&beside(&sums.f_narrow(0, channels, channels)?, &normal))?)?
            .f_mul(&beside(&inverse.f_mul(weight)?, &normal))?;
        // Samples that do not count changed no statistics.
        let of_x = if self.batch.counts { of_x } else { of_x.f_zeros_like()? };
        let kind = weight.kind();
        let single = |gradient: &Tensor, needed: bool| needed.then(|| gradient.f_to_kind(kind)).transpose();
        let of_x = needs[0].then(|| of_x.f_to_kind(saved[0].kind())).transpose()?;
        Ok(vec![of_x, single(&of_weight, needs[1])?, single(&of_bias, needs[2])?])
    }
}

/// The sums of `x [B, C, ..]` over all but the channels, `[C]`.
fn over_channels(x: &Tensor) -> Result<Tensor, PassError> {
    let others: Vec<i64> = (0..x.dim() as i64).filter(|axis| *axis != 1).collect();
    Ok(x.f_sum_dim_intlist(&others[..], false, Kind::Double)?)
}

/// `[C]` in the shape in which it is applied to `x [B, C, ..]`.
fn beside(of_channels: &Tensor, x: &Tensor) -> Tensor {
    let mut shape = vec![1; x.dim()];
    shape[1] = of_channels.size()[0];
    of_channels.view(&shape[..])
}
