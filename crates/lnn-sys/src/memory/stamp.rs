//! Whether a tensor is still what it was when something was computed from it.

use crate::ffi;
use crate::handles::Layout;
use std::ffi::c_void;
use tch::Tensor;

/// The place and the version of a tensor's elements at some time. Operations of libtorch that write to a tensor count up its version, which
/// all views and handles of it share; a write through a raw pointer is not seen.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    data: *const c_void,
    version: u32,
}

impl Stamp {
    /// The stamp of a dense tensor on the CPU; none of another one.
    pub fn of(tensor: &Tensor) -> Option<Self> {
        let mut layout = Layout::NONE;
        // SAFETY: the tensor is alive, and the layout is written once before the call returns.
        ffi::check(unsafe { ffi::lnn_layout(tensor.as_ptr(), &raw mut layout) }).ok()?;
        layout.plain.then_some(Self { data: layout.data, version: layout.version })
    }

    /// Whether `tensor`, of which the stamp is, was neither written to nor moved since.
    pub fn holds(&self, tensor: &Tensor) -> bool {
        // SAFETY: the tensor is alive; the pointer is compared and not read.
        unsafe { ffi::lnn_is_unchanged(tensor.as_ptr(), self.data, self.version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_stamp_holds_until_the_tensor_or_a_view_of_it_is_written_to() {
        let tensor = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        let stamp = Stamp::of(&tensor).unwrap();
        assert!(stamp.holds(&tensor) && stamp.holds(&tensor.shallow_clone()));
        assert!(!stamp.holds(&tensor.copy()));
        let _ = tensor.detach().narrow(0, 1, 1).fill_(1.0);
        assert!(!stamp.holds(&tensor));
        let again = Stamp::of(&tensor).unwrap();
        let gradient = Tensor::ones([3], (Kind::Float, Device::Cpu));
        tch::no_grad(|| {
            let _ = tensor.shallow_clone().g_add_(&gradient);
        });
        assert!(!again.holds(&tensor));
    }
}
