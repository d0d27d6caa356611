//! The operator's commands: `callbackctl help` lists them.

mod aws;
mod commands;
mod http;
mod random;
mod tencent;
mod terminal;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use cloud_infinite_callback::vault::VaultError;

use crate::{
    aws::{self as clients, event_log, queue as queue_admin, sender, vault as vault_admin},
    commands::{doctor, lookup, normalize, queues, reconcile, replay, token, vault},
    tencent::{
        client as ci_api, jobs as answered_job, signature as cos_signature, xml as xml_answer,
    },
};

/// Commands for the operator of a callback receiver.
#[derive(Parser)]
#[command(name = "callbackctl", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the messages that bodies produce, one JSON document per line
    ///
    /// Exits with 3 if a body would be quarantined, and says why.
    Normalize(normalize::Normalize),
    /// Publishes the bodies in quarantine/ and spill/ of the vault, and moves them to replayed/
    ///
    /// Exits with 1 if anything is left or failed. If a body was published but not moved, the next replay
    /// publishes it again with the same ids.
    Replay(replay::Replay),
    /// Finds the jobs whose callbacks never arrived, and publishes them
    ///
    /// Asks the vendor which jobs ended in a window of time, and reads in the function's log which of
    /// them were received. Publishes the others with the ids of their callbacks. Prints a line for each
    /// job. Needs TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, and for a temporary key
    /// TENCENTCLOUD_TOKEN. Exits with 1 if anything is left or failed, and with 2 if a setting is
    /// missing or wrong.
    Reconcile(Box<reconcile::Reconcile>),
    /// Prints the messages of jobs as the vendor reports them now, one JSON document per line
    ///
    /// Needs the vendor's key like reconcile. --publish also sends them to the queue; --compare compares
    /// a job with a body in the vault. Exits with 1 if the vendor does not know an id, if something
    /// failed, or if job and body differ.
    Lookup(Box<lookup::Lookup>),
    /// Prints the vendor's queues, and where they send their callbacks
    ///
    /// Needs the vendor's key like reconcile. Prints only scheme and host of a URL, and a digest of the
    /// rest, which contains the token. Exits with 1 if a queue does not call --url for each job that
    /// ends.
    Queues(queues::Queues),
    /// Checks a deployed URL, its queue and its vault
    ///
    /// Sends the vendor's probe, a wrong token and a GET. If the queue and the vault are set, it also
    /// counts the waiting jobs and bodies. Exits with 1 if anything is wrong.
    Doctor(doctor::Doctor),
    /// Lists and prints the objects in the vault
    #[command(subcommand)]
    Vault(vault::Command),
    /// Creates a token of 256 random bits, and prints it with its digest
    Token,
}

/// The exit code for wrong arguments, as clap has it, and for missing settings.
const USAGE: u8 = 2;

/// Why a command failed. Empty if standard output was closed.
struct Failure(String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self(String::new()),
            _ => Self(error.to_string()),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self(error.to_string())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Normalize(normalize) => normalize.run(),
        Command::Replay(replay) => replay.run().await.map(success_if),
        Command::Reconcile(reconcile) => reconcile.run().await,
        Command::Lookup(lookup) => lookup.run().await,
        Command::Queues(queues) => queues.run().await,
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

/// Prints the settings that are missing or wrong, and returns the exit code for them.
fn wrong_usage(problems: &[String]) -> ExitCode {
    for problem in problems {
        terminal::warn(problem);
    }
    ExitCode::from(USAGE)
}

fn success_if(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
