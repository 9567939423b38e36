//! The fully connected layer `y = x Wᵀ + b`, for example the readout of states.

use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use tch::Tensor;

/// A fully connected layer.
#[derive(Debug)]
pub struct Dense {
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    /// A trainable layer with `weight [outputs, inputs]`, Glorot uniform, and `bias [outputs]`, zero.
    ///
    /// # Errors
    /// Those of [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, inputs: i64, outputs: i64) -> Result<Self, Error> {
        Ok(Self {
            weight: scope.trainable("weight", &[outputs, inputs], &Init::GlorotUniform)?,
            bias: scope.trainable("bias", &[outputs], &Init::Constant(0.0))?,
        })
    }

    /// `x [.., inputs]` to `[.., outputs]`.
    ///
    /// # Panics
    /// If the last extent of `x` is not `inputs`, or its dtype or device is another than that of the layer.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    /// Sets weight and bias to given values of the same shapes.
    ///
    /// # Errors
    /// [`Error::Torch`] if the shapes do not fit.
    pub fn set(&self, weight: &Tensor, bias: &Tensor) -> Result<(), Error> {
        self.weight.detach().f_copy_(weight)?;
        self.bias.detach().f_copy_(bias)?;
        Ok(())
    }

    /// The weight `[outputs, inputs]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias `[outputs]`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// The layer in TorchScript.
    pub fn script(&self) -> Script {
        Script::new("Dense", SCRIPT)
    }
}

/// The same in TorchScript.
const SCRIPT: &str = "
def forward(self, x: Tensor) -> Tensor:
    return torch.linear(x, self.weight, self.bias).to(self.weight.dtype)
";
