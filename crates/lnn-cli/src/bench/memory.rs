//! The memory of this process as reported by Linux; unknown on other systems.

use std::fs;

/// Resident memory at one point in time, in megabytes.
#[derive(Debug)]
pub(super) struct Memory {
    /// The maximum so far, or since it was [reset](Self::forget_peak).
    pub(super) peak: Option<f64>,
    /// The current memory without the pages of files, which belong to libraries.
    own: Option<f64>,
    /// The pages of files, whose number only increases.
    files: Option<f64>,
}

impl Memory {
    /// Reads the current memory of this process.
    pub(super) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let [peak, own, files] = ["VmHWM:", "RssAnon:", "RssFile:"].map(|name| megabytes(&status, name));
        Self { peak, own, files }
    }

    /// Resets the peak, because drawing weights can take more memory than the benchmark itself. If the system refuses, the peak
    /// is that of the whole process.
    pub(super) fn forget_peak() {
        let _ = fs::write("/proc/self/clear_refs", "5");
    }

    /// Returns how far the peak, without the pages of files, exceeds the memory `before`.
    pub(super) fn added_since(&self, before: &Self) -> Option<f64> {
        Some((self.peak? - self.files? - before.own?).max(0.0))
    }
}

/// Parses the line `name 1234 kB` of a status.
fn megabytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_status_is_read() {
        let status = "Name:\tlnn-cli\nVmHWM:\t    2048 kB\nRssAnon:\t    1024 kB\n";
        assert_eq!(megabytes(status, "VmHWM:"), Some(2.0));
        assert_eq!(megabytes(status, "RssAnon:"), Some(1.0));
        assert_eq!(megabytes(status, "VmSwap:"), None);
    }

    #[test]
    fn what_is_allocated_is_seen() {
        let before = Memory::now();
        Memory::forget_peak();
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        if let Some(added) = Memory::now().added_since(&before) {
            assert!(added > 32.0, "{added}");
        }
        drop(block);
    }
}
