//! Where the process of a run computes.

use serde::Serialize;
use std::fs;
use tch::Device;

/// The machine and the device of the process of a run, reported once when it begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// The name of the machine.
    pub host: String,
    /// The device, as on the command line.
    pub device: String,
    /// Threads of one operation on the CPU.
    pub threads: i32,
}

impl Place {
    /// Returns the place of this process, which computes on `device`.
    pub(crate) fn of(device: Device) -> Self {
        let device = match device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".into(),
        };
        Self { host: host(), device, threads: tch::get_num_threads() }
    }

    /// Formats the place as `cpu, 2 threads on node17`.
    pub fn in_words(&self) -> String {
        let Self { host, device, threads } = self;
        format!("{device}, {threads} thread{} on {host}", if *threads == 1 { "" } else { "s" })
    }
}

/// Returns the name of this machine.
pub(crate) fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "an unknown host".into() } else { name.trim().into() }
}
