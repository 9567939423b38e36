//! A decoded image, or the reason why there is none.

/// The maximum number of pixels of an image, because a file of some bytes may claim any number. Decoding takes up to 6 bytes each.
const MOST_PIXELS: u64 = 1 << 26;

/// A decoded image.
#[derive(Debug)]
pub(crate) struct Picture {
    /// `[C, H, W]`; C is 1 (grey) or 3 (red, green, blue).
    pub(crate) shape: [usize; 3],
    /// `[H, W, C]`, 0 to 255.
    pub(super) pixels: Vec<u8>,
}

impl Picture {
    /// Writes the pixels into `target` as `[C, H, W]`.
    pub(crate) fn write_planes(&self, target: &mut [u8]) {
        let [channels, height, width] = self.shape;
        for (channel, plane) in target.chunks_exact_mut(height * width).enumerate() {
            let values = self.pixels.iter().skip(channel).step_by(channels);
            plane.iter_mut().zip(values).for_each(|(pixel, value)| *pixel = *value);
        }
    }
}

/// The reason why a file cannot be decoded to a picture.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The file is damaged or not an image; contains what was found.
    Damaged(String),
    /// The image is neither 8-bit grey nor 8-bit RGB; contains what was found and how to correct it.
    Form(String, &'static str),
}

pub(super) const FLATTEN: &str = "put it on a background of one colour and save it without alpha";
pub(super) const CONVERT: &str = "convert it to RGB";

pub(super) fn claims_too_much(what: &str, [width, height]: [u64; 2]) -> Problem {
    Problem::Damaged(format!("{what} that claims {width} × {height} pixels, more than it can hold"))
}

/// Returns zeros for the pixels of an image, unless it claims too many.
pub(super) fn blank(channels: usize, [width, height]: [u64; 2]) -> Result<Vec<u8>, Problem> {
    if width.saturating_mul(height) > MOST_PIXELS {
        return Err(Problem::Form(format!("{width} × {height} pixels"), "scale it down"));
    }
    let mut pixels = Vec::new();
    let bytes = width as usize * height as usize * channels;
    pixels.try_reserve_exact(bytes).map_err(|_| {
        Problem::Form(format!("{width} × {height} pixels, more than fit into memory"), "scale it down")
    })?;
    pixels.resize(bytes, 0);
    Ok(pixels)
}
