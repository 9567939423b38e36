//! One array of numbers from a `.npy` file, as `numpy.save` writes it.
//!
//! A file is read with its own length as bound: the header must fit into the few kilobytes that NumPy allows it, and the size that it
//! claims must be the size that is there, before anything is allocated for it.

pub(crate) mod elements;
mod error;
pub(crate) mod header;

use header::{Element, Header};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use tch::{Kind, Tensor};

pub use error::NpyError;

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
    let kind = match number.element {
        Element::Float(4) => Kind::Float,
        Element::Float(_) => Kind::Double,
        _ => return Err(NpyError::Kind { path: path.to_owned(), found: number.to_string() }),
    };
    let expected = shape
        .iter()
        .try_fold(number.element.bytes() as u128, |product, &extent| product.checked_mul(extent.into()))
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
        content.chunks_exact_mut(number.element.bytes()).for_each(<[u8]>::reverse);
    }
    let mut shape: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
    // Fortran's order of [a, b] is C's order of [b, a].
    if fortran {
        shape.reverse();
    }
    let tensor = Tensor::f_from_data_size(&content, &shape, kind).map_err(|_| memory())?;
    if !fortran {
        return Ok(tensor);
    }
    let axes: Vec<i64> = (0..shape.len() as i64).rev().collect();
    tensor.f_permute(&axes[..]).and_then(|tensor| tensor.f_contiguous()).map_err(|_| memory())
}

#[cfg(test)]
mod tests;
