//! Samples with their targets: a batch.

use super::input::Input;
use tch::{Device, Kind, Tensor};

/// Inputs with their targets, all on one device.
#[derive(Debug)]
pub struct Samples {
    /// What the model sees.
    pub input: Input,
    /// Labels, int64, or values: `[B]` or `[B, O]`, and with targets per step `[B, T]` or `[B, T, O]`, where [`NO_LABEL`](Self::NO_LABEL)
    /// and NaN say that a step has none.
    pub targets: Tensor,
}

impl Samples {
    /// The label of a step that has no target.
    pub const NO_LABEL: i64 = -100;

    /// Number of samples B.
    ///
    /// # Panics
    /// If the targets are a scalar.
    pub fn len(&self) -> i64 {
        self.targets.size()[0]
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// With targets per step (`[B, T]` labels or `[B, T, O]` values of sequences), which of them count, bool `[B, T]`: those of the
    /// steps that count, as far as there is a target: a label that is not negative, or values that are all numbers. `None` where a
    /// sequence has one target.
    pub fn counts(&self) -> Option<Tensor> {
        let labels = self.targets.kind() == Kind::Int64;
        if self.targets.dim() != if labels { 2 } else { 3 } {
            return None;
        }
        let present = match labels {
            true => self.targets.ge(0),
            false => self.targets.isnan().any_dim(-1, false).logical_not(),
        };
        Some(match &self.input.mask {
            Some(mask) => present.logical_and(mask),
            None => present,
        })
    }

    /// How many targets there are, as a scalar in float64 on their device: samples, or the targets per step that count.
    pub fn target_count(&self) -> Tensor {
        match self.counts() {
            Some(counts) => counts.sum(Kind::Double),
            None => Tensor::full([], self.len(), (Kind::Double, self.targets.device())),
        }
    }

    /// Applies `part` to each of the tensors.
    #[must_use]
    pub fn map(&self, part: impl Fn(&Tensor) -> Tensor) -> Self {
        Self { input: self.input.map(&part), targets: part(&self.targets) }
    }

    /// The samples at `indices [M]`, int64.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn select(&self, indices: &Tensor) -> Self {
        self.map(|tensor| tensor.index_select(0, indices))
    }

    /// The `count` samples from `start` on, as views.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn narrow(&self, start: i64, count: i64) -> Self {
        self.map(|tensor| tensor.narrow(0, start, count))
    }

    /// The same samples on `device`.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        self.map(|tensor| tensor.to_device(device))
    }

    /// The samples with inputs as [`Input::to_floating`] returns them.
    #[must_use]
    pub fn to_floating(&self, kind: Kind) -> Self {
        Self { input: self.input.to_floating(kind), targets: self.targets.shallow_clone() }
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

    /// Whether the tensors of both have the same shapes.
    pub fn has_shapes_of(&self, other: &Self) -> bool {
        let shapes = |samples: &Self| samples.tensors().map(|tensor| tensor.map(Tensor::size));
        shapes(self) == shapes(other)
    }

    /// Copies the numbers of other samples of the same shapes into these tensors.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn copy_from(&mut self, other: &Self) {
        for (own, other) in self.tensors().into_iter().zip(other.tensors()) {
            if let (Some(own), Some(other)) = (own, other) {
                own.shallow_clone().copy_(other);
            }
        }
    }

    fn tensors(&self) -> [Option<&Tensor>; 4] {
        let [x, dt, mask] = self.input.tensors();
        [x, dt, mask, Some(&self.targets)]
    }
}
