//! How much memory this process may use, to refuse what cannot fit before it is taken.

use std::fs;

/// Returns the bytes of memory that this process may use: those of the machine with its swap, or a lower limit of the process or of
/// its control group. `None` if none of them is known.
pub fn usable_memory() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let limit = read("/proc/self/limits").and_then(|text| lowest_limit(&text));
    let group = read("/proc/self/cgroup").and_then(|text| group_limit(&text, &read));
    [machine_memory(), limit, group].into_iter().flatten().min()
}

/// Returns the bytes of memory and swap of the machine; `None` if they are unknown.
pub fn machine_memory() -> Option<u64> {
    of_machine(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// Returns the bytes of memory and swap in the text of `/proc/meminfo`.
fn of_machine(text: &str) -> Option<u64> {
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    kilobytes("MemTotal:")?.checked_add(kilobytes("SwapTotal:").unwrap_or(0))?.checked_mul(1024)
}

/// Returns the lower of the limits on data and on addresses in the text of `/proc/self/limits`.
fn lowest_limit(text: &str) -> Option<u64> {
    let soft = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    ["Max data size", "Max address space"].into_iter().filter_map(soft).min()
}

/// Returns the limit of the control group in the text of `/proc/self/cgroup`, of version 2.
fn group_limit(text: &str, read: &impl Fn(&str) -> Option<String>) -> Option<u64> {
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    read(&format!("/sys/fs/cgroup{}/memory.max", group.trim_end_matches('/')))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read_with_its_swap() {
        let text = "MemTotal:       1000 kB\nMemFree:         400 kB\nSwapTotal:        24 kB\n";
        assert_eq!(of_machine(text), Some(1024 * 1024));
        assert_eq!(of_machine("MemTotal: 5 kB\n"), Some(5 * 1024));
        for odd in ["", "MemTotal: many kB\n", "SwapTotal: 24 kB\n", "MemTotal: 5 MB\n"] {
            assert_eq!(of_machine(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_lowest_limit_counts_and_none_is_none() {
        let limits = "Limit    Soft Limit  Hard Limit  Units\nMax data size   4096   unlimited   bytes\n\
                      Max address space   unlimited   unlimited   bytes\n";
        assert_eq!(lowest_limit(limits), Some(4096));
        assert_eq!(lowest_limit(&limits.replace("4096", "unlimited")), None);
        let read = |path: &str| (path == "/sys/fs/cgroup/a/memory.max").then(|| "2048\n".to_owned());
        assert_eq!(group_limit("0::/a\n", &read), Some(2048));
        assert_eq!(group_limit("0::/b\n", &read), None);
    }

    #[test]
    fn this_process_may_use_some_memory() {
        assert!(usable_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
