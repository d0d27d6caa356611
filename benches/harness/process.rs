//! What the kernel says of a process.

use std::fs;

/// One kind of memory, in bytes: `VmRSS` what it has, `VmHWM` the most that it has had.
pub(crate) fn memory(process: u32, kind: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let kib = status.lines().find_map(|line| line.strip_prefix(kind));
    let kib = kib.and_then(|kib| kib.strip_prefix(':')?.trim().strip_suffix(" kB"));
    let kib = kib.and_then(|kib| kib.parse::<u64>().ok());
    kib.expect("the kernel counts") * 1024
}
