//! The order in which an image, or a map of features, becomes a sequence.

use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How `[B, C, H, W]` is read as a sequence `[B, T, I]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scan {
    /// Everything at one step: T = 1, I = C·H·W.
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
}

impl Scan {
    /// `[T, I]` of the sequence that an image `[channels, height, width]` becomes.
    pub fn extents(self, [channels, height, width]: [i64; 3]) -> [i64; 2] {
        match self {
            Self::Whole => [1, channels * height * width],
            Self::Rows | Self::RowsReversed => [height, channels * width],
            Self::Columns | Self::ColumnsReversed => [width, channels * height],
            Self::Positions => [height * width, channels],
        }
    }

    /// Reads `x [B, C, H, W]` as `[B, T, I]`.
    pub fn apply(self, x: &Tensor) -> Tensor {
        let sequence = match self {
            Self::Whole => x.flatten(1, -1).unsqueeze(1),
            Self::Rows | Self::RowsReversed => x.permute([0, 2, 1, 3]).flatten(2, -1),
            Self::Columns | Self::ColumnsReversed => x.permute([0, 3, 1, 2]).flatten(2, -1),
            Self::Positions => x.flatten(2, -1).transpose(1, 2),
        };
        match self {
            Self::RowsReversed | Self::ColumnsReversed => sequence.flip([1]),
            _ => sequence,
        }
    }

    /// The same of `x` as an expression of TorchScript.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Self::Whole => "x.flatten(1).unsqueeze(1)",
            Self::Rows => "x.permute([0, 2, 1, 3]).flatten(2)",
            Self::RowsReversed => "x.permute([0, 2, 1, 3]).flatten(2).flip([1])",
            Self::Columns => "x.permute([0, 3, 1, 2]).flatten(2)",
            Self::ColumnsReversed => "x.permute([0, 3, 1, 2]).flatten(2).flip([1])",
            Self::Positions => "x.flatten(2).transpose(1, 2)",
        }
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
    }

    #[test]
    fn a_window_shows_the_neighbours_and_zeros_beyond_the_ends() {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0]).view([1, 3, 1]);
        let joined = with_neighbours(&x, 3);
        let expected = Tensor::from_slice(&[0.0f32, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0]).view([1, 3, 3]);
        assert_eq!(joined, expected);
    }
}
