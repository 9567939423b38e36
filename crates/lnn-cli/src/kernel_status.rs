//! Parses the files in which Linux reports memory, with lines `name: 1234 kB`.

/// Returns the number in the line that begins with `name`, in kilobytes.
pub(crate) fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
