//! The device and the threads of a command.

use crate::device::DeviceRequest;
use crate::failure::Failure;
use clap::Args;
use tch::Device;

/// The maximum number of threads.
const MOST_THREADS: i32 = 1024;

/// Device and threads.
#[derive(Debug, Clone, Args)]
pub(crate) struct ComputeArguments {
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub(crate) device: DeviceRequest,
    /// Threads of one operation on the CPU [default: `OMP_NUM_THREADS`, or else one per core that the process may use: at most
    /// `SLURM_CPUS_PER_TASK`, and no more than its cgroup and its CPU set allow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    pub(crate) threads: Option<i32>,
}

impl ComputeArguments {
    /// Prepares libtorch for this process and returns the device. Threads inherit the treatment of denormals, therefore it is set
    /// before libtorch starts any thread.
    ///
    /// # Errors
    /// [`Failure::Request`] if the device does not exist, or `SLURM_CPUS_PER_TASK` is no number of threads.
    pub(crate) fn prepare(&self) -> Result<Device, Failure> {
        self.prepare_rank(None)
    }

    /// As [`prepare`](Self::prepare), for the process `local_rank` of several on this machine.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub(crate) fn prepare_rank(&self, local_rank: Option<usize>) -> Result<Device, Failure> {
        if let Some(threads) = self.threads()? {
            tch::set_num_threads(threads);
        }
        lnn_sys::flush_denormals(true).map_err(Failure::run)?;
        let device = match local_rank {
            Some(rank) => self.device.resolve_local(rank)?,
            None => self.device.resolve()?,
        };
        // The driver of a CUDA device reserves far more addresses than memory, so no limit is set.
        if device == Device::Cpu {
            limit_memory();
        }
        Ok(device)
    }
}

impl ComputeArguments {
    /// Returns the threads of one operation; none where libtorch takes them from `OMP_NUM_THREADS`.
    ///
    /// # Errors
    /// [`Failure::Request`] if `SLURM_CPUS_PER_TASK` is no number of threads.
    pub(crate) fn threads(&self) -> Result<Option<i32>, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if self.threads.is_some() || variable("OMP_NUM_THREADS").is_some() {
            return Ok(self.threads);
        }
        // Both the CPU set of the process and the quota of its cgroup count here.
        let allowed = std::thread::available_parallelism().map_or(MOST_THREADS, |threads| {
            i32::try_from(threads.get()).map_or(MOST_THREADS, |threads| threads.min(MOST_THREADS))
        });
        let Some(asked) = variable("SLURM_CPUS_PER_TASK") else { return Ok(Some(allowed)) };
        match asked.parse() {
            Ok(asked @ 1..) => Ok(Some(allowed.min(asked))),
            _ => Err(Failure::request(format!(
                "SLURM_CPUS_PER_TASK: expected a number of CPUs, found `{asked}`; hint: --threads N"
            ))),
        }
    }
}

/// Limits this process to the memory of the machine, for a command on the CPU.
pub(crate) fn limit_memory() {
    #[cfg(target_os = "linux")]
    crate::memory_limit::limit_to_machine();
}
