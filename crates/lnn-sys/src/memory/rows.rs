//! The rows of a tensor of three dimensions.

use super::element::Element;
use super::layout::{Unchanged, layout};
use super::numbers::check_available;
use crate::error::Error;
use tch::Tensor;

/// The elements of a tensor `[T, B, N]`, borrowed for reading.
///
/// # Panics
/// When it is dropped, if libtorch has changed the tensor meanwhile. See [`row_numbers`] for the contract.
#[derive(Debug)]
pub struct RowNumbers<'a, T> {
    rows: Rows<'a, T>,
    _unchanged: Unchanged<'a>,
}

impl<T: Copy> RowNumbers<'_, T> {
    /// The rows, to be handed to the threads that read them.
    pub fn rows(&self) -> Rows<'_, T> {
        self.rows
    }
}

/// The rows of a tensor `[T, B, N]` whose elements are adjacent within a row; rows may lie anywhere, and repeat.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    elements: &'a [T],
    strides: [usize; 2],
    width: usize,
}

impl<'a, T> Rows<'a, T> {
    /// The row of step `t` and sample `b`.
    ///
    /// # Panics
    /// If the row begins or ends outside of the tensor.
    #[inline]
    pub fn row(&self, t: usize, b: usize) -> &'a [T] {
        let start = t * self.strides[0] + b * self.strides[1];
        &self.elements[start..start + self.width]
    }
}

/// Borrows the rows of `tensor [T, B, N]` for reading.
///
/// **Nothing may write to the tensor while the result is alive**, as with [`numbers`](super::numbers()).
///
/// # Errors
/// [`Error::Argument`] if the tensor is not dense memory on the CPU, of another dtype or rank, or its last dimension is strided.
pub fn row_numbers<T: Element>(tensor: &Tensor) -> Result<RowNumbers<'_, T>, Error> {
    let layout = layout::<T>(tensor)?;
    if tensor.dim() != 3 {
        return Err(Error::Argument(format!("expected a tensor [T, B, N], found {:?}", tensor.size())));
    }
    if layout.count == 0 {
        let rows = Rows { elements: &[], strides: [0; 2], width: 0 };
        return Ok(RowNumbers { rows, _unchanged: Unchanged::since(&layout, tensor) });
    }
    let [steps, batch, width] = layout.sizes.map(|extent| extent as usize);
    if width > 1 && layout.strides[2] != 1 {
        return Err(Error::Argument(format!(
            "expected rows without gaps, found strides {:?}",
            layout.strides
        )));
    }
    let strides = [layout.strides[0] as usize, layout.strides[1] as usize];
    let last = (steps - 1) * strides[0] + (batch - 1) * strides[1] + width;
    check_available(last, layout.available)?;
    // SAFETY: libtorch's strides are not negative, so that the last element of the last row is the farthest one, and the storage
    // reaches up to it. The elements stay where they are as long as the tensor is neither resized nor written, which is the
    // contract of this function.
    let elements = unsafe { std::slice::from_raw_parts(layout.data.cast::<T>(), last) };
    let rows = Rows { elements, strides, width };
    Ok(RowNumbers { rows, _unchanged: Unchanged::since(&layout, tensor) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn rows_follow_the_strides_and_may_repeat() {
        let tensor = Tensor::arange(12, (Kind::Double, Device::Cpu)).view([2, 3, 2]);
        let transposed = tensor.transpose(0, 1);
        assert_eq!(row_numbers::<f64>(&transposed).unwrap().rows().row(2, 1), [10.0, 11.0]);
        let part = tensor.narrow(1, 1, 2);
        assert_eq!(row_numbers::<f64>(&part).unwrap().rows().row(1, 1), [10.0, 11.0]);
        let one = Tensor::from_slice(&[1.0, 2.0]);
        let repeated = one.expand([4, 5, 2], true);
        assert_eq!(row_numbers::<f64>(&repeated).unwrap().rows().row(3, 4), [1.0, 2.0]);
        assert!(row_numbers::<f64>(&tensor.transpose(1, 2)).unwrap_err().to_string().contains("gaps"));
        assert!(row_numbers::<f64>(&one).unwrap_err().to_string().contains("[T, B, N]"));
        assert!(row_numbers::<f64>(&tensor.narrow(0, 0, 0)).is_ok());
    }

    #[test]
    fn a_change_while_rows_are_borrowed_is_found() {
        let tensor = Tensor::zeros([2, 3, 4], (Kind::Float, Device::Cpu));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let borrowed = row_numbers::<f32>(&tensor).unwrap();
            let _ = tensor.narrow(0, 1, 1).fill_(1.0);
            drop(borrowed);
        }));
        assert!(outcome.is_err());
    }
}
