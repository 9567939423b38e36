//! IDX, the format of the MNIST family: a magic number, big-endian u32 extents, then bytes, row by row.
//!
//! | bytes | images | labels |
//! |---|---|---|
//! | 0–3 | `0x00000803` for `[N,H,W]`, `0x00000804` for `[N,C,H,W]` | `0x00000801` |
//! | 4–… | three or four extents | N |
//! | then | N·C·H·W pixels, 0 to 255 | N labels |
//!
//! A file may be gzipped; its first two bytes decide, not its name. The size is checked exactly, before any memory is
//! allocated, because a header may specify any size.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ndarray::{Array1, Array4};

use crate::error::DataError;
use crate::memory::usable_memory;

const LABELS: u32 = 0x0801;
const GREY_IMAGES: u32 = 0x0803;
const COLOUR_IMAGES: u32 = 0x0804;

/// The maximum compression factor of Deflate (RFC 1951: 258 bytes in two bits).
const MOST_DEFLATE_CAN_SHRINK: u64 = 1032;

/// Reads images `[N,C,H,W]`, 0 to 255; a file with three extents has C = 1.
///
/// # Errors
/// [`DataError::WrongMagic`], [`DataError::BadExtents`], [`DataError::Truncated`], [`DataError::TrailingBytes`],
/// [`DataError::Gzip`], [`DataError::Io`]; offsets count uncompressed bytes.
pub fn read_images(path: &Path) -> Result<Array4<u8>, DataError> {
    let mut content = Content::open(path)?;
    let dims = match content.magic()? {
        GREY_IMAGES => content.extents(3)?,
        COLOUR_IMAGES => content.extents(4)?,
        found => {
            let expected = "the magic number 0x00000803 or 0x00000804 of IDX images";
            return Err(DataError::WrongMagic { path: path.to_owned(), expected, found, hint: hint(found) });
        }
    };
    let pixels = content.body(&dims, "pixels")?;
    Ok(shaped(&dims, pixels))
}

/// `[N,H,W]` becomes `[N,1,H,W]`.
fn shaped(dims: &[u32], pixels: Vec<u8>) -> Array4<u8> {
    let shape = match *dims {
        [n, h, w] => [n, 1, h, w],
        [n, c, h, w] => [n, c, h, w],
        _ => unreachable!("images have three or four extents"),
    };
    Array4::from_shape_vec(shape.map(|extent| extent as usize), pixels)
        .expect("body() returns the product of the extents")
}

/// Reads labels `[N]`; if `classes` is set, each label must be below it.
///
/// # Errors
/// Those of [`read_images`] and [`DataError::LabelOutOfRange`] with the offset of the label.
pub fn read_labels(path: &Path, classes: Option<usize>) -> Result<Array1<i64>, DataError> {
    let mut content = Content::open(path)?;
    let found = content.magic()?;
    if found != LABELS {
        let expected = "the magic number 0x00000801 of IDX labels";
        return Err(DataError::WrongMagic { path: path.to_owned(), expected, found, hint: hint(found) });
    }
    let dims = content.extents(1)?;
    let labels = content.body(&dims, "labels")?;
    if let Some(classes) = classes
        && let Some(index) = labels.iter().position(|&label| usize::from(label) >= classes)
    {
        let (place, offset) = (path.display().to_string(), Some(8 + index as u64));
        let label = i64::from(labels[index]);
        return Err(DataError::LabelOutOfRange { place, index, offset, label, classes });
    }
    Ok(labels.into_iter().map(i64::from).collect())
}

/// Writes `images [N,C,H,W]`: with three extents if C = 1, as MNIST has them, otherwise with four.
///
/// # Errors
/// Those of the writer, and `InvalidInput` for an extent that does not fit a u32.
pub fn write_images(out: &mut impl Write, images: &Array4<u8>) -> io::Result<()> {
    let (n, c, h, w) = images.dim();
    if c == 1 {
        write_header(out, GREY_IMAGES, &[n, h, w])?;
    } else {
        write_header(out, COLOUR_IMAGES, &[n, c, h, w])?;
    }
    // The pixels are written in logical order, independent of the memory layout.
    out.write_all(&images.iter().copied().collect::<Vec<u8>>())
}

/// Writes `labels [N]`.
///
/// # Errors
/// Those of the writer, and `InvalidInput` for more than 2³² − 1 labels.
pub fn write_labels(out: &mut impl Write, labels: &[u8]) -> io::Result<()> {
    write_header(out, LABELS, &[labels.len()])?;
    out.write_all(labels)
}

fn write_header(out: &mut impl Write, magic: u32, dims: &[usize]) -> io::Result<()> {
    out.write_all(&magic.to_be_bytes())?;
    for &extent in dims {
        let extent = u32::try_from(extent).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        out.write_all(&extent.to_be_bytes())?;
    }
    Ok(())
}

/// Describes what a file with the wrong magic number may be.
fn hint(found: u32) -> &'static str {
    match found {
        LABELS => "this is a labels file, are the two swapped?",
        GREY_IMAGES | COLOUR_IMAGES => "this is an images file, are the two swapped?",
        _ if found >> 16 == 0x504b => "this is a zip archive, unpack it first",
        _ if found == 0x3c21_444f || found == 0x3c68_746d => "this is a web page, saved in place of the file",
        _ if found >> 16 == 0 => "this is IDX of another element type or rank; u8 is expected",
        _ => "this is not an IDX file",
    }
}

