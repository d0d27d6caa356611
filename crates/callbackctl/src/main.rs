//! `callbackctl`, the command-line tool for operators. Its `commands` use `tencent`, a client of Cloud
//! Infinite's API, and `aws`, which accesses the queue, the vault and the log of a receiver.

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
