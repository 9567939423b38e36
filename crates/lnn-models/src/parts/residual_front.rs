//! A small residual convolutional front: fixed whitened patches, then blocks that halve the image.
//!
//! ```text
//! x = gelu(whiten(image))
//! x = gelu(bn(pool(conv(x)))),   x = x + gelu(bn(conv(x)))          for each block
//! ```
//! Kernels start as the identity, therefore the image reaches the output of all blocks in the first training steps.
//!
//! Source: the residual network of He et al. (2016), in the short form of Page, "How to train your ResNet" (2019).

use crate::error::Error;
use lnn_core::{Activation, BatchNorm, Convolution, ConvolutionConfig, Init, Scope, Script, Whitening};
use tch::Tensor;

/// Extent of the whitened patches.
const PATCH: i64 = 2;

/// The front.
#[derive(Debug)]
pub(crate) struct ResidualFront {
    whitening: Whitening,
    blocks: Vec<Block>,
    map: [i64; 3],
}

#[derive(Debug)]
struct Block {
    reduce: (Convolution, BatchNorm),
    refine: (Convolution, BatchNorm),
}

impl ResidualFront {
    /// A front of `model` for images `[C, H, W]` with a block for each of `channels`.
    pub(crate) fn new(
        scope: &mut Scope<'_>,
        image: [i64; 3],
        channels: &[i64],
        model: &'static str,
    ) -> Result<Self, Error> {
        let whitening = Whitening::new(&mut scope.child("whitening"), image[0], PATCH)?;
        let mut map = [whitening.outputs(), image[1] + 1 - PATCH, image[2] + 1 - PATCH];
        let mut blocks = Vec::with_capacity(channels.len());
        for (i, &outputs) in channels.iter().enumerate() {
            let [inputs, height, width] = map;
            if height < 2 || width < 2 {
                let reason = format!(
                    "images of {} x {} are too small for a front of {} blocks",
                    image[1],
                    image[2],
                    channels.len()
                );
                return Err(Error::Config { model, reason });
            }
            let mut scope = scope.child(&format!("block{i}"));
            let mut layer = |name: &str, inputs| -> Result<_, Error> {
                let mut scope = scope.child(name);
                let sizes = ConvolutionConfig { inputs, outputs, kernel: 3, bias: false };
                let convolution = Convolution::new(&mut scope.child("convolution"), &sizes, &Init::Identity)?;
                Ok((convolution, BatchNorm::new(&mut scope.child("normalization"), outputs)?))
            };
            blocks.push(Block { reduce: layer("reduce", inputs)?, refine: layer("refine", outputs)? });
            map = [outputs, height / 2, width / 2];
        }
        Ok(Self { whitening, blocks, map })
    }

    /// `[C, H, W]` of its output.
    pub(crate) fn map(&self) -> [i64; 3] {
        self.map
    }

    /// Computes the whitening from standardised training images `[N, C, H, W]`.
    pub(crate) fn fit(&self, images: &Tensor) -> Result<(), Error> {
        Ok(self.whitening.fit(images)?)
    }

    /// Computes a map from standardised images `[B, C, H, W]`.
    pub(crate) fn forward(&self, x: &Tensor, training: bool) -> Result<Tensor, Error> {
        // Channels last in memory, shape unchanged: the convolutions are faster so.
        let mut x = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        x = self.whitening.forward(&x).gelu("none");
        for Block { reduce, refine } in &self.blocks {
            x = reduce.1.activated(&reduce.0.forward(&x)?, true, Activation::Gelu, training)?;
            // Not in place: the backward pass of the convolution needs x as it was.
            x = &x + refine.1.activated(&refine.0.forward(&x)?, false, Activation::Gelu, training)?;
        }
        Ok(x)
    }

    /// The front in TorchScript.
    pub(crate) fn script(&self) -> Script {
        let blocks: Vec<_> =
            (0..self.blocks.len()).map(|i| format!("    x = self.block{i}.forward(x)\n")).collect();
        let script = Script::new("ResidualFront", SCRIPT.replace("    BLOCKS\n", &blocks.concat()));
        let layer = |(convolution, normalization): &(Convolution, BatchNorm)| {
            Script::new("NormalizedConvolution", LAYER)
                .part("convolution", convolution.script())
                .part("normalization", normalization.script())
        };
        self.blocks.iter().enumerate().fold(
            script.part("whitening", self.whitening.script()),
            |script, (i, block)| {
                let part = Script::new("ResidualBlock", BLOCK)
                    .part("reduce", layer(&block.reduce))
                    .part("refine", layer(&block.refine));
                script.part(format!("block{i}"), part)
            },
        )
    }
}

/// [`ResidualFront::forward`] in TorchScript; `BLOCKS` stands for the calls of the blocks.
const SCRIPT: &str = "
def forward(self, x: Tensor) -> Tensor:
    x = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
    x = torch.gelu(self.whitening.forward(x))
    BLOCKS
    return x
";

const BLOCK: &str = "
def forward(self, x: Tensor) -> Tensor:
    x = self.reduce.forward(x, True)
    return x + self.refine.forward(x, False)
";

const LAYER: &str = "
def forward(self, x: Tensor, pool: bool) -> Tensor:
    x = self.convolution.forward(x)
    if pool:
        x = torch.max_pool2d(x, [2, 2], [2, 2])
    return torch.gelu(self.normalization.forward(x))
";
