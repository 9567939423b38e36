//! Images on the device, and batches gathered from them by index.

use crate::data::ImageSet;
use tch::{Device, Kind, Tensor};

/// Images and labels as tensors on the device: bytes stay bytes until a batch is gathered.
#[derive(Debug)]
pub struct LabelledImages {
    /// `[N, C, H, W]`, uint8.
    pub images: Tensor,
    /// `[N]`, int64.
    pub labels: Tensor,
}

impl LabelledImages {
    /// Moves a set to the device.
    pub fn on(device: Device, set: &ImageSet) -> Self {
        let shape: Vec<i64> = set.images.shape().iter().map(|&extent| extent as i64).collect();
        let images = set.images.as_standard_layout();
        let labels = set.labels.as_standard_layout();
        Self {
            images: Tensor::from_slice(images.as_slice().expect("standard layout")).view(&shape[..]).to_device(device),
            labels: Tensor::from_slice(labels.as_slice().expect("standard layout")).to_device(device),
        }
    }

    /// The part at `indices`.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let indices: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
        self.gather(&Tensor::from_slice(&indices).to_device(self.images.device()))
    }

    /// Number of images.
    pub fn len(&self) -> i64 {
        self.labels.size()[0]
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn gather(&self, indices: &Tensor) -> Self {
        Self { images: self.images.index_select(0, indices), labels: self.labels.index_select(0, indices) }
    }

    /// The images as float32 in 0..1.
    pub fn pixels(&self) -> Tensor {
        self.images.to_kind(Kind::Float) / 255.0
    }

    /// Consecutive blocks of at most `size` images.
    pub fn blocks(&self, size: i64) -> impl Iterator<Item = Self> {
        self.images
            .split(size, 0)
            .into_iter()
            .zip(self.labels.split(size, 0))
            .map(|(images, labels)| Self { images, labels })
    }
}

/// The batches of one epoch, in an order that depends on seed and epoch alone.
#[derive(Debug)]
pub struct Batches<'a> {
    set: &'a LabelledImages,
    order: Tensor,
    size: i64,
}

impl<'a> Batches<'a> {
    /// The batches of `epoch`.
    pub fn new(set: &'a LabelledImages, size: i64, seed: u64, epoch: u64) -> Self {
        seed_generators(seed, Stream::Order, epoch);
        let order = Tensor::randperm(set.len(), (Kind::Int64, Device::Cpu)).to_device(set.images.device());
        Self { set, order, size }
    }

    /// How many batches `count` images make. A single image left over joins no batch of its own, because a batch of one
    /// has no variance to normalise by: it is left out of that epoch.
    pub fn count(count: i64, size: i64) -> i64 {
        let whole = count / size;
        let rest = count % size;
        whole + i64::from(rest > 1 || (rest == 1 && whole == 0))
    }

    /// The batch number `step`.
    pub fn get(&self, step: i64) -> LabelledImages {
        let start = step * self.size;
        self.set.gather(&self.order.narrow(0, start, self.size.min(self.set.len() - start)))
    }
}

/// What random numbers are for: each purpose has its own stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Order = 1,
    Step = 2,
}

/// Seeds libtorch's generators from the run's seed, the purpose and a counter. Randomness is a function of the place in
/// the run, so a resumed run draws what the whole run would have drawn, and no generator state needs to be kept.
pub(crate) fn seed_generators(seed: u64, stream: Stream, counter: u64) {
    // SplitMix64's finaliser (Steele, Lea and Flood, 2014) over the three numbers.
    let mut x = seed;
    for word in [stream as u64, counter] {
        x = (x ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
    }
    tch::manual_seed(x.cast_signed());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: i64) -> LabelledImages {
        LabelledImages {
            images: Tensor::arange(count, (Kind::Uint8, Device::Cpu)).view([count, 1, 1, 1]),
            labels: Tensor::arange(count, (Kind::Int64, Device::Cpu)),
        }
    }

    fn order(seed: u64, epoch: u64) -> Vec<i64> {
        let set = numbered(50);
        let batches = Batches::new(&set, 8, seed, epoch);
        (0..Batches::count(50, 8)).flat_map(|i| Vec::<i64>::try_from(batches.get(i).labels).unwrap()).collect()
    }

    #[test]
    fn an_epoch_shows_every_image_once_in_an_order_of_its_own() {
        let mut first = order(0, 0);
        assert_ne!(first, order(0, 1));
        assert_ne!(first, order(1, 0));
        assert_eq!(first, order(0, 0));
        first.sort_unstable();
        assert_eq!(first, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn images_and_labels_stay_together() {
        let set = numbered(50);
        let batch = Batches::new(&set, 8, 3, 0).get(6);
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.images.flatten(0, -1).to_kind(Kind::Int64), batch.labels);
    }

    #[test]
    fn a_single_image_left_over_is_left_out() {
        assert_eq!(Batches::count(50, 8), 7);
        assert_eq!(Batches::count(49, 8), 6);
        assert_eq!(Batches::count(48, 8), 6);
        assert_eq!(Batches::count(1, 8), 1);
        assert_eq!(Batches::count(3, 1), 3);
    }
}
