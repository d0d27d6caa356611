//! `callbackctl replay`: publishes the bodies in the vault, with the code of the function.

use anyhow::{anyhow, bail};
use clap::Args;
use cloud_infinite_callback::{callback::Payload, event::events};
use jiff::Timestamp;

use crate::{
    aws::{
        Clients,
        event_log::{EventLog, LogArgs},
        publisher::{CallbackPublisher, STOPPED},
        queue::QueueArgs,
        vault::{REPLAYABLE, VaultArgs, VaultBucket},
    },
    terminal::{ResultPrinter, show_progress, warn},
};

/// Publishes the bodies in the vault, and moves them to `replayed/`.
#[derive(Args)]
#[command(mut_arg("queue_url", |arg| arg.required_unless_present("dry_run")))]
#[command(mut_arg("vault_bucket", |arg| arg.required(true)))]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    queue: QueueArgs,
    #[command(flatten)]
    log: LogArgs,
    /// Only keys with this prefix, in quarantine/ or spill/
    #[arg(long, value_parser = replayable_prefix)]
    prefix: Option<String>,
    /// Only bodies stored since this time, such as 2026-11-24T08:00:00Z
    #[arg(long)]
    since: Option<Timestamp>,
    /// The maximum number of bodies to process
    #[arg(long)]
    limit: Option<usize>,
    /// Print what would be replayed, without replaying it
    #[arg(long)]
    dry_run: bool,
    /// Print the lines as JSON
    #[arg(long)]
    json: bool,
}

fn replayable_prefix(text: &str) -> Result<String, &'static str> {
    match REPLAYABLE.iter().any(|prefix| text.starts_with(prefix)) {
        true => Ok(text.to_owned()),
        false => Err("not in quarantine/ or spill/"),
    }
}

/// The result of replaying a body.
enum ReplayResult {
    Replayed {
        jobs: usize,
    },
    /// Another replay has moved the body, or it was deleted.
    Gone,
}

impl ReplayArgs {
    /// Runs the command, and returns whether no body was skipped and no error occurred.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let clients = Clients::load().await?;
        let vault = self.vault.open(&clients);
        let mut entries = Vec::new();
        let since = self.since.unwrap_or(Timestamp::MIN);
        let prefixes = self
            .prefix
            .as_ref()
            .map_or(REPLAYABLE.to_vec(), |prefix| vec![prefix]);
        for prefix in prefixes {
            let found = vault.list(prefix, usize::MAX).await?;
            entries.extend(
                found
                    .into_iter()
                    .filter(|entry| entry.last_modified >= since),
            );
        }
        entries.truncate(self.limit.unwrap_or(usize::MAX));
        let done = if self.dry_run {
            "would be replayed"
        } else {
            "replayed"
        };
        let mut printer =
            ResultPrinter::new(self.json, &["found", done, "jobs", "gone", "skipped"]);
        printer.add("found", entries.len());
        let mut replay = Replay {
            publisher: match self.dry_run {
                true => None,
                false => Some(CallbackPublisher::new(
                    &clients,
                    &self.queue,
                    Some(&vault.name),
                )?),
            },
            log: match self.dry_run {
                true => None,
                false => self.log.open(&clients, "replay").await?,
            },
            vault,
            has_failed: false,
        };
        for (number, entry) in entries.iter().enumerate() {
            let key = &*entry.key;
            show_progress(&format!("[{}/{}] {key}", number + 1, entries.len()));
            match replay.body(key).await {
                Ok(ReplayResult::Replayed { jobs }) => {
                    printer.add("jobs", jobs);
                    printer.line(key, done)?;
                }
                Ok(ReplayResult::Gone) => printer.line(key, "gone")?,
                Err(error) => printer.skipped(key, &error.to_string())?,
            }
            if replay
                .publisher
                .as_ref()
                .is_some_and(CallbackPublisher::is_stopped)
            {
                let rest = entries.len() - number - 1;
                printer.add("skipped", rest);
                warn(format!("{STOPPED}: {rest} bodies not replayed"));
                break;
            }
        }
        printer.summary()?;
        Ok(printer.count("skipped") == 0 && !replay.has_failed)
    }
}

/// A running replay.
struct Replay {
    vault: VaultBucket,
    /// Absent in a dry run.
    publisher: Option<CallbackPublisher>,
    log: Option<EventLog>,
    /// Whether an event could not be recorded in the log.
    has_failed: bool,
}

impl Replay {
    /// Publishes and moves a body, except in a dry run.
    async fn body(&mut self, key: &str) -> anyhow::Result<ReplayResult> {
        let Some((body, metadata)) = self.vault.get(key).await? else {
            return Ok(ReplayResult::Gone);
        };
        let callback = match Payload::read(&body).map_err(|error| anyhow!("{error}"))? {
            Payload::Callback(callback) => Some(callback),
            // A probe produces no record, as in the function.
            Payload::Probe => None,
        };
        let Some(publisher) = &mut self.publisher else {
            let jobs = callback
                .as_ref()
                .map_or(0, |callback| events(callback).len());
            return Ok(ReplayResult::Replayed { jobs });
        };
        let request = Some(&metadata.request);
        let published = publisher
            .publish(callback.as_slice(), request, self.log.as_mut())
            .await;
        self.has_failed |= !published.is_recorded;
        let jobs = published.ids.len() + published.failed.len();
        if let Some((_, reason)) = published.failed.first() {
            let failed = published.failed.len();
            bail!("{failed} of {jobs} jobs not published: {reason}");
        }
        // If the move fails or the process ends here, the next replay publishes the jobs again with the same
        // ids.
        let moved = self.vault.move_to_replayed(key).await;
        moved.map_err(|error| anyhow!("published, but not moved: {error}"))?;
        Ok(ReplayResult::Replayed { jobs })
    }
}
