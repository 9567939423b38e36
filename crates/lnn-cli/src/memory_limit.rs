//! A memory limit for this process: an allocation far beyond the memory of the machine fails at once.
//!
//! The allocator reserves addresses without checking whether enough memory exists. Without a limit, a tensor of terabytes would
//! be allocated, and the system would kill this process, or another one, while it is filled.

use lnn_data::machine_memory;
use rlimit::Resource;

/// The factor between the limit and the memory: the allocator reserves more addresses than it uses memory, but less than this
/// many times.
const ADDRESSES: u64 = 2;

/// Limits this process to the memory of the machine. If the memory is unknown, or there is already a lower limit, nothing
/// changes.
pub(crate) fn limit_to_machine() {
    let Some(memory) = machine_memory() else { return };
    let Ok((soft, hard)) = Resource::DATA.get() else { return };
    let limit = memory.saturating_mul(ADDRESSES);
    if limit < soft {
        // The limit is optional, therefore errors are ignored.
        let _ = Resource::DATA.set(limit, hard);
    }
}
