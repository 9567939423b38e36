//! The numbers of tensors as slices, for loops that libtorch has no operation for.

use crate::{Error, ffi};
use tch::{Device, Kind, Tensor};

/// A number that a tensor may hold and a slice may show.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    /// Its dtype.
    const KIND: Kind;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;
}

impl Element for f64 {
    const KIND: Kind = Kind::Double;
}

impl Element for u8 {
    const KIND: Kind = Kind::Uint8;
}

/// The numbers of `tensor`, in order of memory. The tensor must not be changed through another handle meanwhile.
///
/// # Errors
/// [`Error::Argument`] if it is not on the CPU, not contiguous, or of another dtype.
pub fn numbers<T: Element>(tensor: &Tensor) -> Result<&[T], Error> {
    check::<T>(tensor)?;
    if !tensor.is_contiguous() {
        return Err(Error::Argument(format!(
            "expected a contiguous tensor, found strides {:?}",
            tensor.stride()
        )));
    }
    if tensor.numel() == 0 {
        return Ok(&[]);
    }
    // SAFETY: a contiguous tensor of this dtype on the CPU has `numel` numbers from `data_ptr` on, for as long as it lives.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<T>(), tensor.numel()) })
}

/// The numbers of `tensor`, to change.
///
/// # Errors
/// As [`numbers`], and [`Error::Argument`] if another handle shares its memory.
pub fn numbers_mut<T: Element>(tensor: &mut Tensor) -> Result<&mut [T], Error> {
    numbers::<T>(tensor)?;
    if tensor.numel() == 0 {
        return Ok(&mut []);
    }
    // SAFETY: reads two counters of a live tensor.
    if !unsafe { ffi::lnn_owns_memory_alone(tensor.as_ptr()) } {
        return Err(Error::Argument("expected a tensor that shares its memory with no other".into()));
    }
    // SAFETY: as in `numbers`; the tensor is borrowed exclusively and is the only handle of its memory.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<T>(), tensor.numel()) })
}

/// The rows of a tensor `[T, B, N]` whose numbers stand side by side within a row; rows may lie anywhere, and repeat.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    numbers: &'a [T],
    strides: [usize; 2],
    width: usize,
}

impl<'a, T: Element> Rows<'a, T> {
    /// The rows of `tensor [T, B, N]`, which must not be changed through another handle meanwhile.
    ///
    /// # Errors
    /// [`Error::Argument`] if it is not on the CPU, of another dtype or rank, or its last dimension is strided.
    pub fn new(tensor: &'a Tensor) -> Result<Self, Error> {
        check::<T>(tensor)?;
        let (size, stride) = (tensor.size(), tensor.stride());
        let [steps, batch, width] = size[..] else {
            return Err(Error::Argument(format!("expected a tensor [T, B, N], found {size:?}")));
        };
        if width > 1 && stride[2] != 1 {
            return Err(Error::Argument(format!("expected rows without gaps, found strides {stride:?}")));
        }
        let strides = [stride[0] as usize, stride[1] as usize];
        let numbers: &[T] = if tensor.numel() == 0 {
            &[]
        } else {
            let last = (steps as usize - 1) * strides[0] + (batch as usize - 1) * strides[1] + width as usize;
            // SAFETY: libtorch's strides are not negative, so the last row's last number is the farthest one.
            unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<T>(), last) }
        };
        Ok(Self { numbers, strides, width: width as usize })
    }

    /// The row of step `t` and sample `b`.
    #[inline]
    pub fn row(&self, t: usize, b: usize) -> &'a [T] {
        let start = t * self.strides[0] + b * self.strides[1];
        &self.numbers[start..start + self.width]
    }
}

fn check<T: Element>(tensor: &Tensor) -> Result<(), Error> {
    if !tensor.defined() {
        return Err(Error::Argument("expected a tensor, found an undefined one".into()));
    }
    let found = (tensor.kind(), tensor.device());
    if found != (T::KIND, Device::Cpu) {
        return Err(Error::Argument(format!("expected {:?} on the CPU, found {found:?}", T::KIND)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_tensor_and_writing_changes_it() {
        let mut tensor = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([2, 3]);
        assert_eq!(numbers::<f32>(&tensor).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        tensor = tensor.copy();
        numbers_mut::<f32>(&mut tensor).unwrap()[4] = 9.0;
        assert!((tensor.double_value(&[1, 1]) - 9.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_shared_strided_or_of_another_dtype_is_refused() {
        let mut tensor = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        let message = |error: Error| error.to_string();
        assert!(message(numbers::<f64>(&tensor).unwrap_err()).contains("Double"));
        assert!(message(numbers::<f32>(&tensor.tr()).unwrap_err()).contains("contiguous"));
        assert!(message(numbers::<f32>(&Tensor::new()).unwrap_err()).contains("undefined"));
        let view = tensor.view([3, 2]);
        assert!(message(numbers_mut::<f32>(&mut tensor).unwrap_err()).contains("no other"));
        drop(view);
        assert!(numbers_mut::<f32>(&mut tensor).is_ok());
        let handle = tensor.shallow_clone();
        assert!(message(numbers_mut::<f32>(&mut tensor).unwrap_err()).contains("no other"));
        drop(handle);
    }

    #[test]
    fn rows_follow_the_strides_and_may_repeat() {
        let tensor = Tensor::arange(12, (Kind::Double, Device::Cpu)).view([2, 3, 2]);
        let transposed = tensor.transpose(0, 1);
        assert_eq!(Rows::<f64>::new(&transposed).unwrap().row(2, 1), [10.0, 11.0]);
        let one = Tensor::from_slice(&[1.0, 2.0]);
        let repeated = one.expand([4, 5, 2], true);
        assert_eq!(Rows::<f64>::new(&repeated).unwrap().row(3, 4), [1.0, 2.0]);
        assert!(Rows::<f64>::new(&tensor.transpose(1, 2)).unwrap_err().to_string().contains("gaps"));
        assert!(Rows::<f64>::new(&one).unwrap_err().to_string().contains("[T, B, N]"));
    }
}
