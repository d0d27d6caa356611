//! Where and with what the figures were made.

use std::{env, fs, process::Command, thread};

/// Lines of Markdown; `command` is what makes the figures.
pub(crate) fn describe(command: &str) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("of an unknown model", |model| {
        model.trim_start_matches(['\t', ' ', ':'])
    });
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "- `{command}`, on {}\n\
         - CPU {model}, {cores} cores; Linux {}; load average {load} when it began\n\
         - {}\n",
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        kernel.split('-').next().unwrap_or_default().trim(),
        version(&env::var("RUSTC").unwrap_or("rustc".to_owned())),
    )
}

/// What a program calls its version.
pub(crate) fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let output = output.expect("a program that was there before");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
