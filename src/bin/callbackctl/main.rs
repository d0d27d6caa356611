//! The operator's commands: `callbackctl help` lists them.

mod doctor;
mod normalize;
mod replay;
mod token;
mod vault;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use cloud_infinite_callback::vault::NotKept;

/// Commands for the operator of a callback receiver.
#[derive(Parser)]
#[command(name = "callbackctl", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the messages that bodies would give, one JSON document a line
    ///
    /// Exits with 3 if a body would be quarantined, and says why.
    Normalize(normalize::Normalize),
    /// Publishes what waits in the vault and moves it to replayed/
    ///
    /// Exits with 1 if anything is left. What was published and not moved is published again by
    /// the next replay, with the same ids.
    Replay(replay::Replay),
    /// Tries a deployed URL, and looks at what is behind it
    ///
    /// Sends the vendor's probe, a wrong token and a GET. Where it knows the queue and the vault,
    /// it tells what waits there. Exits with 1 if anything is not as it should be.
    Doctor(doctor::Doctor),
    /// Looks into the vault
    #[command(subcommand)]
    Vault(vault::Command),
    /// Makes a token of 256 random bits and prints it with its digest
    Token,
}

/// Why a command ends; without a word where whoever read its output wants no more.
struct Failure(String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self(String::new()),
            _ => Self(error.to_string()),
        }
    }
}

impl From<NotKept> for Failure {
    fn from(error: NotKept) -> Self {
        Self(format!("the vault: {error}"))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Normalize(normalize) => normalize.run(),
        Command::Replay(replay) => replay.run().await.map(success_if),
        Command::Doctor(doctor) => doctor.run().await.map(success_if),
        Command::Vault(command) => command.run().await.map(|()| ExitCode::SUCCESS),
        Command::Token => token::token().map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|Failure(reason)| {
        if !reason.is_empty() {
            eprintln!("callbackctl: {reason}");
        }
        ExitCode::FAILURE
    })
}

fn success_if(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
