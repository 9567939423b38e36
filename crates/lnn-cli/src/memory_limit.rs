//! A memory limit for this process: an allocation far beyond the memory of the machine fails at once.
//!
//! The allocator reserves addresses without checking whether enough memory exists. Without a limit, a tensor of terabytes would
//! be allocated, and the system would kill this process, or another one, while it is filled.

use crate::kernel_status::kilobytes;
use rlimit::Resource;
use std::fs;

/// The factor between the limit and the memory: the allocator reserves more addresses than it uses memory, but less than this
/// many times.
const ADDRESSES: u64 = 2;

/// Limits this process to the memory of the machine. If the memory is unknown, or there is already a lower limit, nothing
/// changes.
pub(crate) fn limit_to_machine() {
    let Some(memory) = fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine_memory(&text)) else {
        return;
    };
    let Ok((soft, hard)) = Resource::DATA.get() else { return };
    let limit = memory.saturating_mul(ADDRESSES);
    if limit < soft {
        // The limit is optional, therefore errors are ignored.
        let _ = Resource::DATA.set(limit, hard);
    }
}

/// Returns the bytes of memory and swap in the text of `/proc/meminfo`.
fn machine_memory(text: &str) -> Option<u64> {
    let swap = kilobytes(text, "SwapTotal:").unwrap_or(0);
    kilobytes(text, "MemTotal:")?.checked_add(swap)?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read_with_its_swap() {
        let text = "MemTotal:       1000 kB\nMemFree:         400 kB\nSwapTotal:        24 kB\n";
        assert_eq!(machine_memory(text), Some(1024 * 1024));
        assert_eq!(machine_memory("MemTotal: 5 kB\n"), Some(5 * 1024));
        for odd in ["", "MemTotal: many kB\n", "SwapTotal: 24 kB\n", "MemTotal: 5 MB\n"] {
            assert_eq!(machine_memory(odd), None, "{odd}");
        }
    }
}
