//! `callbackctl`, the operator's tool: `commands` use `tencent`, the query API of Tencent Cloud Infinite, and
//! `aws`, the queue, the vault and the log of a receiver.

mod aws;
mod commands;
mod http;
mod random;
mod tencent;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    commands::Cli::parse().run().await
}
