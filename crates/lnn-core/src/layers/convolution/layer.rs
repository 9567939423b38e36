//! A two-dimensional convolution with "same" padding.

use crate::error::Error;
use crate::layers::convolution::winograd;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionConfig {
    /// Input channels.
    pub inputs: i64,
    /// Output channels.
    pub outputs: i64,
    /// Extent of the square kernel, odd.
    pub kernel: i64,
    /// Whether a bias is added; in front of a batch normalisation it has no effect.
    pub bias: bool,
}

/// A convolution of stride 1 that keeps height and width.
#[derive(Debug)]
pub struct Convolution {
    weight: Tensor,
    bias: Option<Tensor>,
    padding: i64,
}

impl Convolution {
    /// A trainable convolution with `weight [outputs, inputs, kernel, kernel]`, drawn by `init`, and a zero bias.
    ///
    /// # Errors
    /// [`Error::Value`] if the kernel is even or a size is below 1; those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, config: &ConvolutionConfig, init: &Init) -> Result<Self, Error> {
        let ConvolutionConfig { inputs, outputs, kernel, bias } = *config;
        if kernel < 1 || kernel % 2 == 0 {
            return Err(Error::Value { name: "kernel", expected: "odd", found: kernel.to_string() });
        }
        if inputs < 1 || outputs < 1 {
            let found = format!("{inputs} inputs, {outputs} outputs");
            return Err(Error::Value { name: "channels", expected: "at least 1", found });
        }
        let weight = scope.trainable("weight", &[outputs, inputs, kernel, kernel], init)?;
        let bias = bias.then(|| scope.trainable("bias", &[outputs], &Init::Constant(0.0))).transpose()?;
        Ok(Self { weight, bias, padding: kernel / 2 })
    }

    /// `x [B, inputs, H, W]` to `[B, outputs, H, W]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch throws, as it does for other shapes.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        if winograd::fits(x, &self.weight) {
            return winograd::convolve(x, &self.weight, self.bias.as_ref());
        }
        let (once, padding) = ([1, 1], [self.padding; 2]);
        Ok(x.f_conv2d(&self.weight, self.bias.as_ref(), once, padding, once, 1)?)
    }

    /// The layer in TorchScript.
    pub fn script(&self) -> Script {
        Script::new("Convolution", SCRIPT).attribute("padding", ScriptAttribute::Int(self.padding))
    }
}

/// The same in TorchScript.
const SCRIPT: &str = "
def forward(self, x: Tensor) -> Tensor:
    padding = [self.padding, self.padding]
    if hasattr(self, 'bias'):
        y = torch.conv2d(x, self.weight, self.bias, [1, 1], padding)
    else:
        y = torch.conv2d(x, self.weight, None, [1, 1], padding)
    return y
";
