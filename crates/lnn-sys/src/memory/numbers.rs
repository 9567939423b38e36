//! The elements of a contiguous tensor.

use super::element::Element;
use super::layout::{Unchanged, layout};
use crate::error::Error;
use crate::ffi;
use std::ops::Deref;
use tch::Tensor;

/// The elements of a contiguous tensor in the order of memory, borrowed for reading: a slice.
///
/// # Panics
/// When it is dropped, if libtorch has changed the tensor meanwhile. See [`numbers`] for the contract.
#[derive(Debug)]
pub struct Numbers<'a, T> {
    elements: &'a [T],
    _unchanged: Unchanged<'a>,
}

impl<T> Deref for Numbers<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.elements
    }
}

/// Borrows the elements of `tensor` for reading.
///
/// **Nothing may write to the tensor while the result is alive**, through whatever handle or view, on whatever thread: that is
/// undefined behaviour. The drop of the result finds most violations and panics.
///
/// # Errors
/// [`Error::Argument`] if the tensor is not dense memory on the CPU, not contiguous, or of another dtype.
pub fn numbers<T: Element>(tensor: &Tensor) -> Result<Numbers<'_, T>, Error> {
    let layout = layout::<T>(tensor)?;
    if !layout.contiguous {
        return Err(Error::Argument(format!(
            "expected a contiguous tensor, found strides {:?}",
            tensor.stride()
        )));
    }
    check_available(layout.count, layout.available)?;
    let elements: &[T] = match layout.count {
        0 => &[],
        // SAFETY: a contiguous tensor of this dtype has `count` elements from `data` on, the storage holds as many, and they stay
        // where they are as long as the tensor is neither resized nor written, which is the contract of this function.
        count => unsafe { std::slice::from_raw_parts(layout.data.cast::<T>(), count) },
    };
    Ok(Numbers { elements, _unchanged: Unchanged::since(&layout, tensor) })
}

/// Borrows the elements of `tensor`, in the order of memory, for writing.
///
/// # Errors
/// As [`numbers`], and [`Error::Argument`] if another handle, a view or the graph of a backward pass shares the memory.
pub fn numbers_mut<T: Element>(tensor: &mut Tensor) -> Result<&mut [T], Error> {
    let count = numbers::<T>(tensor)?.len();
    if count == 0 {
        return Ok(&mut []);
    }
    let mut data = std::ptr::null_mut();
    // SAFETY: the tensor is alive and borrowed exclusively; the pointer is written before a success is reported.
    ffi::check(unsafe { ffi::lnn_exclusive_data(tensor.as_mut_ptr(), &raw mut data) })?;
    if data.is_null() {
        return Err(Error::Argument("expected a tensor that shares its memory with no other".into()));
    }
    // SAFETY: as in `numbers`; the tensor is borrowed exclusively, and no other handle, view or storage refers to its memory.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast::<T>(), count) })
}

/// Refuses a tensor whose elements lie beyond its storage, as after its memory was freed.
pub(super) fn check_available(needed: usize, available: usize) -> Result<(), Error> {
    if needed <= available {
        return Ok(());
    }
    Err(Error::Argument(format!("expected memory for {needed} elements, found it for {available}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn numbers_are_those_of_the_tensor_and_writing_changes_it() {
        let mut tensor = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([2, 3]);
        assert_eq!(*numbers::<f32>(&tensor).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(*numbers::<f32>(&tensor.get(1)).unwrap(), [3.0, 4.0, 5.0]);
        tensor = tensor.copy();
        numbers_mut::<f32>(&mut tensor).unwrap()[4] = 9.0;
        assert!((tensor.double_value(&[1, 1]) - 9.0).abs() < 1e-12);
    }

    #[test]
    fn an_empty_tensor_has_no_numbers() {
        let mut tensor = Tensor::zeros([0, 3], (Kind::Double, Device::Cpu));
        assert!(numbers::<f64>(&tensor).unwrap().is_empty());
        assert!(numbers_mut::<f64>(&mut tensor).unwrap().is_empty());
    }

    #[test]
    fn what_is_shared_strided_or_of_another_dtype_is_refused() {
        let mut tensor = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        let message = |error: Error| error.to_string();
        assert!(message(numbers::<f64>(&tensor).unwrap_err()).contains("Double on the CPU, found Float"));
        assert!(message(numbers::<f32>(&tensor.tr()).unwrap_err()).contains("contiguous"));
        assert!(message(numbers::<f32>(&Tensor::new()).unwrap_err()).contains("undefined"));
        assert!(numbers::<f32>(&tensor.to_sparse(None, None::<&[i64]>, None)).is_err());
        let view = tensor.view([3, 2]);
        assert!(message(numbers_mut::<f32>(&mut tensor).unwrap_err()).contains("no other"));
        drop(view);
        assert!(numbers_mut::<f32>(&mut tensor).is_ok());
        let handle = tensor.shallow_clone();
        assert!(message(numbers_mut::<f32>(&mut tensor).unwrap_err()).contains("no other"));
        drop(handle);
        let leaf = tensor.set_requires_grad(true);
        let product = &leaf * &leaf;
        tensor = leaf;
        assert!(message(numbers_mut::<f32>(&mut tensor).unwrap_err()).contains("no other"));
        drop(product);
    }

    #[test]
    fn a_tensor_without_memory_is_refused() {
        let zeros = Tensor::internal_efficientzerotensor([3], (Kind::Float, Device::Cpu));
        assert!(numbers::<f32>(&zeros).is_err());
    }

    #[test]
    fn a_change_while_numbers_are_borrowed_is_found() {
        let changes: [fn(&Tensor); 3] = [
            |tensor| drop(tensor.shallow_clone().fill_(1.0)),
            |tensor| drop(tensor.get(0).detach().g_add_scalar_(1.0)),
            |tensor| drop(tensor.shallow_clone().resize_([1000, 1000])),
        ];
        for change in changes {
            let tensor = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let borrowed = numbers::<f32>(&tensor).unwrap();
                change(&tensor);
                drop(borrowed);
            }));
            let panic = outcome.unwrap_err();
            assert!(panic.downcast_ref::<String>().unwrap().contains("changed while its elements were"));
        }
    }
}
