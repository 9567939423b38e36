//! The one record of what a model sees.

use super::error::ContractError;
use tch::{Device, Kind, Tensor};

/// A batch as a model takes it.
#[derive(Debug)]
pub struct Input {
    /// Images `[B, C, H, W]`, floating-point in 0..1 or bytes (uint8) in 0..255; sequences `[B, T, I]`, padded to the longest of
    /// the batch; or features `[B, D]` that a fixed front has computed.
    pub x: Tensor,
    /// `[B, T]`, the time since the step before, in the unit of the data, which the model divides by [`Timing::unit`](super::Timing);
    /// where it is absent, each step takes one such unit.
    pub dt: Option<Tensor>,
    /// `[B, T]`, bool: which steps of a sequence count; all of them where it is absent.
    pub mask: Option<Tensor>,
}

impl Input {
    /// A batch whose steps, if it has any, all count and take one unit of time.
    pub fn new(x: Tensor) -> Self {
        Self { x, dt: None, mask: None }
    }

    /// The same tensors, sharing their memory.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        self.map(Tensor::shallow_clone)
    }

    /// A copy in memory of its own.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.map(Tensor::copy)
    }

    /// Applies `part` to each of the tensors: a selection of samples, a move to a device.
    #[must_use]
    pub fn map(&self, part: impl Fn(&Tensor) -> Tensor) -> Self {
        Self { x: part(&self.x), dt: self.dt.as_ref().map(&part), mask: self.mask.as_ref().map(&part) }
    }

    /// Number of samples B.
    ///
    /// # Panics
    /// If `x` is a scalar.
    pub fn len(&self) -> i64 {
        self.x.size()[0]
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.x.device()
    }

    /// The same input with images in bytes as parts of 255, in dtype `kind`. What is in floating point keeps its dtype: a model
    /// standardises in that dtype and rounds afterwards.
    #[must_use]
    pub fn to_floating(&self, kind: Kind) -> Self {
        let input = self.shallow_clone();
        match self.x.kind() {
            Kind::Uint8 => Self { x: self.x.to_kind(kind) / 255.0, ..input },
            _ => input,
        }
    }

    /// The steps of `tensor [B, T, ..]` that count, `[M, 1, ..]`; without a mask the tensor itself.
    ///
    /// # Panics
    /// If the mask is not the mask of such a tensor.
    pub fn counted_steps(&self, tensor: &Tensor) -> Tensor {
        match &self.mask {
            None => tensor.shallow_clone(),
            Some(mask) => steps_where(tensor, mask),
        }
    }

    /// Refuses a `dt` that is not `[batch, steps]` or holds negative or non-finite numbers. Waits for the device.
    ///
    /// # Errors
    /// [`ContractError::TimeShape`] or [`ContractError::TimeValue`].
    pub fn check_time(&self, expected: [i64; 2]) -> Result<(), ContractError> {
        let Some(dt) = &self.dt else { return Ok(()) };
        if dt.size() != expected {
            return Err(ContractError::TimeShape { expected, found: dt.size() });
        }
        // Written so that NaN is wrong, too.
        let wrong = dt.ge(0.0).logical_and(&dt.isfinite()).logical_not().nonzero();
        if wrong.size()[0] == 0 {
            return Ok(());
        }
        let place = [0, 1].map(|axis| wrong.int64_value(&[0, axis]));
        Err(ContractError::TimeValue { found: dt.double_value(&place), place })
    }

    /// All tensors that there are room for, in a fixed order.
    pub(super) fn tensors(&self) -> [Option<&Tensor>; 3] {
        [Some(&self.x), self.dt.as_ref(), self.mask.as_ref()]
    }
}

/// The steps of `tensor [B, T, ..]` at which `chosen [B, T]`, bool, is true: `[M, 1, ..]`. Waits for the device.
///
/// # Panics
/// If `chosen` is not the choice of such a tensor.
pub fn steps_where(tensor: &Tensor, chosen: &Tensor) -> Tensor {
    let places = chosen.flatten(0, 1).nonzero().squeeze_dim(1);
    tensor.flatten(0, 1).index_select(0, &places).unsqueeze(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_parts_of_255_and_numbers_stay() {
        let bytes = Input::new(Tensor::from_slice(&[0u8, 51, 255]));
        assert_eq!(bytes.to_floating(Kind::Float).x, Tensor::from_slice(&[0.0f32, 51.0 / 255.0, 1.0]));
        let numbers = Input::new(Tensor::from_slice(&[0.0f32, 51.0]));
        assert_eq!(numbers.to_floating(Kind::Double).x, Tensor::from_slice(&[0.0f32, 51.0]));
    }

    #[test]
    fn time_that_goes_back_or_is_no_number_is_refused_with_its_place() {
        let with_dt = |dt: &[f32]| {
            let dt = Some(Tensor::from_slice(dt).view([1, -1]));
            Input { dt, ..Input::new(Tensor::zeros([1, 2, 3], (Kind::Float, Device::Cpu))) }
                .check_time([1, 2])
        };
        assert_eq!(with_dt(&[0.0, 2.5]), Ok(()));
        assert!(matches!(with_dt(&[1.0, f32::NAN]), Err(ContractError::TimeValue { place: [0, 1], .. })));
        assert!(matches!(with_dt(&[-1.0, 1.0]), Err(ContractError::TimeValue { place: [0, 0], .. })));
        assert!(matches!(with_dt(&[1.0]), Err(ContractError::TimeShape { expected: [1, 2], .. })));
    }
}
