//! The processes that train one model together.
//!
//! Each has a rank, the same model, and a share of each batch. Rank 0 alone writes the folder of the run and reports to observers. What
//! is decided between steps is decided by numbers that are sums over all ranks, and is therefore the same in all of them.
//!
//! A rank that fails leaves with its reason, and the operations of the others then fail with that reason.

use crate::error::Error;
use lnn_models::Checkpoint;
use lnn_sys::{Place, ProcessGroup};
use std::path::Path;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// The number of bytes of a bucket of tensors, which are exchanged at once.
const BUCKET: usize = 32 << 20;

/// The ranks of a run; by default this process alone, for which all operations do nothing.
#[derive(Debug, Clone, Default)]
pub struct Ranks(Option<Arc<Groups>>);

/// Two groups of the same processes.
#[derive(Debug)]
struct Groups {
    /// On the CPU: decisions, and tensors that are there.
    control: Arc<ProcessGroup>,
    /// On CUDA, if the run is there.
    device: Option<Arc<ProcessGroup>>,
}

impl Ranks {
    /// The ranks of `control`, a group on the CPU; where models are on CUDA, `device` is a group of the same processes there.
    pub fn new(control: ProcessGroup, device: Option<ProcessGroup>) -> Self {
        Self(Some(Arc::new(Groups { control: Arc::new(control), device: device.map(Arc::new) })))
    }

    /// The rank of this process and the number of ranks.
    pub fn place(&self) -> Place {
        self.0.as_ref().map_or(Place::ALONE, |groups| groups.control.place())
    }

    /// Whether this process is rank 0, which writes files and reports.
    pub fn is_first(&self) -> bool {
        self.place().rank == 0
    }

    /// Whether there are other ranks.
    pub fn are_several(&self) -> bool {
        self.0.is_some()
    }

    /// Leaves the others because of a failure, which their errors name. Does nothing for a process alone.
    pub fn leave(&self, reason: &str) {
        if let Some(groups) = &self.0 {
            groups.control.leave(reason);
        }
    }

    /// Waits until all ranks are here.
    ///
    /// # Errors
    /// [`Error::Model`] if another rank is gone.
    pub fn meet(&self) -> Result<(), Error> {
        Ok(self.0.as_ref().map_or(Ok(()), |groups| groups.control.barrier())?)
    }

    /// Whether `flag` is true for any rank; all ranks call it.
    ///
    /// # Errors
    /// [`Error::Model`] if another rank is gone.
    pub fn any(&self, flag: bool) -> Result<bool, Error> {
        if self.0.is_none() {
            return Ok(flag);
        }
        let mut sum = Tensor::full([], f64::from(u8::from(flag)), (Kind::Double, Device::Cpu));
        self.sum(&mut sum)?;
        Ok(sum.double_value(&[]) > 0.0)
    }

    /// Replaces a contiguous tensor, on the CPU or the device of the run, by its sum over the ranks.
    ///
    /// # Errors
    /// [`Error::Model`] if another rank is gone.
    pub fn sum(&self, tensor: &mut Tensor) -> Result<(), Error> {
        let Some(groups) = &self.0 else { return Ok(()) };
        let group = groups.of(tensor.device());
        let each = (BUCKET / tensor.kind().elt_size_in_bytes()) as i64;
        let flat = tensor.f_view(-1).map_err(lnn_core::Error::from)?;
        let numbers = flat.size()[0];
        for start in (0..numbers).step_by(each as usize) {
            group.all_reduce(&mut flat.narrow(0, start, each.min(numbers - start)))?;
        }
        Ok(())
    }

    /// Waits for operations that are queued on a CUDA device, and no longer than the timeout of the ranks.
    ///
    /// # Errors
    /// [`Error::Model`] if another rank is gone.
    pub fn settle(&self) -> Result<(), Error> {
        let device = self.0.as_ref().and_then(|groups| groups.device.as_ref());
        Ok(device.map_or(Ok(()), |group| group.settle())?)
    }

    /// Copies tensors of rank 0 into those of the others, which have the same shapes.
    pub(crate) fn broadcast<'a>(&self, tensors: impl Iterator<Item = &'a Tensor>) -> Result<(), Error> {
        let Some(groups) = &self.0 else { return Ok(()) };
        for tensor in tensors {
            let mut copy = tensor.detach().contiguous();
            groups.of(tensor.device()).broadcast(&mut copy)?;
            if !self.is_first() {
                tch::no_grad(|| tensor.shallow_clone().copy_(&copy));
            }
        }
        Ok(())
    }

    /// The bytes that rank 0 has read; none where it has found none.
    pub(crate) fn bytes(
        &self,
        read: impl FnOnce() -> Result<Option<Vec<u8>>, Error>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(groups) = &self.0 else { return read() };
        let found = if self.is_first() { read()? } else { None };
        let length = found.as_ref().map_or(-1, |bytes| bytes.len() as i64);
        let mut length = Tensor::from_slice(&[length]);
        groups.control.broadcast(&mut length)?;
        let length = length.int64_value(&[0]);
        if length < 0 {
            return Ok(None);
        }
        let mut bytes = match &found {
            Some(bytes) => Tensor::from_slice(bytes),
            None => Tensor::zeros([length], (Kind::Uint8, Device::Cpu)),
        };
        if length > 0 {
            groups.control.broadcast(&mut bytes)?;
        }
        Ok(Some(match found {
            Some(found) => found,
            None => Vec::try_from(bytes).map_err(lnn_core::Error::from)?,
        }))
    }

    /// The checkpoint at `path`, which rank 0 reads for all; none if there is no such file.
    pub(crate) fn checkpoint(&self, path: &Path) -> Result<Option<Checkpoint>, Error> {
        if !self.are_several() {
            return Ok(path.exists().then(|| Checkpoint::load(path)).transpose()?);
        }
        let read = || path.exists().then(|| std::fs::read(path).map_err(Error::io(path))).transpose();
        Ok(self.bytes(read)?.map(|bytes| Checkpoint::read(path, &bytes)).transpose()?)
    }

    /// Refuses ranks that do not have the same numbers as rank 0. `what` names them.
    pub(crate) fn agree(&self, what: &str, numbers: &[i64]) -> Result<(), Error> {
        let Some(groups) = &self.0 else { return Ok(()) };
        let mut first = Tensor::from_slice(numbers);
        groups.control.broadcast(&mut first)?;
        let first = Vec::<i64>::try_from(first).map_err(lnn_core::Error::from)?;
        if first == numbers {
            return Ok(());
        }
        let rank = self.place().rank;
        Err(Error::configuration(format!(
            "expected the same {what} in all ranks, found {numbers:?} in rank {rank} and {first:?} in rank 0; hint: all ranks need the \
             same command line, program and files"
        )))
    }

    /// The group of tensors on `device`, if there are other ranks.
    pub(crate) fn group(&self, device: Device) -> Option<Arc<ProcessGroup>> {
        self.0.as_ref().map(|groups| Arc::clone(groups.of(device)))
    }
}

impl Groups {
    fn of(&self, device: Device) -> &Arc<ProcessGroup> {
        match &self.device {
            Some(group) if device.is_cuda() => group,
            _ => &self.control,
        }
    }
}
