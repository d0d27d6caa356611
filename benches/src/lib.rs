//! What both benches share: the two functions, their events, and calls.
//!
//! `make bench` and `make bench-check` build the functions in `target/bench` as cargo-lambda does for Lambda,
//! but with symbols.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use testkit::{
    fake_aws::FakeAws,
    function::{Function, TIMEOUT},
    runtime_api::InvocationResult,
};

/// The empty function, and the function.
pub const FUNCTIONS: [&str; 2] = ["empty", "callback"];

/// The body of both benches: a transcoding task of 2.5 kB.
pub const TASK: &str = "task/transcode.xml";

/// Returns a path in the repository.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Returns the folder of the functions.
pub fn built() -> PathBuf {
    in_repository("target/bench/release")
}

/// Returns the body of a test case.
pub fn case(name: &str) -> Vec<u8> {
    let path = in_repository("tests/cases").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Starts a function, and returns the time until it requests an invocation.
pub async fn start(command: &mut Command, aws: &FakeAws) -> (Function, Duration) {
    let settings = aws.settings().with("VAULT_BUCKET", "vault");
    let begin = Instant::now();
    let function = Function::spawn(command, settings).await;
    function.api.idle().await;
    (function, begin.elapsed())
}

/// Invokes a function that is idle, and returns the time until its response, which must be a 200.
pub async fn call(function: &Function, event: &str) -> Duration {
    let event = event.to_owned();
    let begin = Instant::now();
    let answer = function.api.invoke(event, TIMEOUT).await;
    let time = begin.elapsed();
    match answer {
        InvocationResult::Response(response) if response["statusCode"] == 200 => {}
        other => panic!("expected status 200, but found {other:?}"),
    }
    function.api.idle().await;
    time
}

/// Prints a line of the output.
#[expect(clippy::print_stdout, reason = "the output of both programs")]
pub fn print(line: &str) {
    println!("{line}");
}
