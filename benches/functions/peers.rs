//! What the peers are made of.

use std::fs;

use serde_json::Value;

use crate::{
    function::{node, python},
    harness::{machine::version, page::in_repository},
};

/// Lines of Markdown.
pub(crate) fn describe() -> String {
    format!(
        "- {}, {}\n- Node {}, {}\n",
        version(&python().to_string_lossy()),
        python_packages(),
        version(&node().to_string_lossy()),
        node_packages(),
    )
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
