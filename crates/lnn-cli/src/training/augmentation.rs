//! Random affine changes of a batch of images, as tensor operations on the device.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use tch::{Device, Kind, Tensor};

// libtorch's numbers for the modes of `grid_sampler`.
const BILINEAR: i64 = 0;
const ZEROS: i64 = 0;

/// How far images may be changed; 0 everywhere changes nothing. Each amount is drawn uniformly from ± its limit, for
/// each image on its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Rotation in degrees.
    pub rotation: f64,
    /// Zoom, as a part of the size.
    pub zoom: f64,
    /// Shift in pixels, along rows and columns.
    pub shift: f64,
    /// Shear, as the tangent of its angle.
    pub shear: f64,
}

impl Augmentation {
    /// No change.
    pub const NONE: Self = Self { rotation: 0.0, zoom: 0.0, shift: 0.0, shear: 0.0 };

    /// What is wrong with the amounts, if anything.
    pub fn problem(&self) -> Option<String> {
        let amounts = [self.rotation, self.zoom, self.shift, self.shear];
        if amounts.iter().any(|amount| !(amount.is_finite() && *amount >= 0.0)) {
            return Some(format!("amounts must be finite and at least 0, found {amounts:?}"));
        }
        (self.zoom >= 1.0).then(|| format!("zoom must be below 1, found {}", self.zoom))
    }

    /// Changes `images [B, C, H, W]`, filling with zeros from outside. Draws from libtorch's CPU generator, so that
    /// every device sees the same changes.
    pub fn apply(&self, images: &Tensor) -> Tensor {
        if *self == Self::NONE {
            return images.shallow_clone();
        }
        let size = images.size();
        let (batch, height, width) = (size[0], size[2] as f64, size[3] as f64);
        let draw = Tensor::rand([5, batch], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
        let amount = |i: i64, limit: f64| draw.get(i) * limit;
        let angle = amount(0, self.rotation * PI / 180.0);
        let (zoom, shear) = (amount(1, self.zoom) + 1.0, amount(2, self.shear));
        let (cos, sin) = (angle.cos() * &zoom, angle.sin() * &zoom);
        // Grid coordinates run from -1 to 1 over the whole extent: a pixel is 2 / extent.
        let rows = [
            Tensor::stack(&[&cos, &(&shear * &cos - &sin), &amount(3, self.shift * 2.0 / width)], 1),
            Tensor::stack(&[&sin, &(&shear * &sin + &cos), &amount(4, self.shift * 2.0 / height)], 1),
        ];
        let theta = Tensor::stack(&rows, 1).to_device(images.device());
        let grid = Tensor::affine_grid_generator(&theta, &size, false);
        images.grid_sampler(&grid, BILINEAR, ZEROS, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::seeded;

    fn image() -> Tensor {
        let image = Tensor::zeros([64, 1, 9, 9], (Kind::Float, Device::Cpu));
        let _ = image.narrow(2, 3, 3).narrow(3, 3, 3).fill_(1.0);
        image
    }

    #[test]
    fn no_amounts_leave_the_batch_as_it_is() {
        assert_eq!(Augmentation::NONE.apply(&image()), image());
    }

    #[test]
    fn a_shift_moves_each_image_its_own_way_and_keeps_its_mass() {
        let shifted = Augmentation { shift: 2.0, ..Augmentation::NONE }.apply(&image());
        let mass = shifted.sum_dim_intlist(&[1i64, 2, 3][..], false, Kind::Float);
        assert!((mass - 9.0).abs().max().double_value(&[]) < 1e-4);
        let rows = shifted.sum_dim_intlist(&[1i64, 3][..], false, Kind::Float);
        assert!(rows.std_dim(&[0i64][..], true, false).max().double_value(&[]) > 0.1);
    }

    #[test]
    fn the_same_generator_state_gives_the_same_changes() {
        let all = Augmentation { rotation: 10.0, zoom: 0.1, shift: 2.0, shear: 0.1 };
        let changed = |seed| seeded(seed, || all.apply(&image()));
        assert_eq!(changed(5), changed(5));
        assert_ne!(changed(5), changed(6));
    }

    #[test]
    fn senseless_amounts_are_named() {
        assert!(Augmentation { zoom: 1.0, ..Augmentation::NONE }.problem().unwrap().contains("zoom"));
        assert!(Augmentation { shift: -1.0, ..Augmentation::NONE }.problem().is_some());
        assert!(Augmentation { shift: f64::NAN, ..Augmentation::NONE }.problem().is_some());
        assert!(Augmentation::NONE.problem().is_none());
    }
}
