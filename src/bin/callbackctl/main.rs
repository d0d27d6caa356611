//! The operator's commands: `callbackctl help` lists them.

mod doctor;
mod page;
mod replay;
mod schema;
mod vault;

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use cloud_infinite_callback::{auth, body, callback::Callback, event::Event, vault::NotKept};

/// The exit code for a body that would be quarantined.
const UNREADABLE: u8 = 3;

/// How many bytes a token is made of: 256 bits.
const TOKEN_BYTES: usize = 32;

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
    Normalize {
        /// Files with a body each; - is standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Print for people: indented
        #[arg(long)]
        pretty: bool,
    },
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
    /// Prints the schema of messages: JSON Schema 2020-12
    Schema {
        /// Print it for people: Markdown
        #[arg(long)]
        markdown: bool,
    },
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
        Command::Normalize { files, pretty } => normalize(&files, pretty),
        Command::Replay(replay) => replay.run().await.map(success_if),
        Command::Doctor(doctor) => doctor.run().await.map(success_if),
        Command::Vault(command) => command.run().await.map(|()| ExitCode::SUCCESS),
        Command::Schema { markdown } => schema(markdown),
        Command::Token => token(),
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

fn normalize(files: &[PathBuf], pretty: bool) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    let mut out = io::stdout().lock();
    for file in files {
        let name = file.display();
        let bytes =
            read(file).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        if body::is_empty(&bytes) {
            eprintln!("{name}: nothing in it: it would be answered with 400");
            continue;
        }
        match Callback::read(&bytes) {
            Ok(callback) if callback.is_probe() => {
                eprintln!("{name}: the vendor's probe: it would be answered and give no message");
            }
            Ok(callback) => {
                for event in Event::all(&callback) {
                    let json = if pretty {
                        event.to_pretty_json()
                    } else {
                        event.to_json()
                    };
                    writeln!(out, "{json}")?;
                }
            }
            Err(unreadable) => {
                eprintln!("{name}: {unreadable}");
                code = ExitCode::from(UNREADABLE);
            }
        }
    }
    Ok(code)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(file)
}

fn schema(markdown: bool) -> Result<ExitCode, Failure> {
    let schema = schema::schema();
    let mut out = io::stdout().lock();
    if markdown {
        write!(out, "{}", page::page(&schema))?;
    } else {
        writeln!(out, "{schema:#}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn token() -> Result<ExitCode, Failure> {
    let mut bits = [0; TOKEN_BYTES];
    getrandom::fill(&mut bits).map_err(|error| Failure(error.to_string()))?;
    let token = hex::encode(bits);
    let digest = hex::encode(auth::digest(token.as_bytes()));
    let mut out = io::stdout().lock();
    writeln!(out, "token (for the URL, keep it secret):  {token}")?;
    writeln!(out, "CALLBACK_TOKEN_SHA256 (for the function):  {digest}")?;
    Ok(ExitCode::SUCCESS)
}
