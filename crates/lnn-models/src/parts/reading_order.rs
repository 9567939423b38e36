//! The order in which an image, or a map of features, becomes a sequence.

use crate::error::Error;
use crate::parts::standardization::Standardization;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How `[B, C, H, W]` is read as a sequence `[B, T, I]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scan {
    /// The whole image as one step: T = 1, I = C·H·W.
    Whole,
    /// Row by row from the top: T = H, I = C·W.
    Rows,
    /// Row by row from the bottom.
    RowsReversed,
    /// Column by column from the left: T = W, I = C·H.
    Columns,
    /// Column by column from the right.
    ColumnsReversed,
    /// Position by position, row by row: T = H·W, I = C.
    Positions,
    /// Square patches, row by row of patches: I = C·size².
    Patches {
        /// Extent of a patch.
        size: i64,
        /// Distance between patches.
        stride: i64,
    },
    /// The same, column by column of patches.
    PatchesByColumn {
        /// Extent of a patch.
        size: i64,
        /// Distance between patches.
        stride: i64,
    },
}

impl Scan {
    /// `[T, I]` of the sequence that an image `[channels, height, width]` becomes.
    pub fn extents(self, [channels, height, width]: [i64; 3]) -> [i64; 2] {
        match self {
            Self::Whole => [1, channels * height * width],
            Self::Rows | Self::RowsReversed => [height, channels * width],
            Self::Columns | Self::ColumnsReversed => [width, channels * height],
            Self::Positions => [height * width, channels],
            Self::Patches { size, stride } | Self::PatchesByColumn { size, stride } => {
                let along = |extent: i64| if extent < size { 0 } else { (extent - size) / stride + 1 };
                [along(height) * along(width), channels * size * size]
            }
        }
    }

    /// Reads `x [B, C, H, W]` as `[B, T, I]`.
    pub fn apply(self, x: &Tensor) -> Tensor {
        let sequence = match self {
            Self::Whole => x.flatten(1, -1).unsqueeze(1),
            Self::Rows | Self::RowsReversed => x.permute([0, 2, 1, 3]).flatten(2, -1),
            Self::Columns | Self::ColumnsReversed => x.permute([0, 3, 1, 2]).flatten(2, -1),
            Self::Positions => x.flatten(2, -1).transpose(1, 2),
            // [B, C, rows, columns, size, size] before the axes change their places.
            Self::Patches { size, stride } => {
                let patches = x.unfold(2, size, stride).unfold(3, size, stride);
                patches.permute([0, 2, 3, 1, 4, 5]).flatten(3, -1).flatten(1, 2)
            }
            Self::PatchesByColumn { size, stride } => {
                let patches = x.unfold(2, size, stride).unfold(3, size, stride);
                patches.permute([0, 3, 2, 1, 4, 5]).flatten(3, -1).flatten(1, 2)
            }
        };
        match self {
            Self::RowsReversed | Self::ColumnsReversed => sequence.flip([1]),
            _ => sequence,
        }
    }

    /// [`apply`](Self::apply) of `x` as an expression of TorchScript.
    pub(crate) fn script(self) -> String {
        let patches = |size, stride, order| {
            format!(
                "x.unfold(2, {size}, {stride}).unfold(3, {size}, {stride}).permute({order}).flatten(3).flatten(1, 2)"
            )
        };
        match self {
            Self::Whole => "x.flatten(1).unsqueeze(1)".into(),
            Self::Rows => "x.permute([0, 2, 1, 3]).flatten(2)".into(),
            Self::RowsReversed => "x.permute([0, 2, 1, 3]).flatten(2).flip([1])".into(),
            Self::Columns => "x.permute([0, 3, 1, 2]).flatten(2)".into(),
            Self::ColumnsReversed => "x.permute([0, 3, 1, 2]).flatten(2).flip([1])".into(),
            Self::Positions => "x.flatten(2).transpose(1, 2)".into(),
            Self::Patches { size, stride } => patches(size, stride, "[0, 2, 3, 1, 4, 5]"),
            Self::PatchesByColumn { size, stride } => patches(size, stride, "[0, 3, 2, 1, 4, 5]"),
        }
    }

    /// Whether the statistics of a standardisation are the same at each step of the reading.
    pub(crate) fn stands_still(self, standardization: Standardization) -> bool {
        match standardization {
            Standardization::None | Standardization::Channels => true,
            Standardization::Columns => matches!(self, Self::Whole | Self::Rows | Self::RowsReversed),
        }
    }

    /// `[T, I]` of an image of `model`, or a refusal of patches that do not fit it.
    pub(crate) fn check(self, image: [i64; 3], model: &'static str) -> Result<[i64; 2], Error> {
        let refuse = |reason| Err(Error::Config { model, reason });
        if let Self::Patches { size, stride } | Self::PatchesByColumn { size, stride } = self {
            let [_, height, width] = image;
            if size < 1 || stride < 1 || size > height || size > width {
                return refuse(format!(
                    "patches need a size of 1 to {} and a stride of at least 1, found {size} and {stride}",
                    height.min(width)
                ));
            }
        }
        Ok(self.extents(image))
    }
}

/// Joins each step of `x [B, T, I]` with its neighbours: `[B, T, window·I]`, zeros beyond the ends. `window` is odd.
pub(crate) fn with_neighbours(x: &Tensor, window: i64) -> Tensor {
    if window == 1 {
        return x.shallow_clone();
    }
    let padded = x.constant_pad_nd([0, 0, window / 2, window / 2]);
    padded.unfold(1, window, 1).flatten(2, -1)
}

/// The same in TorchScript, as a method of a part with the attribute `window`.
pub(crate) const NEIGHBOURS_SCRIPT: &str = "
def with_neighbours(self, x: Tensor) -> Tensor:
    if self.window == 1:
        return x
    beyond = self.window // 2
    return torch.constant_pad_nd(x, [0, 0, beyond, beyond]).unfold(1, self.window, 1).flatten(2)
";

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// One image with 2 channels, 2 rows and 3 columns, numbered in memory order.
    fn image() -> Tensor {
        Tensor::arange(12, (Kind::Float, Device::Cpu)).view([1, 2, 2, 3])
    }

    fn steps(scan: Scan) -> Vec<Vec<f32>> {
        let sequence = scan.apply(&image()).squeeze_dim(0);
        assert_eq!(sequence.size(), scan.extents([2, 2, 3]));
        sequence.unbind(0).iter().map(|step| Vec::try_from(step).unwrap()).collect()
    }

    #[test]
    fn each_scan_reads_the_pixels_in_its_order() {
        assert_eq!(steps(Scan::Whole)[0], (0..12).map(|i| i as f32).collect::<Vec<_>>());
        assert_eq!(steps(Scan::Rows)[1], [3.0, 4.0, 5.0, 9.0, 10.0, 11.0]);
        assert_eq!(steps(Scan::RowsReversed)[0], steps(Scan::Rows)[1]);
        assert_eq!(steps(Scan::Columns)[2], [2.0, 5.0, 8.0, 11.0]);
        assert_eq!(steps(Scan::ColumnsReversed)[0], steps(Scan::Columns)[2]);
        assert_eq!(steps(Scan::Positions)[4], [4.0, 10.0]);
        assert_eq!(
            steps(Scan::Patches { size: 2, stride: 1 })[1],
            [1.0, 2.0, 4.0, 5.0, 7.0, 8.0, 10.0, 11.0]
        );
        let patches = Scan::Patches { size: 1, stride: 2 };
        assert_eq!(steps(patches), [[0.0, 6.0], [2.0, 8.0]]);
        assert_eq!(steps(Scan::PatchesByColumn { size: 1, stride: 1 })[1], [3.0, 9.0]);
    }

    #[test]
    fn patches_beyond_the_image_are_refused() {
        for (size, stride) in [(0, 1), (3, 1), (2, 0)] {
            assert!(Scan::Patches { size, stride }.check([2, 2, 3], "x").is_err(), "{size} {stride}");
        }
        assert_eq!(Scan::Patches { size: 2, stride: 5 }.check([2, 2, 3], "x").unwrap(), [1, 8]);
    }

    #[test]
    fn a_window_shows_the_neighbours_and_zeros_beyond_the_ends() {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0]).view([1, 3, 1]);
        let joined = with_neighbours(&x, 3);
        let expected = Tensor::from_slice(&[0.0f32, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0]).view([1, 3, 3]);
        assert_eq!(joined, expected);
    }
}
