//! The function: one Lambda behind a function URL.

use std::process::ExitCode;

use cloud_infinite_callback::{
    config::{Config, LogConfig},
    handler::Handler,
    telemetry,
};
use lambda_http::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // What is no UTF-8 is not missing: it is there, and wrong.
    let get = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    telemetry::start(LogConfig::from_env(get));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    let config = match Config::from_env(get) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                tracing::error!(variable = problem.variable, "{problem}");
            }
            return ExitCode::FAILURE;
        }
    };
    let handler = Handler::new(config);
    let handler = &handler;
    match lambda_http::run(service_fn(move |request| handler.handle(request))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}
