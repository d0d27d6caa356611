//! Test support, shared by tests, benches and fuzz targets. Never published.
//!
//! | module | content |
//! |---|---|
//! | [`bodies`] | callbacks like the vendor's, as JSON or XML |
//! | [`function_url`] | the events and responses of a function URL |
//! | [`runtime_api`] | a server for the Lambda runtime API, which invokes the function |
//! | [`function`] | the process of the function, with the environment of Lambda |
//! | [`fake_aws`] | a fake SQS and S3 that record calls, with fault injection |
//! | [`ministack`] | MiniStack, an AWS emulator, one per test binary |
//! | [`queue`], [`bucket`] | a queue and a bucket on MiniStack, one per test |
//! | [`proxy`] | a proxy to MiniStack, with fault injection |
//! | [`server`] | the HTTP server for all of these |
//! | [`xml_json_equivalence`] | one callback, written as XML and as JSON |

#![expect(missing_docs, reason = "only used inside this repository")]

pub mod bodies;
pub mod bucket;
pub mod fake_aws;
pub mod function;
pub mod function_url;
pub mod ministack;
pub mod proxy;
pub mod queue;
pub mod runtime_api;
pub mod server;
pub mod xml_json_equivalence;

use std::path::{Path, PathBuf};

/// Returns a path in `../shared`. If it is missing, panics in CI; elsewhere prints a message and returns
/// `None`, and the caller skips the test.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    let is_ci = std::env::var_os("CI").is_some();
    assert!(!is_ci, "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}
