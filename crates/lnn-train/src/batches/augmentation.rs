//! Random affine changes of a batch of images, as tensor operations on the device.

use lnn_core::random::{of_share, rand, randint};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use tch::{Device, Kind, Tensor};

// The codes that libtorch uses for the modes of `grid_sampler`.
const BILINEAR: i64 = 0;
const ZEROS: i64 = 0;

/// Limits of the random changes of training images; 0 everywhere changes nothing. Each amount is drawn uniformly from ±
/// its limit, for each image independently.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Rotation in degrees.
    pub rotation: f64,
    /// Zoom, as a fraction of the size.
    pub zoom: f64,
    /// Shift in pixels, vertically and horizontally.
    pub shift: f64,
    /// Shear, as the tangent of its angle.
    pub shear: f64,
    /// Whether images are mirrored left to right: half of them in one epoch, the other half in the next.
    #[serde(default)]
    pub flip: bool,
    /// A window of the image's size is cut out of the image padded by this number of mirrored pixels on each side.
    #[serde(default)]
    pub crop: i64,
    /// Side length in pixels of a square that is replaced by the mean colour of the batch.
    #[serde(default)]
    pub cutout: i64,
}

impl Augmentation {
    /// No change.
    pub const NONE: Self =
        Self { rotation: 0.0, zoom: 0.0, shift: 0.0, shear: 0.0, flip: false, crop: 0, cutout: 0 };

    /// Describes the first invalid amount; `None` if all are valid.
    pub fn problem(&self) -> Option<String> {
        let amounts = [self.rotation, self.zoom, self.shift, self.shear];
        if amounts.iter().any(|amount| !(amount.is_finite() && *amount >= 0.0)) {
            return Some(format!("amounts must be finite and at least 0, found {amounts:?}"));
        }
        if self.crop < 0 || self.cutout < 0 {
            return Some(format!(
                "crop and cutout must be at least 0, found {} and {}",
                self.crop, self.cutout
            ));
        }
        (self.zoom >= 1.0).then(|| format!("zoom must be below 1, found {}", self.zoom))
    }

    /// Describes the first amount that does not fit images `[H, W]`; `None` if all fit.
    pub fn problem_with(&self, [height, width]: [i64; 2]) -> Option<String> {
        let smaller = height.min(width);
        // Padding mirrors pixels of the image, and the cutout must leave some of them.
        (self.crop >= smaller || self.cutout >= smaller).then(|| {
            format!(
                "crop and cutout must be below {smaller}, the extent of the images, found {} and {}",
                self.crop, self.cutout
            )
        })
    }

    /// Changes `images [B, C, H, W]`. Random numbers are drawn on the CPU, so that every device applies the same
    /// changes. `mirrored [B]` is 1 for the images that a flip mirrors and 0 for the others.
    pub fn apply(&self, images: &Tensor, mirrored: &Tensor) -> Tensor {
        let mut images = images.shallow_clone();
        if [self.rotation, self.zoom, self.shift, self.shear].iter().any(|amount| *amount > 0.0) {
            images = self.warp(&images);
        }
        if self.flip || self.crop > 0 {
            images = self.window(&images, mirrored);
        }
        if self.cutout > 0 {
            images = self.wipe(&images);
        }
        images
    }

    /// Applies rotation, zoom, shift and shear; pixels from outside the image are 0.
    fn warp(&self, images: &Tensor) -> Tensor {
        let size = images.size();
        let (batch, height, width) = (size[0], size[2] as f64, size[3] as f64);
        let draw = for_each(batch, 1, |batch| rand([5, batch], (Kind::Float, Device::Cpu))) * 2.0 - 1.0;
        let amount = |i: i64, limit: f64| draw.get(i) * limit;
        let angle = amount(0, self.rotation * PI / 180.0);
        let (zoom, shear) = (amount(1, self.zoom) + 1.0, amount(2, self.shear));
        let (cos, sin) = (angle.cos() * &zoom, angle.sin() * &zoom);
        // Grid coordinates run from -1 to 1 over the whole extent: one pixel is 2 / extent, in a wide image less in x than in y.
        let (y_in_x, x_in_y) = (height / width, width / height);
        let rows = [
            Tensor::stack(
                &[&cos, &((&shear * &cos - &sin) * y_in_x), &amount(3, self.shift * 2.0 / width)],
                1,
            ),
            Tensor::stack(
                &[&(&sin * x_in_y), &(&shear * &sin + &cos), &amount(4, self.shift * 2.0 / height)],
                1,
            ),
        ];
        let theta = sent(&Tensor::stack(&rows, 1).to_kind(images.kind()), images.device());
        let grid = Tensor::affine_grid_generator(&theta, &size, false);
        images.grid_sampler(&grid, BILINEAR, ZEROS, false)
    }

