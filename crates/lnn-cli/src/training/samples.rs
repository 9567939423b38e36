//! Labelled samples on the device: images, or what a model's fixed front makes of them.

use crate::data::ImageSet;
use crate::training::Augmentation;
use lnn_models::{Error, Model};
use tch::{Device, Kind, Tensor};

/// What the inputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Images `[N, C, H, W]`, uint8: bytes stay bytes until a batch is gathered.
    Images,
    /// Features `[N, D]`, float32, from the fixed front of the model that trains.
    Features,
}

/// Inputs and labels.
#[derive(Debug)]
pub struct Samples {
    /// See [`Form`].
    pub inputs: Tensor,
    /// `[N]`, int64.
    pub labels: Tensor,
    /// What the inputs are.
    pub form: Form,
}

impl Samples {
    /// Moves a set of images to the device.
    pub fn on(device: Device, set: &ImageSet) -> Self {
        let shape: Vec<i64> = set.images.shape().iter().map(|&extent| extent as i64).collect();
        let images = set.images.as_standard_layout();
        let labels = set.labels.as_standard_layout();
        let images = Tensor::from_slice(images.as_slice().expect("standard layout")).view(&shape[..]);
        let labels = Tensor::from_slice(labels.as_slice().expect("standard layout"));
        Self { inputs: images.to_device(device), labels: labels.to_device(device), form: Form::Images }
    }

    /// The part at `indices`.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let indices: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
        self.gather(&Tensor::from_slice(&indices).to_device(self.inputs.device()))
    }

    /// The part at `indices [M]`, int64.
    #[must_use]
    pub fn gather(&self, indices: &Tensor) -> Self {
        let [inputs, labels] = [&self.inputs, &self.labels].map(|tensor| tensor.index_select(0, indices));
        Self { inputs, labels, form: self.form }
    }

    /// Number of samples.
    pub fn len(&self) -> i64 {
        self.labels.size()[0]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Consecutive blocks of at most `size` samples.
    pub fn blocks(&self, size: i64) -> impl Iterator<Item = Self> {
        let parts = self.inputs.split(size, 0).into_iter().zip(self.labels.split(size, 0));
        parts.map(|(inputs, labels)| Self { inputs, labels, form: self.form })
    }

    /// The images as float32 in 0..1.
    pub fn pixels(&self) -> Tensor {
        self.inputs.to_kind(Kind::Float) / 255.0
    }

    /// Logits `[N, classes]`. With an augmentation, images are changed on the way and the model is in training.
    ///
    /// # Errors
    /// Those of [`Model::forward`].
    pub fn logits(&self, model: &Model, augmentation: Option<&Augmentation>) -> Result<Tensor, Error> {
        match (self.form, augmentation) {
            (Form::Features, _) => model.head(&self.inputs, augmentation.is_some()),
            (Form::Images, Some(augmentation)) => model.forward(&augmentation.apply(&self.pixels()), true),
            (Form::Images, None) => model.forward(&self.pixels(), false),
        }
    }
}
