//! One array of numbers from a `.npy` file, as `numpy.save` writes it.
//!
//! A file is read with its own length as bound: the header must fit into the few kilobytes that NumPy allows it, and the size that it
//! claims must be the size that is there, before anything is allocated for it.

mod header;

use header::{Header, Number};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

/// The reason why an array cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The operating system refused to read the file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// The file is not a whole `.npy` file.
    #[error("{}: expected a .npy file as numpy.save writes it, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The array has numbers of another kind.
    #[error(
        "{}: expected a float32 .npy, or float64 for a model of that dtype, found {found}; hint: x.astype('float32'), after scaling as the model expects it",
        path.display()
    )]
    Kind {
        /// The file.
        path: PathBuf,
        /// NumPy's description of the numbers.
        found: String,
    },
    /// The array has another size than its header claims.
    #[error(
        "{}: expected {expected} bytes of numbers for the shape {shape:?} in the header, found {found}; hint: the file was cut off, or \
         damaged",
        path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The shape in the header.
        shape: Vec<u64>,
        /// The bytes that this shape has; far too many for any file if their number overflows.
        expected: u128,
        /// The bytes after the header.
        found: u64,
    },
    /// There is not enough memory.
    #[error("{}: not enough memory for {bytes} bytes; hint: divide the array", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// The bytes that are needed.
        bytes: u64,
    },
}

/// Reads an array of float32 or float64, of any shape, byte order and order of memory, as a tensor on the CPU. The tensor has the dtype
/// of the file.
///
/// # Errors
/// [`NpyError`].
pub fn read(path: &Path) -> Result<Tensor, NpyError> {
    let io = |source| NpyError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let header = Header::read(&mut file).map_err(|problem| problem.at(path))?;
    let length = file.metadata().map_err(io)?.len();
    // What is not a regular file, as a pipe, has no length; its bytes are counted while they are read.
    let body = file.metadata().map_err(io)?.is_file().then(|| length.saturating_sub(header.length));
    let Header { number, shape, fortran, .. } = header;
    let expected = shape
        .iter()
        .try_fold(number.bytes() as u128, |product, &extent| product.checked_mul(extent.into()))
        .unwrap_or(u128::MAX);
    let size = |found| NpyError::Size { path: path.to_owned(), shape: shape.clone(), expected, found };
    if let Some(body) = body
        && expected != u128::from(body)
    {
        return Err(size(body));
    }
    let bytes = u64::try_from(expected).map_err(|_| size(0))?;
    let memory = || NpyError::Memory { path: path.to_owned(), bytes };
    let mut content = Vec::new();
    if body.is_some() {
        content.try_reserve_exact(bytes as usize).map_err(|_| memory())?;
    }
    match file.take(bytes.saturating_add(1)).read_to_end(&mut content) {
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => return Err(memory()),
        read => read.map_err(io)?,
    };
    if content.len() as u64 != bytes {
        return Err(size(content.len() as u64));
    }
    if number.big_endian {
        content.chunks_exact_mut(number.bytes()).for_each(<[u8]>::reverse);
    }
    let mut shape: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
    // Fortran's order of [a, b] is C's order of [b, a].
    if fortran {
        shape.reverse();
    }
    let tensor = Tensor::f_from_data_size(&content, &shape, number.kind).map_err(|_| memory())?;
    if !fortran {
        return Ok(tensor);
    }
    let axes: Vec<i64> = (0..shape.len() as i64).rev().collect();
    tensor.f_permute(&axes[..]).and_then(|tensor| tensor.f_contiguous()).map_err(|_| memory())
}

impl Number {
    /// Bytes of one number.
    fn bytes(&self) -> usize {
        if self.kind == Kind::Double { 8 } else { 4 }
    }
}

#[cfg(test)]
mod tests;