    /// Mirrors images and shifts the crop window of each image.
    fn window(&self, images: &Tensor, mirrored: &Tensor) -> Tensor {
        let [batch, channels, height, width] = images.size()[..] else {
            unreachable!("images have four extents")
        };
        let drawn = |batch: i64| randint(2 * self.crop + 1, [2, batch, 1], (Kind::Int64, Device::Cpu));
        let offsets = for_each(batch, 1, drawn);
        let offsets = sent(&offsets, images.device());
        let place = |extent| Tensor::arange(extent, (Kind::Int64, images.device())).unsqueeze(0);
        let mut columns = place(width) + offsets.get(1);
        if self.flip {
            columns += mirrored.unsqueeze(1) * ((width - 1) - place(width) * 2);
        }
        let rows = place(height) + offsets.get(0);
        let padded = match self.crop {
            0 => images.shallow_clone(),
            crop => images.reflection_pad2d([crop, crop, crop, crop]),
        };
        let rows = rows.view([batch, 1, height, 1]).expand([-1, channels, -1, padded.size()[3]], false);
        let columns = columns.view([batch, 1, 1, width]).expand([-1, channels, height, -1], false);
        padded.gather(2, &rows, false).gather(3, &columns, false)
    }

    /// Replaces a square of each image by the mean colour of the batch.
    fn wipe(&self, images: &Tensor) -> Tensor {
        let [batch, _, height, width] = images.size()[..] else { unreachable!("images have four extents") };
        let host = (Kind::Int64, Device::Cpu);
        let inside = |extent: i64| {
            let drawn = |batch: i64| randint(extent - self.cutout + 1, [batch, 1], host);
            let start = for_each(batch, 0, drawn);
            let from_start = Tensor::arange(extent, host).unsqueeze(0) - start;
            sent(&from_start.ge(0).logical_and(&from_start.lt(self.cutout)), images.device())
        };
        let square =
            inside(height).view([batch, 1, height, 1]).logical_and(&inside(width).view([batch, 1, 1, width]));
        let colour = images.mean_dim(&[0i64, 2, 3][..], true, images.kind());
        colour.where_self(&square, images)
    }
}

/// The numbers of `batch` images along dimension `axis` of what `draw` draws, if other ranks have other images of the batch.
fn for_each(batch: i64, axis: i64, draw: impl FnOnce(i64) -> Tensor) -> Tensor {
    let drawn: Result<Tensor, lnn_core::Error> = of_share(batch, axis, |batch| Ok(draw(batch)));
    drawn.unwrap_or_else(|error| panic!("random numbers: {error}"))
}

