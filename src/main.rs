//! The Lambda function: reads the configuration, creates the handler, and runs it.

use std::process::ExitCode;

use cloud_infinite_callback::{config::Config, handler::Handler, telemetry};
use lambda_http::{lambda_runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // A value that is not UTF-8 is invalid, not missing.
    let get = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    let (log, config) = Config::from_env(get);
    telemetry::init(log);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    let config = match config {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                tracing::error!(variable = error.variable, "{error}");
            }
            return ExitCode::FAILURE;
        }
    };
    let handler = Handler::new(config);
    let handler = &handler;
    // Boxed: otherwise, each of the runtime's futures would contain and copy it.
    let service = service_fn(move |event| Box::pin(handler.handle(event)));
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}
