//! What tests, benches and fuzz targets share; never published.
//!
//! | module | what it is |
//! |---|---|
//! | [`bodies`] | callbacks as the vendor would send them, as JSON or as XML |
//! | [`function_url`] | the events and responses of a function URL |
//! | [`runtime_api`] | the Lambda runtime API, which invokes the function |
//! | [`function`] | the function's process, in the environment of Lambda |
//! | [`fake_aws`] | SQS and S3 that record calls, and fail on request |
//! | [`ministack`] | an emulator of AWS, for all tests of a binary |
//! | [`queue`], [`bucket`] | a test's own queue and bucket on it |
//! | [`proxy`] | a proxy that fails some calls to the emulator |
//! | [`server`] | the HTTP server of all these |
//! | [`xml_json_equivalence`] | one callback, written as XML and as JSON |

#![expect(missing_docs, reason = "its users have the source")]

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

/// Returns a path in `../shared`. If it is missing, the test fails in CI. Elsewhere the caller skips
/// what it cannot show, and a message says so.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    let is_ci = std::env::var_os("CI").is_some();
    assert!(!is_ci, "{} is missing", path.display());
    eprintln!("nothing shown: {} is missing", path.display());
    None
}
