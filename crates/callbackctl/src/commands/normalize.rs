//! `callbackctl normalize`: prints the messages that bodies produce.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use cloud_infinite_callback::{
    callback::{self, Payload},
    event,
};

use crate::terminal::say;

/// The exit code for a body that would be quarantined.
const UNREADABLE: u8 = 3;

/// Prints the messages that bodies produce.
#[derive(Args)]
pub(crate) struct NormalizeArgs {
    /// Files with one body each, or - for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Indent the output
    #[arg(long)]
    pretty: bool,
}

impl NormalizeArgs {
    /// Runs the command, and returns its exit code.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut code = ExitCode::SUCCESS;
        for file in &self.files {
            let name = file.display();
            let bytes = read(file).with_context(|| name.to_string())?;
            if callback::is_empty(&bytes) {
                eprintln!("{name}: empty body: the function would return 400");
                continue;
            }
            match Payload::read(&bytes) {
                Ok(Payload::Probe) => {
                    eprintln!("{name}: Tencent's probe, which produces no message");
                }
                Ok(Payload::Callback(callback)) => {
                    for event in event::events(&callback) {
                        say(match self.pretty {
                            true => event::to_pretty_json(&event),
                            false => event::to_json(&event),
                        })?;
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
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(file)
}
