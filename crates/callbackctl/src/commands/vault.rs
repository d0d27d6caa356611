//! `callbackctl vault`: lists and prints the objects in the vault.

use std::io::{self, Write};

use anyhow::Context;
use clap::Subcommand;

use crate::{
    aws::{
        Clients,
        vault::{ObjectMetadata, REPLAYABLE, VaultArgs, VaultBucket, VaultObject},
    },
    terminal::say,
};

/// The maximum number of objects that are listed per prefix. Each costs a request for its metadata.
const LIMIT: usize = 100;

#[derive(Subcommand)]
pub(crate) enum VaultCommand {
    /// Lists the bodies to replay with size, time of receipt and reason
    #[command(mut_arg("vault_bucket", |arg| arg.required(true)))]
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// List the keys with this prefix instead of quarantine/ and spill/
        #[arg(long)]
        prefix: Option<String>,
    },
    /// Prints the metadata of one object
    #[command(mut_arg("vault_bucket", |arg| arg.required(true)))]
    Show {
        #[command(flatten)]
        vault: VaultArgs,
        /// The key of the object
        key: String,
        /// Print only the body, which may contain secrets
        #[arg(long)]
        body: bool,
    },
}

impl VaultCommand {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let clients = Clients::load().await?;
        match self {
            Self::List { vault, prefix } => {
                let vault = vault.open(&clients);
                let prefixes = prefix
                    .as_ref()
                    .map_or(REPLAYABLE.to_vec(), |prefix| vec![prefix]);
                for prefix in prefixes {
                    list(&vault, prefix).await?;
                }
                Ok(())
            }
            Self::Show { vault, key, body } => show(&vault.open(&clients), &key, body).await,
        }
    }
}

async fn list(vault: &VaultBucket, prefix: &str) -> anyhow::Result<()> {
    let entries = vault.list(prefix, LIMIT + 1).await?;
    for VaultObject { key, bytes, .. } in entries.iter().take(LIMIT) {
        let shown = key.escape_debug();
        say(match vault.head(key).await? {
            Some(ObjectMetadata { reason, request }) => {
                format!("{shown}\t{bytes} bytes\t{}\t{reason}", request.received_at)
            }
            None => format!("{shown}\tgone"),
        })?;
    }
    if entries.len() > LIMIT {
        say(format!(
            "{prefix}: only the first {LIMIT} objects are listed: use --prefix"
        ))?;
    }
    Ok(())
}

async fn show(vault: &VaultBucket, key: &str, only_body: bool) -> anyhow::Result<()> {
    let object = vault.get(key).await?;
    let (body, ObjectMetadata { reason, request }) = object.context("no such object")?;
    if only_body {
        io::stdout().write_all(&body)?;
        return Ok(());
    }
    say(format!("key: {key}\nbytes: {}", body.len()))?;
    say(format!("content type: {}", request.content_type))?;
    if let Some(encoding) = request.content_encoding {
        say(format!("content encoding: {encoding}"))?;
    }
    say(format!("received at: {}", request.received_at))?;
    say(format!("request id: {}", request.request_id))?;
    say(format!("reason: {reason}"))?;
    Ok(())
}
