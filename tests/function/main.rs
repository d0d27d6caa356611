//! Tests the compiled function with the real runtime client and fake AWS services.
//!
//! Each module tests one promise of the README. The servers are those of `testkit`.

mod answers;
mod authentication;
mod configuration;
mod events;
mod faults;
mod grouping;
mod infra_contract;
mod metrics;
mod publishing;
mod soak;
mod sqs_calls;
mod telemetry;
mod vault;

use testkit::function::{Function, Settings};

/// Starts the function.
async fn start(settings: Settings) -> Function {
    Function::start(env!("CARGO_BIN_EXE_callback"), settings).await
}
