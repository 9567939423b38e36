//! Max pooling of 2×2 over some images `[height, width, channels]` on one thread, and its backward pass.

use pulp::{Simd, WithSimd};

/// Height, width and channels of an image before the pooling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extents {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Extents {
    /// Number of elements of an image.
    pub(crate) fn numbers(self) -> usize {
        self.height * self.width * self.channels
    }

    /// The extents after a pooling of 2×2; an odd last line or column is left out.
    pub(crate) fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }

    /// The places of the four pixels of a window, at their first channel.
    #[inline(always)]
    fn window(self, row: usize, column: usize) -> [usize; 4] {
        let first = (2 * row * self.width + 2 * column) * self.channels;
        let below = first + self.width * self.channels;
        [first, first + self.channels, below, below + self.channels]
    }
}

/// The maximum of each window, and its place: the first of equals, or the last that is NaN, as in libtorch.
pub(crate) struct PoolPart<'a> {
    pub(crate) extents: Extents,
    pub(crate) x: &'a [f32],
    pub(crate) pooled: &'a mut [f32],
    pub(crate) places: &'a mut [u8],
}

impl WithSimd for PoolPart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (extents, after, channels) = (self.extents, self.extents.pooled(), self.extents.channels);
        let images = self.x.chunks_exact(extents.numbers());
        let out =
            self.pooled.chunks_exact_mut(after.numbers()).zip(self.places.chunks_exact_mut(after.numbers()));
        for (image, (pooled, places)) in images.zip(out) {
            let pixels = pooled.chunks_exact_mut(channels).zip(places.chunks_exact_mut(channels));
            for (i, (pooled, places)) in pixels.enumerate() {
                let window = extents.window(i / after.width, i % after.width);
                let [a, b, c, d] = window.map(|from| &image[from..][..channels]);
                for (((((a, b), c), d), largest), place) in
                    a.iter().zip(b).zip(c).zip(d).zip(pooled).zip(places)
                {
                    let mut found = (*a, 0);
                    for (number, at) in [(*b, 1), (*c, 2), (*d, 3)] {
                        found = if number > found.0 || number.is_nan() { (number, at) } else { found };
                    }
                    (*largest, *place) = found;
                }
            }
        }
    }
}

/// The gradient before the pooling: that of a window belongs to its maximum.
pub(crate) struct UnpoolPart<'a> {
    pub(crate) extents: Extents,
    pub(crate) gradient: &'a [f32],
    pub(crate) places: &'a [u8],
    /// Out.
    pub(crate) of_x: &'a mut [f32],
}

impl WithSimd for UnpoolPart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (extents, after, channels) = (self.extents, self.extents.pooled(), self.extents.channels);
        let images =
            self.gradient.chunks_exact(after.numbers()).zip(self.places.chunks_exact(after.numbers()));
        for ((gradient, places), of_x) in images.zip(self.of_x.chunks_exact_mut(extents.numbers())) {
            // Pixels that no window covers.
            let line = extents.width * channels;
            of_x[after.height * 2 * line..].fill(0.0);
            if after.width * 2 < extents.width {
                of_x.chunks_exact_mut(line).for_each(|line| line[after.width * 2 * channels..].fill(0.0));
            }
            let pixels = gradient.chunks_exact(channels).zip(places.chunks_exact(channels));
            for (i, (gradient, places)) in pixels.enumerate() {
                let window = extents.window(i / after.width, i % after.width);
                for (at, from) in (0_u8..).zip(window) {
                    let of_x = &mut of_x[from..][..channels];
                    for ((of_x, gradient), place) in of_x.iter_mut().zip(gradient).zip(places) {
                        *of_x = if *place == at { *gradient } else { 0.0 };
                    }
                }
            }
        }
    }
}
