//! Where and with what the figures were made.

use std::{env, fs, process::Command, thread};

use serde_json::Value;

use crate::function::{in_repository, node, python};

/// The command that makes them.
const COMMAND: &str = "make bench";

/// Lines of Markdown.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("of an unknown model", |model| {
        model.trim_start_matches(['\t', ' ', ':'])
    });
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "- `{COMMAND}`, on {}\n\
         - CPU {model}, {cores} cores; Linux {}; load average {load} when it began\n\
         - {}\n\
         - {}, {}\n\
         - Node {}, {}\n",
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        read("/proc/sys/kernel/osrelease").trim(),
        output(&env::var("RUSTC").unwrap_or("rustc".to_owned())),
        output(&python().to_string_lossy()),
        python_packages(),
        output(&node().to_string_lossy()),
        node_packages(),
    )
}

/// What a program calls its version.
fn output(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let output = output.expect("a program that was there before");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// As they are pinned.
fn python_packages() -> String {
    let path = in_repository("benches/peers/python/requirements.txt");
    let requirements = fs::read_to_string(path).expect("the peer's packages");
    let named = |line: &&str| {
        ["awslambdaric", "boto3", "xmltodict"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let packages: Vec<_> = requirements
        .lines()
        .filter(named)
        .map(|line| line.replace("==", " "))
        .collect();
    packages.join(", ")
}

/// As they are pinned.
fn node_packages() -> String {
    let path = in_repository("benches/peers/node/package.json");
    let package = fs::read(path).expect("the peer's packages");
    let package: Value = serde_json::from_slice(&package).expect("JSON");
    let packages = ["dependencies", "devDependencies"]
        .into_iter()
        .filter_map(|kind| package[kind].as_object())
        .flatten();
    let packages: Vec<_> = packages
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
        .collect();
    packages.join(", ")
}
