//! Samples with their targets on the device: images, sequences, or what a model's fixed front makes of them.

use crate::data::{ImageSet, SequenceSet};
use crate::training::{Augmentation, Batch};
use lnn_models::{Error, Input, Mode, Model, Output};
use ndarray::{Array, Dimension};
use tch::{Device, Kind, Tensor};

/// What the inputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Images `[N, C, H, W]`, uint8: bytes stay bytes until a batch is gathered.
    Images,
    /// Sequences `[N, T, I]`, float32.
    Sequences,
    /// Features `[N, D]`, float32, from the fixed front of the model that trains.
    Features,
}

impl Form {
    /// What the model makes of inputs of this form: of features its head alone has something to make.
    pub(super) fn run(self, model: &Model, input: Input, mode: Mode) -> Result<Output, Error> {
        match self {
            Self::Features => model.head(&input, mode),
            Self::Images | Self::Sequences => model.run(input, mode),
        }
    }
}

/// Inputs and targets.
#[derive(Debug)]
pub struct Samples {
    /// See [`Form`].
    pub inputs: Tensor,
    /// `[N, T]`, float32: the time that passes in each step of sequences, if it is known.
    pub dt: Option<Tensor>,
    /// Labels `[N]`, int64, or values `[N, O]`, float32.
    pub targets: Tensor,
    /// What the inputs are.
    pub form: Form,
}

impl Samples {
    /// Moves a set of images to the device.
    pub fn of_images(set: &ImageSet, device: Device) -> Self {
        let (inputs, targets) = (on(device, &set.images), on(device, &set.labels));
        Self { inputs, dt: None, targets, form: Form::Images }
    }

    /// Moves a set of sequences to the device.
    pub fn of_sequences(set: &SequenceSet, device: Device) -> Self {
        let dt = set.dt.as_ref().map(|dt| on(device, dt));
        let (inputs, targets) = (on(device, &set.inputs), on(device, &set.targets));
        Self { inputs, dt, targets, form: Form::Sequences }
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
        self.map(|tensor| tensor.index_select(0, indices))
    }

    /// Number of samples.
    pub fn len(&self) -> i64 {
        self.targets.size()[0]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Consecutive blocks of at most `size` samples.
    pub fn blocks(&self, size: i64) -> impl Iterator<Item = Self> {
        let starts = (0..self.len()).step_by(size.max(1) as usize);
        starts.map(move |start| self.map(|tensor| tensor.narrow(0, start, size.min(self.len() - start))))
    }

    /// The inputs as a model takes them: images as float32 in 0..1.
    pub fn input(&self) -> Input {
        let x = match self.form {
            Form::Images => self.inputs.to_kind(Kind::Float) / 255.0,
            Form::Sequences | Form::Features => self.inputs.shallow_clone(),
        };
        Input { x, dt: self.dt.as_ref().map(Tensor::shallow_clone), mask: None }
    }

    /// What the model makes of the samples.
    ///
    /// # Errors
    /// Those of [`Model::run`].
    pub fn run(&self, model: &Model, mode: Mode) -> Result<Output, Error> {
        self.form.run(model, self.input(), mode)
    }

    /// A batch of all of them for a training step, images changed by `augmentation`; `mirrored` is that of
    /// [`Augmentation::apply`].
    pub fn changed(&self, augmentation: &Augmentation, mirrored: &Tensor) -> Batch {
        let input = match self.form {
            Form::Images => Input::new(augmentation.apply(&self.input().x, mirrored)),
            Form::Sequences | Form::Features => self.input(),
        };
        Batch { input, targets: self.targets.shallow_clone(), form: self.form }
    }

    fn map(&self, part: impl Fn(&Tensor) -> Tensor) -> Self {
        let [inputs, targets] = [&self.inputs, &self.targets].map(&part);
        Self { inputs, dt: self.dt.as_ref().map(&part), targets, form: self.form }
    }
}

fn on<T: tch::kind::Element + Clone, D: Dimension>(device: Device, array: &Array<T, D>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|&extent| extent as i64).collect();
    let array = array.as_standard_layout();
    Tensor::from_slice(array.as_slice().expect("standard layout")).view(&shape[..]).to_device(device)
}
