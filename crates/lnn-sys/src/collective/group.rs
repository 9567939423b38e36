//! A group of processes and its operations.

use super::store::{Place, Store, c_string, milliseconds};
use crate::error::Error;
use crate::ffi;
use crate::handles::RawGroup;
use std::ptr::{NonNull, null_mut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tch::{Device, Tensor};

/// How long a process that hosts the store stays, after it has failed, for the others to read why.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where the tensors of a group are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupDevice {
    /// On the CPU, exchanged by Gloo: others reach this process at the address of the network `interface`, or else of `hostname`, or else
    /// of the name of this machine.
    Cpu {
        /// The name of a network interface, as `eth0`.
        interface: Option<String>,
        /// A name or address of this machine.
        hostname: Option<String>,
    },
    /// On the CUDA device of this index, exchanged by NCCL.
    Cuda(usize),
}

/// The processes that compute together. All of them must call the same operations with tensors of the same shapes and dtypes in the same
/// order; each operation waits for the others. On CUDA it is queued behind the work of the current stream.
#[derive(Debug)]
pub struct ProcessGroup {
    /// None after [`leave`](Self::leave).
    handle: Mutex<Option<Handle>>,
    store: Arc<Store>,
    place: Place,
    /// Whether the tensors are on CUDA.
    on_cuda: bool,
}

/// The handle, which is freed once.
#[derive(Debug)]
struct Handle(NonNull<RawGroup>);

// SAFETY: the handle is to a `c10d::Backend`, which may be used from any thread; the mutex around it keeps its calls in order.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle belongs to this value alone and is freed here, once.
        unsafe { ffi::lnn_group_free(self.0.as_ptr()) }
    }
}

impl ProcessGroup {
    /// Forms a group of all processes of the `store`. An operation for which another process does not come within `timeout` fails.
    ///
    /// # Errors
    /// [`Error::Collective`] if the others cannot be reached; for CUDA, if this program was built without NCCL.
    pub fn join(
        store: &Arc<Store>,
        place: Place,
        device: &GroupDevice,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let [rank, size] = [place.rank, place.size].map(|number| i32::try_from(number).unwrap_or(-1));
        let timeout = milliseconds(timeout);
        let mut handle = null_mut();
        let joined = match device {
            GroupDevice::Cpu { interface, hostname } => {
                let text = |text: &Option<String>| c_string(text.as_deref().unwrap_or_default());
                let (interface, hostname) = (text(interface)?, text(hostname)?);
                // SAFETY: the store is alive, the texts are NUL-terminated, and the handle is written before a success is reported.
                ffi::check(unsafe {
                    ffi::lnn_group_gloo(
                        store.handle(),
                        rank,
                        size,
                        timeout,
                        interface.as_ptr(),
                        hostname.as_ptr(),
                        &raw mut handle,
                    )
                })
            }
            GroupDevice::Cuda(index) => {
                let index = i32::try_from(*index).unwrap_or(-1);
                // SAFETY: the store is alive, and the handle is written before a success is reported.
                ffi::check(unsafe {
                    ffi::lnn_group_nccl(store.handle(), rank, size, timeout, index, &raw mut handle)
                })
            }
        };
        joined.map_err(|error| place.error("connecting", place.others(), &error))?;
        let handle = NonNull::new(handle).ok_or_else(|| Error::Torch("no group was returned".into()))?;
        let on_cuda = matches!(device, GroupDevice::Cuda(_));
        Ok(Self { handle: Mutex::new(Some(Handle(handle))), store: Arc::clone(store), place, on_cuda })
    }

    /// Whether this program was built with NCCL and can form a group of CUDA devices.
    pub fn nccl_is_built_in() -> bool {
        // SAFETY: returns a constant.
        unsafe { ffi::lnn_nccl_is_built_in() }
    }

