//! Selection of the device.

use crate::failure::Failure;
use std::fmt::{Display, Formatter};
use std::str::FromStr;
use tch::{Cuda, Device};

/// The value of `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceRequest {
    /// CUDA if there is a device, otherwise the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by index.
    Cuda(usize),
}

impl FromStr for DeviceRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("expected auto, cpu, cuda or cuda:N, found `{text}`");
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(|i| i.parse().ok()).map(Self::Cuda).ok_or_else(unknown),
        }
    }
}

impl Display for DeviceRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl DeviceRequest {
    /// Returns the device of one of several processes on this machine, each of which has one of its own: `auto` takes the CUDA device of
    /// the same number as the process.
    ///
    /// # Errors
    /// [`Failure::Request`] with what was found.
    pub fn resolve_local(self, local_rank: usize) -> Result<Device, Failure> {
        let found = if Cuda::is_available() { Cuda::device_count() } else { 0 };
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if found == 0 => Ok(Device::Cpu),
            // A launcher may show each process its own device alone.
            Self::Auto if found == 1 => Ok(Device::Cuda(0)),
            Self::Auto if (local_rank as i64) < found => Ok(Device::Cuda(local_rank)),
            Self::Auto => Err(Failure::request(format!(
                "expected a CUDA device for the process with the local rank {local_rank}, found {found} device(s); hint: as many processes \
                 as devices, or --device cpu"
            ))),
            Self::Cuda(_) => Err(Failure::request(
                "--device: expected auto or cpu where several processes train together, because each has a device of its own; hint: leave it \
                 out",
            )),
        }
    }

    /// Returns the device if this machine has it.
    ///
    /// # Errors
    /// [`Failure::Request`] with what was found.
    pub fn resolve(self) -> Result<Device, Failure> {
        let found = if Cuda::is_available() { Cuda::device_count() } else { 0 };
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto => Ok(if found > 0 { Device::Cuda(0) } else { Device::Cpu }),
            Self::Cuda(index) if (index as i64) < found => Ok(Device::Cuda(index)),
            Self::Cuda(index) if found > 0 => Err(Failure::request(format!(
                "expected the CUDA device {index}, found {found} CUDA device(s), numbered from 0"
            ))),
            Self::Cuda(_) => {
                let reason = if tch::utils::has_cuda() || tch::utils::has_cudart() {
                    "libtorch has CUDA, but no usable NVIDIA GPU or driver"
                } else {
                    "a libtorch without CUDA"
                };
                Err(Failure::request(format!(
                    "expected a CUDA device, found {reason}; hint: --device cpu, or --device auto to take what is there"
                )))
            }
        }
    }
}

/// Formats the device as on the command line.
pub fn name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_read_and_others_are_refused() {
        assert_eq!("auto".parse(), Ok(DeviceRequest::Auto));
        assert_eq!("cuda".parse(), Ok(DeviceRequest::Cuda(0)));
        assert_eq!("cuda:3".parse(), Ok(DeviceRequest::Cuda(3)));
        for wrong in ["gpu", "cuda:", "cuda:x", ""] {
            assert!(wrong.parse::<DeviceRequest>().unwrap_err().contains("expected auto, cpu, cuda"));
        }
    }

    #[test]
    fn cuda_without_a_gpu_says_what_was_found() {
        if !Cuda::is_available() {
            let failure = DeviceRequest::Cuda(0).resolve().unwrap_err();
            assert!(failure.to_string().contains("expected a CUDA device, found"));
            assert_eq!(DeviceRequest::Auto.resolve().unwrap(), Device::Cpu);
        }
    }
}
