//! The commands, one file or folder each. They never use each other.

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
    /// Exits with 3 if a body would be quarantined, and says why.
    Normalize(normalize::NormalizeArgs),
    /// Publishes the bodies in quarantine/ and spill/ of the vault, and moves them to replayed/
    ///
    /// Prints a line for each body. Stops after two failures of the queue in a row. Exits with 1 if a body
    /// is skipped or something failed. If a body was published but not moved, the next replay publishes it
    /// again with the same ids.
    Replay(replay::ReplayArgs),
    /// Finds the jobs whose callbacks never arrived, and publishes them
    ///
    /// Asks the vendor which jobs ended in a window of time, and reads in the function's log which of
    /// them were received. Publishes the others with the ids of their callbacks. Prints a line for each
    /// job. Needs TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, and for a temporary key
    /// TENCENTCLOUD_TOKEN. Exits with 1 if a job is skipped or something failed, and with 2 for wrong
    /// arguments.
    Reconcile(Box<reconcile::ReconcileArgs>),
    /// Prints the messages of jobs as the vendor reports them now, one JSON document per line
    ///
    /// Needs the vendor's key like reconcile. --publish also sends them to the queue. Exits with 1 if the
    /// vendor does not know an id, or if something failed.
    Lookup(Box<lookup::LookupArgs>),
    /// Compares a job, as the vendor reports it now, with a body in the vault
    ///
    /// Needs the vendor's key like reconcile. Prints a line for each field, without its values. Exits with
    /// 1 if a field differs.
    Compare(compare::CompareArgs),
    /// Prints the vendor's queues, and where they send their callbacks
    ///
    /// Needs the vendor's key like reconcile. Prints only the host and a digest of a URL, which contains
    /// the token. Exits with 1 if a queue does not call --url for each job that
    /// ends.
    Queues(queues::QueuesArgs),
    /// Checks a deployed URL, its queue and its vault
    ///
    /// Sends the vendor's probe and a wrong token. If the queue and the vault are set, it also
    /// counts the waiting jobs and bodies. Exits with 1 if anything is wrong.
    Doctor(doctor::DoctorArgs),
    /// Lists and prints the objects in the vault
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Creates a token of 256 random bits, and prints it with its digest
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

/// Prints an error, unless it is that standard output was closed.
fn exit_code(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        let io_error = error.downcast_ref::<io::Error>();
        if io_error.is_none_or(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            warn(format!("{error:#}"));
        }
        ExitCode::FAILURE
    })
}