    /// The place of this process.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Replaces the elements of `tensor`, which must be contiguous, by their sums over all processes; these are the same bits in all of
    /// them.
    ///
    /// # Errors
    /// [`Error::Collective`] if another process has left or does not come in time, [`Error::Argument`] if the tensor does not fit the
    /// group.
    pub fn all_reduce(&self, tensor: &mut Tensor) -> Result<(), Error> {
        self.check(tensor)?;
        // SAFETY: the group and the tensor are alive.
        self.run("all-reduce", |group| unsafe { ffi::lnn_group_all_reduce(group, tensor.as_mut_ptr()) })
    }

    /// Replaces the elements of `tensor`, which must be contiguous, by those of rank 0.
    ///
    /// # Errors
    /// As [`all_reduce`](Self::all_reduce).
    pub fn broadcast(&self, tensor: &mut Tensor) -> Result<(), Error> {
        self.check(tensor)?;
        // SAFETY: the group and the tensor are alive.
        self.run("broadcast", |group| unsafe { ffi::lnn_group_broadcast(group, tensor.as_mut_ptr()) })
    }

    /// On CUDA, waits until the device has finished all queued operations; the timeout ends a wait for a process that is gone. Reading
    /// a tensor would wait for ever.
    ///
    /// # Errors
    /// As [`all_reduce`](Self::all_reduce).
    pub fn settle(&self) -> Result<(), Error> {
        if !self.on_cuda {
            return Ok(());
        }
        // SAFETY: the group is alive.
        self.run("an operation on the device", |group| unsafe { ffi::lnn_group_settle(group) })
    }

    /// Waits until all processes have called it; for a group on the CPU.
    ///
    /// # Errors
    /// As [`all_reduce`](Self::all_reduce).
    pub fn barrier(&self) -> Result<(), Error> {
        // SAFETY: the group is alive.
        self.run("barrier", |group| unsafe { ffi::lnn_group_barrier(group) })
    }

    /// Leaves the group because of a failure. The operations of the others fail at once, and their errors contain `reason`.
    pub fn leave(&self, reason: &str) {
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if handle.is_none() {
            return;
        }
        // A store that is gone cannot take the reason, and the others then notice the end of the connection alone.
        let noted = self.store.set(&left(self.place.rank), reason.as_bytes());
        let _ = self.store.set(&read(self.place.rank), b"");
        *handle = None;
        if self.store.hosts && noted.is_ok() {
            for rank in 1..self.place.size {
                let _ = self.store.wait(&read(rank), FAREWELL);
            }
        }
    }

    fn run(
        &self,
        operation: &'static str,
        call: impl FnOnce(*mut RawGroup) -> *mut std::ffi::c_char,
    ) -> Result<(), Error> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = &*handle else {
            let gone = Error::Argument("this rank has left the group".into());
            return Err(self.place.error(operation, self.place.others(), &gone));
        };
        let result = ffi::check(call(group.0.as_ptr()));
        result.map_err(|error| self.place.error(operation, self.peers(), &error))
    }

    /// The others in words, with the reasons of those that left.
    fn peers(&self) -> String {
        let reason = |rank: usize| {
            let reason = self.store.get(&left(rank)).ok()??;
            Some(format!("rank {rank} stopped: {}", String::from_utf8_lossy(&reason)))
        };
        let reasons: Vec<String> =
            (0..self.place.size).filter(|rank| *rank != self.place.rank).filter_map(reason).collect();
        let _ = self.store.set(&read(self.place.rank), b"");
        if reasons.is_empty() {
            return self.place.others();
        }
        format!("{} ({})", self.place.others(), reasons.join("; "))
    }

    fn check(&self, tensor: &Tensor) -> Result<(), Error> {
        let fits = matches!(tensor.device(), Device::Cuda(_)) == self.on_cuda;
        if !fits || !tensor.is_contiguous() {
            return Err(Error::Argument(format!(
                "expected a contiguous tensor on the {}, found one on {:?}",
                if self.on_cuda { "CUDA device of the group" } else { "CPU" },
                tensor.device()
            )));
        }
        Ok(())
    }
}

/// The key of the reason why a rank left.
fn left(rank: usize) -> String {
    format!("left/{rank}")
}

/// The key that says that a rank knows of the end.
fn read(rank: usize) -> String {
    format!("read/{rank}")
}