/// Opens a file for reading its content, decompressed if its first bytes are those of gzip. Returns whether they are.
///
/// # Errors
/// [`DataError::Io`].
pub(crate) fn open_content(path: &Path) -> Result<(Box<dyn Read>, bool), DataError> {
    let mut file = File::open(path).map_err(DataError::io("open", path))?;
    let mut first = Vec::with_capacity(2);
    (&file).take(2).read_to_end(&mut first).map_err(DataError::io("read", path))?;
    file.rewind().map_err(DataError::io("read", path))?;
    let file = BufReader::with_capacity(1 << 16, file);
    // Multi: what follows the first gzip member must be another one, so garbage at the end is noticed.
    Ok(if first == [0x1f, 0x8b] {
        (Box::new(MultiGzDecoder::new(file)), true)
    } else {
        (Box::new(file), false)
    })
}

/// Returns the error for a failed read from [`open_content`] after `offset` bytes of content.
pub(crate) fn content_error(path: &Path, gzipped: bool, offset: u64, source: io::Error) -> DataError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::UnexpectedEof if gzipped => {
            DataError::Gzip { path, offset, reason: "it ends before its end mark".to_owned() }
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if gzipped => {
            DataError::Gzip { path, offset, reason: source.to_string() }
        }
        _ => DataError::Io { action: "read", path, source },
    }
}

/// The content of one file and the current position in it.
struct Content<'a> {
    path: &'a Path,
    reader: Box<dyn Read>,
    gzipped: bool,
    offset: u64,
}

impl<'a> Content<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let (reader, gzipped) = open_content(path)?;
        Ok(Self { path, reader, gzipped, offset: 0 })
    }

    fn magic(&mut self) -> Result<u32, DataError> {
        self.word("magic number")
    }

    /// Reads `rank` extents, all above zero.
    fn extents(&mut self, rank: usize) -> Result<Vec<u32>, DataError> {
        let dims = (0..rank).map(|_| self.word("extents")).collect::<Result<Vec<_>, _>>()?;
        if dims.contains(&0) {
            let reason = "every extent must be at least 1";
            return Err(DataError::BadExtents { path: self.path.to_owned(), dims, reason });
        }
        Ok(dims)
    }

    /// Reads the rest of the file, whose length in bytes must be exactly the product of `dims`.
    fn body(&mut self, dims: &[u32], what: &str) -> Result<Vec<u8>, DataError> {
        let too_large = || DataError::BadExtents {
            path: self.path.to_owned(),
            dims: dims.to_vec(),
            reason: "their product is larger than any file",
        };
        let length = dims.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent.into()));
        let length = length.filter(|&length| length < i64::MAX as u64 / 2).ok_or_else(too_large)?;
        let header = self.offset;
        let extents = dims.iter().map(u32::to_string).collect::<Vec<_>>().join(" × ");
        let what = || format!("a header of {header} and {extents} {what}");
        let truncated = |found| DataError::Truncated {
            path: self.path.to_owned(),
            what: what(),
            expected: header + length,
            found,
        };
        let on_disk = self.path.metadata().map_err(DataError::io("read", self.path))?.len();
        if self.gzipped {
            // No memory is allocated for a size that this file cannot contain; the exact size is checked while reading.
            if length / MOST_DEFLATE_CAN_SHRINK > on_disk {
                return Err(truncated(on_disk.saturating_mul(MOST_DEFLATE_CAN_SHRINK)));
            }
        } else if on_disk < header + length {
            return Err(truncated(on_disk));
        }
        if usable_memory().is_some_and(|usable| length > usable) {
            let reason = "they need more memory than this process may use";
            return Err(DataError::BadExtents { path: self.path.to_owned(), dims: dims.to_vec(), reason });
        }
        let mut body = Vec::with_capacity(length.min(1 << 20) as usize);
        // One byte more than expected is read: it detects trailing bytes, and makes gzip verify its checksum at the
        // end.
        let read = self.reader.by_ref().take(length + 1).read_to_end(&mut body);
        self.offset += body.len() as u64;
        match read {
            Err(source) => Err(content_error(self.path, self.gzipped, self.offset, source)),
            Ok(n) if (n as u64) < length => Err(truncated(self.offset)),
            Ok(n) if n as u64 > length => {
                let path = self.path.to_owned();
                Err(DataError::TrailingBytes { path, what: what(), expected: header + length })
            }
            Ok(_) => Ok(body),
        }
    }

    fn word(&mut self, what: &str) -> Result<u32, DataError> {
        let mut word = Vec::with_capacity(4);
        let read = self.reader.by_ref().take(4).read_to_end(&mut word);
        let start = self.offset;
        self.offset += word.len() as u64;
        read.map_err(|source| content_error(self.path, self.gzipped, self.offset, source))?;
        let word = word.try_into().map_err(|_| DataError::Truncated {
            path: self.path.to_owned(),
            what: format!("the {what} in the header"),
            expected: start + 4,
            found: self.offset,
        })?;
        Ok(u32::from_be_bytes(word))
    }
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
