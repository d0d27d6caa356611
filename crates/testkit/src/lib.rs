//! Test support, shared by tests, benches and fuzz targets. Never published.
//!
//! | module | content |
//! |---|---|
//! | [`bodies`] | callbacks like Tencent's, as JSON or XML |
//! | [`function_url`] | the events and responses of a function URL |
//! | [`runtime_api`] | a server for the Lambda runtime API, which invokes the function |
//! | [`function`] | the process of the function, with the environment of Lambda |
//! | [`fake_aws`] | a fake SQS and S3 that record calls, with fault injection |
//! | [`ministack`] | MiniStack, an AWS emulator, one per test binary |
//! | [`queue`], [`bucket`] | a queue and a bucket on MiniStack, one per test |
//! | [`proxy`] | a proxy to MiniStack, with fault injection |
//! | [`server`] | the HTTP server of these modules |

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

use std::path::{Path, PathBuf};

/// Returns a path in `../shared`. Tests that require it are ignored, unless the folder exists or `make test`
/// runs in CI.
pub fn shared(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = root.join(path);
    assert!(path.exists(), "{} is missing", path.display());
    path
}