/// Copies numbers that were drawn on the CPU to `device`, without waiting for work that is queued there.
fn sent(drawn: &Tensor, device: Device) -> Tensor {
    drawn.to_device_(device, drawn.kind(), true, false)
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

    /// The value of `mirrored` for 64 images that all show the same side.
    fn sides(mirrored: i64) -> Tensor {
        Tensor::full([64], mirrored, (Kind::Int64, Device::Cpu))
    }

    #[test]
    fn no_amounts_leave_the_batch_as_it_is() {
        assert_eq!(Augmentation::NONE.apply(&image(), &sides(0)), image());
    }

    #[test]
    fn a_shift_moves_each_image_its_own_way_and_keeps_its_mass() {
        let shifted = Augmentation { shift: 2.0, ..Augmentation::NONE }.apply(&image(), &sides(0));
        let mass = shifted.sum_dim_intlist(&[1i64, 2, 3][..], false, Kind::Float);
        assert!((mass - 9.0).abs().max().double_value(&[]) < 1e-4);
        let rows = shifted.sum_dim_intlist(&[1i64, 3][..], false, Kind::Float);
        assert!(rows.std_dim(&[0i64][..], true, false).max().double_value(&[]) > 0.1);
    }

    #[test]
    fn a_round_spot_in_a_wide_image_stays_round_however_it_is_turned() {
        let options = (Kind::Float, Device::Cpu);
        let squares = |extent: i64| (Tensor::arange(extent, options) - (extent - 1) as f64 / 2.0).square();
        let (rows, columns) = (squares(16).view([16, 1]), squares(40).view([1, 40]));
        let spot = ((&rows + &columns) * (-1.0 / 8.0)).exp();
        let turned = Augmentation { rotation: 45.0, ..Augmentation::NONE }
            .apply(&spot.view([1, 1, 16, 40]).repeat([64, 1, 1, 1]), &sides(0));
        // The mean square distance from the centre, vertically and horizontally: 2² for this spot.
        for distance in [rows, columns] {
            let spread = (&turned * &distance).sum_dim_intlist(&[1i64, 2, 3][..], false, Kind::Float)
                / turned.sum_dim_intlist(&[1i64, 2, 3][..], false, Kind::Float);
            assert!((spread - 4.0).abs().max().double_value(&[]) < 0.5);
        }
    }

    #[test]
    fn the_same_generator_state_gives_the_same_changes() {
        let all = Augmentation {
            rotation: 10.0,
            zoom: 0.1,
            shift: 2.0,
            shear: 0.1,
            flip: true,
            crop: 2,
            cutout: 3,
        };
        let changed = |seed| seeded(seed, || all.apply(&image(), &sides(1)));
        assert_eq!(changed(5), changed(5));
        assert_ne!(changed(5), changed(6));
    }

    /// 64 images of one channel whose pixels are 10 · row + column.
    fn numbered() -> Tensor {
        let place = Tensor::arange(6, (Kind::Float, Device::Cpu));
        let image = place.view([6, 1]) * 10.0 + place.view([1, 6]);
        image.view([1, 1, 6, 6]).repeat([64, 1, 1, 1])
    }

    #[test]
    fn a_flip_mirrors_the_chosen_images_whole_and_no_other() {
        let flip = Augmentation { flip: true, ..Augmentation::NONE };
        let sides = Tensor::arange(64, (Kind::Int64, Device::Cpu)).remainder(2);
        let flipped = flip.apply(&numbered(), &sides);
        let chosen = sides.view([-1, 1, 1, 1]).eq(1);
        assert_eq!(flipped, numbered().flip([3]).where_self(&chosen, &numbered()));
        assert_eq!(Augmentation { flip: false, ..flip }.apply(&numbered(), &sides), numbered());
    }

    #[test]
    fn a_crop_is_a_window_of_the_image_continued_by_its_mirror() {
        let crop = Augmentation { crop: 2, ..Augmentation::NONE };
        let cropped = seeded(2, || crop.apply(&numbered(), &sides(1)));
        let padded = numbered().narrow(0, 0, 1).reflection_pad2d([2, 2, 2, 2]);
        let mut windows = std::collections::HashSet::new();
        for image in cropped.split(1, 0) {
            let place = (0..25).find(|i| image == padded.narrow(2, i / 5, 6).narrow(3, i % 5, 6));
            windows.insert(place.expect("each image is one of the 25 windows"));
        }
        assert!(windows.len() > 15);
    }

    #[test]
    fn a_cutout_wipes_one_square_and_leaves_the_rest() {
        let cutout = Augmentation { cutout: 3, ..Augmentation::NONE };
        let wiped = seeded(3, || cutout.apply(&numbered(), &sides(1)));
        let changed = wiped.ne_tensor(&numbered()).flatten(1, -1).sum_dim_intlist(1, false, Kind::Int64);
        assert_eq!((changed.min().int64_value(&[]), changed.max().int64_value(&[])), (9, 9));
        assert!((wiped.min().double_value(&[]), wiped.max().double_value(&[])) == (0.0, 55.0));
    }

    #[test]
    fn senseless_amounts_are_named() {
        assert!(Augmentation { crop: -1, ..Augmentation::NONE }.problem().unwrap().contains("crop"));
        let large = Augmentation { cutout: 28, ..Augmentation::NONE };
        assert!(large.problem().is_none() && large.problem_with([28, 32]).unwrap().contains("below 28"));
        assert!(Augmentation { zoom: 1.0, ..Augmentation::NONE }.problem().unwrap().contains("zoom"));
        assert!(Augmentation { shift: -1.0, ..Augmentation::NONE }.problem().is_some());
        assert!(Augmentation { shift: f64::NAN, ..Augmentation::NONE }.problem().is_some());
        assert!(Augmentation::NONE.problem().is_none());
    }
}
