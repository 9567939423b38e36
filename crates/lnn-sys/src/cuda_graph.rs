//! CUDA graphs: work on a device that is recorded once and run again in one call.
//!
//! A training step of a small model consists of hundreds of short kernels, which the device completes faster than the host submits
//! them one by one. A graph submits them all at once.

use crate::error::Error;
use crate::ffi;
use crate::handles::RawGraph;
use tch::Device;

/// Recorded work. It reads and writes the memory of the tensors of the recording: copy new inputs into those that it reads, and read
/// the results from those that it wrote. None of them may be resized or freed before the graph.
///
/// Random numbers within a recording come from the default generator of the device, which must be seeded before each replay.
#[derive(Debug)]
pub struct CudaGraph(*mut RawGraph);

impl CudaGraph {
    /// Whether this program was built with the headers of CUDA and can record.
    pub fn built_in() -> bool {
        // SAFETY: returns a constant.
        unsafe { ffi::lnn_cuda_graphs_are_built_in() }
    }

    /// Records the work that `work` submits to `device`, which is not run until the first [`replay`](Self::replay). `work` must not wait
    /// for the device, and must have been run a few times before, so that libraries are initialised.
    ///
    /// # Errors
    /// [`Error::Argument`] if `device` is not CUDA, [`Error::Torch`] if the work cannot be recorded, and the errors of `work`.
    pub fn record<E: From<Error>>(device: Device, work: impl FnOnce() -> Result<(), E>) -> Result<Self, E> {
        let Device::Cuda(index) = device else {
            return Err(Error::Argument(format!("a graph is recorded on CUDA, not on {device:?}")).into());
        };
        let mut handle = std::ptr::null_mut();
        let index = index.try_into().unwrap_or(-1);
        // SAFETY: the pointer is to a live handle; on success it is a new graph, which `recording` owns.
        ffi::check(unsafe { ffi::lnn_cuda_graph_begin(index, &raw mut handle) })?;
        let mut recording = Recording { graph: Self(handle), ended: false };
        work()?;
        recording.ended = true;
        // SAFETY: the graph is recording on this thread.
        ffi::check(unsafe { ffi::lnn_cuda_graph_end(handle) })?;
        Ok(std::mem::replace(&mut recording.graph, Self(std::ptr::null_mut())))
    }

    /// Submits the recorded work to the device, after all work that the calling thread has submitted before.
    ///
    /// # Errors
    /// [`Error::Torch`] if the device fails.
    pub fn replay(&self) -> Result<(), Error> {
        // SAFETY: the handle is to a graph whose recording has ended.
        ffi::check(unsafe { ffi::lnn_cuda_graph_replay(self.0) })
    }
}

impl Drop for CudaGraph {
    fn drop(&mut self) {
        // SAFETY: the handle is null or from `lnn_cuda_graph_begin`, and is freed once.
        unsafe { ffi::lnn_cuda_graph_free(self.0) }
    }
}

/// A recording in progress. It ends even if the work fails or panics; otherwise the thread would go on recording.
struct Recording {
    graph: CudaGraph,
    ended: bool,
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: the graph is recording on this thread.
            let ended = unsafe { ffi::lnn_cuda_graph_end(self.graph.0) };
            // The failure of the work itself is being returned, and says more.
            let _ = ffi::check(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Cuda, Kind, Tensor};

    #[test]
    fn recording_on_a_cpu_is_refused_and_the_work_does_not_run() {
        let work = || -> Result<(), Error> { panic!("it ran") };
        let error = CudaGraph::record(Device::Cpu, work).unwrap_err();
        assert!(error.to_string().contains("on CUDA, not on Cpu"));
    }

    #[test]
    fn without_a_device_or_the_headers_of_cuda_recording_is_refused() {
        if CudaGraph::built_in() && Cuda::is_available() {
            return;
        }
        let work = || -> Result<(), Error> { panic!("it ran") };
        let error = CudaGraph::record(Device::Cuda(0), work).unwrap_err().to_string();
        assert!(CudaGraph::built_in() || error.contains("built without the headers of CUDA"), "{error}");
    }

    #[test]
    fn a_replay_reads_the_present_contents_of_its_inputs() {
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
