//! The commands, one file or folder each. They do not depend on each other.

mod compare;
mod doctor;
mod lookup;
mod normalize;
mod queues;
mod reconcile;
mod replay;
mod token;
mod vault;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::terminal::warn;

/// Commands for the operator of a callback receiver.
#[derive(Parser)]
#[command(name = "callbackctl", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the messages that bodies produce, one JSON document per line
    ///
    /// Exits with 3 if a body would be quarantined, and prints the reason.
    Normalize(normalize::NormalizeArgs),
    /// Publishes the bodies in quarantine/ and spill/ of the vault, and moves them to replayed/
    ///
    /// Prints one line per body. Stops after two consecutive queue failures. Exits with 1 if a body was skipped
    /// or an error occurred. If a body was published but not moved, the next replay publishes it again with the
    /// same ids.
    Replay(replay::ReplayArgs),
    /// Finds the jobs whose callbacks never arrived, and publishes them
    ///
    /// Lists the jobs that ended within a time window, and publishes those that are missing from the function's
    /// log, with the ids of their callbacks. Prints one line per job. Requires TENCENTCLOUD_SECRET_ID and
    /// TENCENTCLOUD_SECRET_KEY, and TENCENTCLOUD_TOKEN for a temporary key. Exits with 1 if a job was skipped
    /// or an error occurred, and with 2 if an argument is invalid.
    Reconcile(Box<reconcile::ReconcileArgs>),
    /// Looks up jobs and prints their messages, one JSON document per line
    ///
    /// Requires the API key, like reconcile. --publish also sends the messages to the queue. Exits with 1 if
    /// Tencent does not know an id or an error occurred.
    Lookup(Box<lookup::LookupArgs>),
    /// Compares a job in Tencent's API with a body in the vault
    ///
    /// Requires the API key, like reconcile. Prints one line per field, without values. Exits with 1 if a field
    /// differs.
    Compare(compare::CompareArgs),
    /// Lists Tencent's queues and their callback settings
    ///
    /// Requires the API key, like reconcile. A callback URL contains the token, so only its host and a digest
    /// are printed. Exits with 1 if a queue does not call --url for every job.
    Queues(queues::QueuesArgs),
    /// Checks a deployed URL, its queue and its vault
    ///
    /// Sends Tencent's probe, and a request with a wrong token. Also counts the jobs on the queue and the
    /// bodies in the vault, if these are set. Exits with 1 if a check fails.
    Doctor(doctor::DoctorArgs),
    /// Lists and prints the objects in the vault
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Generates a random token of 256 bits, and prints it with its digest
    Token,
}

impl Cli {
    /// Runs the command, and returns its exit code.
    pub(crate) async fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Normalize(arguments) => return exit_code(arguments.run()),
            Command::Replay(arguments) => arguments.run().await,
            Command::Reconcile(arguments) => arguments.run().await,
            Command::Lookup(arguments) => arguments.run().await,
            Command::Compare(arguments) => arguments.run().await,
            Command::Queues(arguments) => arguments.run().await,
            Command::Doctor(arguments) => arguments.run().await,
            Command::Vault(command) => command.run().await.map(|()| true),
            Command::Token => token::run().map(|()| true),
        };
        exit_code(result.map(|is_good| ExitCode::from(u8::from(!is_good))))
    }
}

/// Prints an error, unless it is a broken pipe on standard output.
fn exit_code(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        let io_error = error.downcast_ref::<io::Error>();
        if io_error.is_none_or(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            warn(format!("{error:#}"));
        }
        ExitCode::FAILURE
    })
}
