//! Work on a CUDA device that is recorded once and run again in one call, without the host issuing its operations.
//!
//! A training step of a small model is hundreds of short kernels, and the host cannot issue them as fast as the device ends
//! them. A graph holds them all.

use crate::{Error, ffi};
use tch::Device;

/// A graph on the C++ side.
#[repr(C)]
pub(crate) struct RawGraph {
    _private: [u8; 0],
}

/// Recorded work. What it reads and writes are the very tensors of the recording: new numbers are copied into those that it
/// reads, and results stand in those that it made, which nobody may change in shape.
#[derive(Debug)]
pub struct CudaGraph(*mut RawGraph);

impl CudaGraph {
    /// Whether this program was built with the headers of CUDA, and so can record at all.
    pub fn built_in() -> bool {
        // SAFETY: tells a constant.
        unsafe { ffi::lnn_cuda_graphs_are_built_in() }
    }

    /// Records what `work` asks of `device`; nothing of it is run until the first [`replay`](Self::replay). `work` must not wait
    /// for the device, and must have been run some times before, so that libraries are set up.
    ///
    /// # Errors
    /// [`Error::Argument`] if `device` is not CUDA, [`Error::Torch`] if the work cannot be recorded, and what `work` fails with.
    pub fn record<E: From<Error>>(device: Device, work: impl FnOnce() -> Result<(), E>) -> Result<Self, E> {
        let Device::Cuda(index) = device else {
            return Err(Error::Argument(format!("a graph is recorded on CUDA, not on {device:?}")).into());
        };
        let mut handle = std::ptr::null_mut();
        let index = index.try_into().unwrap_or(-1);
        // SAFETY: on success the handle is a new graph, which this value owns.
        ffi::check(unsafe { ffi::lnn_cuda_graph_begin(index, &raw mut handle) })?;
        let mut recording = Recording { graph: Self(handle), ended: false };
        work()?;
        recording.ended = true;
        // SAFETY: the graph is recording on this thread.
        ffi::check(unsafe { ffi::lnn_cuda_graph_end(handle) })?;
        Ok(std::mem::replace(&mut recording.graph, Self(std::ptr::null_mut())))
    }

    /// Runs the recorded work, after all that the calling thread asked of the device before.
    ///
    /// # Errors
    /// [`Error::Torch`] if the device fails.
    pub fn replay(&self) -> Result<(), Error> {
        // SAFETY: a finished graph.
        ffi::check(unsafe { ffi::lnn_cuda_graph_replay(self.0) })
    }
}

impl Drop for CudaGraph {
    fn drop(&mut self) {
        // SAFETY: null or made by `lnn_cuda_graph_begin`, freed once.
        unsafe { ffi::lnn_cuda_graph_free(self.0) }
    }
}

/// A recording under way: it ends even if the work fails or panics, or the thread would record for ever.
struct Recording {
    graph: CudaGraph,
    ended: bool,
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: the graph is recording on this thread.
            let ended = unsafe { ffi::lnn_cuda_graph_end(self.graph.0) };
            // The work's own failure is on its way, and says more.
            let _ = ffi::check(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Cuda, Kind, Tensor};

    #[test]
    fn a_cpu_records_nothing_and_the_work_does_not_run() {
        let work = || -> Result<(), Error> { panic!("it ran") };
        let error = CudaGraph::record(Device::Cpu, work).unwrap_err();
        assert!(error.to_string().contains("on CUDA, not on Cpu"));
    }

    #[test]
    fn where_there_is_no_device_or_no_header_of_cuda_recording_is_refused() {
        if CudaGraph::built_in() && Cuda::is_available() {
            return;
        }
        let work = || -> Result<(), Error> { panic!("it ran") };
        let error = CudaGraph::record(Device::Cuda(0), work).unwrap_err().to_string();
        assert!(CudaGraph::built_in() || error.contains("built without the headers of CUDA"), "{error}");
    }

    #[test]
    fn a_replay_reads_what_stands_in_its_inputs_now() {
        if !(CudaGraph::built_in() && Cuda::is_available()) {
            return;
        }
        let device = Device::Cuda(0);
        let mut x = Tensor::ones([4], (Kind::Float, device));
        let mut y = Tensor::zeros([4], (Kind::Float, device));
        let graph = CudaGraph::record(device, || -> Result<(), Error> {
            y += &x * 2.0;
            Ok(())
        });
        let graph = graph.unwrap();
        assert!(y.sum(Kind::Float).double_value(&[]).abs() < 1e-9, "recording must not run");
        graph.replay().unwrap();
        let _ = x.fill_(3.0);
        graph.replay().unwrap();
        assert!((y.sum(Kind::Float).double_value(&[]) - 32.0).abs() < 1e-9);
    }
}
