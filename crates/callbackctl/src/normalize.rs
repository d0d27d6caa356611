//! `callbackctl normalize`: bodies to the messages that they would give.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use cloud_infinite_callback::{
    callback::{self, Payload},
    event,
};

use crate::Failure;

/// The exit code for a body that would be quarantined.
const UNREADABLE: u8 = 3;

/// Which bodies, and for whom.
#[derive(Args)]
pub(crate) struct Normalize {
    /// Files with a body each; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print for people: indented
    #[arg(long)]
    pretty: bool,
}

impl Normalize {
    /// Runs the command, and gives its exit code.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let mut code = ExitCode::SUCCESS;
        let mut out = io::stdout().lock();
        for file in &self.files {
            let name = file.display();
            let bytes = read(file)
                .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
            if callback::is_empty(&bytes) {
                eprintln!("{name}: nothing in it: it would be answered with 400");
                continue;
            }
            match Payload::read(&bytes) {
                Ok(Payload::Probe) => {
                    eprintln!(
                        "{name}: the vendor's probe: it would be answered and give no message"
                    );
                }
                Ok(Payload::Callback(callback)) => {
                    for event in event::events(&callback) {
                        let json = if self.pretty {
                            event::to_pretty_json(&event)
                        } else {
                            event::to_json(&event)
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
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(file)
}
