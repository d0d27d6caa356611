//! `callbackctl vault`: lists and prints the objects in the vault.

use std::io::{self, Write};

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

use crate::{
    Failure,
    clients::Clients,
    replay::WAITING,
    vault_admin::{About, VaultAdmin},
};

/// The maximum number of listed objects, each with a request for its reason.
const DEFAULT_LIMIT: usize = 100;

/// The vault.
#[derive(Args)]
pub(crate) struct Place {
    /// The vault's bucket
    #[arg(long, env = "VAULT_BUCKET", value_parser = NonEmptyStringValueParser::new())]
    vault_bucket: String,
}

impl Place {
    /// Returns the vault.
    pub(crate) fn vault(&self, clients: &Clients) -> VaultAdmin {
        VaultAdmin {
            client: clients.s3(),
            bucket: self.vault_bucket.clone(),
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the bodies to replay: key, size, time received, reason
    List {
        #[command(flatten)]
        place: Place,
        /// List the keys with this prefix instead of quarantine/ and spill/
        #[arg(long)]
        prefix: Option<String>,
        /// The maximum number of objects to list, for each prefix
        #[arg(long, default_value_t = DEFAULT_LIMIT)]
        limit: usize,
    },
    /// Prints the metadata of one object
    Show {
        #[command(flatten)]
        place: Place,
        /// The key of the object
        key: String,
        /// Print the body and nothing else. It may contain secrets
        #[arg(long)]
        body: bool,
    },
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let clients = Clients::load().await;
        let mut out = io::stdout();
        match self {
            Self::List {
                place,
                prefix,
                limit,
            } => {
                let vault = place.vault(&clients);
                let prefixes =
                    prefix.map_or(WAITING.map(str::to_owned).to_vec(), |prefix| vec![prefix]);
                for prefix in prefixes {
                    let entries = vault.list(&prefix, limit.saturating_add(1)).await?;
                    for entry in entries.iter().take(limit) {
                        let about = vault.about(&entry.key).await?;
                        writeln!(
                            out,
                            "{}\t{} bytes\t{}\t{}",
                            entry.key, entry.bytes, about.receipt.received_at, about.reason
                        )?;
                    }
                    if entries.len() > limit {
                        writeln!(out, "{prefix}: there are more: see --limit")?;
                    }
                }
            }
            Self::Show { place, key, body } => {
                let (bytes, About { reason, receipt }) = place.vault(&clients).get(&key).await?;
                if body {
                    out.write_all(&bytes)?;
                    return Ok(());
                }
                writeln!(out, "key: {key}")?;
                writeln!(out, "bytes: {}", bytes.len())?;
                writeln!(out, "content type: {}", receipt.content_type)?;
                if let Some(encoding) = receipt.content_encoding {
                    writeln!(out, "content encoding: {encoding}")?;
                }
                writeln!(out, "received at: {}", receipt.received_at)?;
                writeln!(out, "request id: {}", receipt.request_id)?;
                writeln!(out, "reason: {reason}")?;
            }
        }
        Ok(())
    }
}
