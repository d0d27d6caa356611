//! The function: one Lambda behind a function URL.

use std::process::ExitCode;

use cloud_infinite_callback::{
    config::{Config, LogConfig},
    handler::Handler,
    telemetry,
};
use lambda_http::{lambda_runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // A value that is not UTF-8 is invalid, not missing.
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
    // Boxed: the runtime's futures around it would copy it.
    let service = service_fn(move |event| Box::pin(handler.handle(event)));
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}
