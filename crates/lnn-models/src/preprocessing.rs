//! Standardisation of the input: `(x - mean) / deviation`, with numbers from the training set.

use crate::{Error, InputSpec};
use lnn_core::{Init, Moments, Scope, Script};
use lnn_sys::ScriptAttribute;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// Over which pixels the mean and deviation are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standardization {
    /// One mean and deviation a channel.
    Channels,
    /// One mean and deviation an image column, over all channels and rows: the scaler of the articles, which see an
    /// image as rows of features. A column that is nearly always black gets a huge scale.
    Columns,
}

impl Standardization {
    fn shape(self, input: &InputSpec) -> [i64; 4] {
        match self {
            Self::Channels => [1, input.channels, 1, 1],
            Self::Columns => [1, 1, 1, input.width],
        }
    }
}

/// The standardisation of a model, kept in its buffers `mean` and `deviation`.
#[derive(Debug)]
pub(crate) struct Preprocessing {
    mean: Tensor,
    deviation: Tensor,
    standardization: Standardization,
}

impl Preprocessing {
    /// Buffers that leave the input as it is until [`fit`](Self::fit) or a checkpoint fills them.
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        kind: Standardization,
        input: &InputSpec,
    ) -> Result<Self, Error> {
        let shape = kind.shape(input);
        Ok(Self {
            mean: scope.buffer("mean", &shape, &Init::Constant(0.0))?,
            deviation: scope.buffer("deviation", &shape, &Init::Constant(1.0))?,
            standardization: kind,
        })
    }

    /// Takes mean and deviation from images `[N, C, H, W]` in uint8, as parts of 255. A deviation of 0 becomes 1.
    pub(crate) fn fit(&mut self, images: &Tensor) -> Result<(), Error> {
        let mut moments = Moments::over(match self.standardization {
            Standardization::Channels => &[0, 2, 3],
            Standardization::Columns => &[0, 1, 2],
        });
        // Blocks bound the memory of the float copies.
        for block in images.split(4096, 0) {
            moments.add(&(block.to_kind(Kind::Double) / 255.0))?;
        }
        let Some((mean, deviation)) = moments.mean_and_deviation(1e-12, 1.0) else { return Ok(()) };
        self.mean.f_copy_(&mean)?;
        self.deviation.f_copy_(&deviation)?;
        Ok(())
    }

    /// Standardises `x [B, C, H, W]`.
    pub(crate) fn apply(&self, x: &Tensor) -> Tensor {
        (x - &self.mean) / &self.deviation
    }

    /// The same in TorchScript, behind a check of the input.
    #[expect(clippy::unused_self, reason = "every part is asked for its script in the same way")]
    pub(crate) fn script(&self, input: &InputSpec) -> Script {
        Script::new("Preprocessing", SCRIPT)
            .attribute("channels", ScriptAttribute::Int(input.channels))
            .attribute("height", ScriptAttribute::Int(input.height))
            .attribute("width", ScriptAttribute::Int(input.width))
    }
}

/// The input check of [`InputSpec::check`] and the equation of [`Preprocessing::apply`].
const SCRIPT: &str = "
def forward(self, images: Tensor) -> Tensor:
    expected = [self.channels, self.height, self.width]
    fits = images.dim() == 4 and images.size()[1:] == expected
    assert fits, 'the model takes images [N, {}, {}, {}], found {}'.format(
        self.channels, self.height, self.width, images.size())
    assert images.is_floating_point(), 'the model takes floating-point images in 0..1; hint: images.float() / 255'
    return (images - self.mean) / self.deviation
";

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::Parameters;
    use tch::Device;

    fn fitted(kind: Standardization, images: &Tensor) -> Tensor {
        let size = images.size();
        let input = InputSpec { channels: size[1], height: size[2], width: size[3], class_names: vec![] };
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let mut preprocessing = Preprocessing::new(&mut parameters.root(), kind, &input).unwrap();
        preprocessing.fit(images).unwrap();
        preprocessing.apply(&(images.to_kind(Kind::Float) / 255.0))
    }

    #[test]
    fn the_training_set_has_mean_zero_and_deviation_one_along_its_kind() {
        tch::manual_seed(0);
        let images = Tensor::randint(256, [5000, 2, 3, 4], (Kind::Uint8, Device::Cpu));
        for (kind, dims) in [(Standardization::Channels, [0, 2, 3]), (Standardization::Columns, [0, 1, 2])] {
            let x = fitted(kind, &images);
            assert!(x.mean_dim(&dims[..], false, Kind::Float).abs().max().double_value(&[]) < 1e-4);
            let deviation = x.std_dim(&dims[..], false, false);
            assert!((deviation - 1.0).abs().max().double_value(&[]) < 1e-4);
        }
    }

    #[test]
    fn a_column_that_never_changes_stays_finite() {
        let images = Tensor::full([10, 1, 2, 2], 7, (Kind::Uint8, Device::Cpu));
        let x = fitted(Standardization::Columns, &images);
        assert!(x.abs().max().double_value(&[]) < 1e-6);
    }
}
