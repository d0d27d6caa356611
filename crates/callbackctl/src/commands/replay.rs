//! `callbackctl replay`: publishes the bodies in the vault, by the code of the function.

use std::{panic::AssertUnwindSafe, time::Duration};

use clap::{Args, builder::NonEmptyStringValueParser, value_parser};
use cloud_infinite_callback::{
    callback::{Callback, Payload},
    config::{MIN_QUEUE_MAX_BYTES, SQS_MAX_BYTES},
    event,
    publish::{Delivery, PublishReport, Publisher},
    queue::Queue,
    vault::{RequestMetadata, Vault},
};
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    Failure,
    clients::{Clients, MAX_ATTEMPTS},
    event_log::{EventLog, LogArguments},
    random,
    terminal::{say, show_progress, warn},
    vault::Place,
    vault_admin::{Entry, VaultAdmin},
};

/// The prefixes of bodies to replay. `oversize/` is not replayed: the queue has pointers to its objects.
pub(crate) const WAITING: [&str; 2] = ["quarantine/", "spill/"];

/// The time for one body: an operator can wait, even for one with tens of thousands of jobs.
const BUDGET: Duration = Duration::from_secs(900);

/// Publishes the bodies in the vault, and moves them to `replayed/`.
#[derive(Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    place: Place,
    /// The queue's URL
    #[arg(long, env = "QUEUE_URL", value_parser = NonEmptyStringValueParser::new())]
    queue_url: String,
    /// The largest message in bytes, attributes included
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = SQS_MAX_BYTES as u64)]
    #[arg(value_parser = value_parser!(u64).range(MIN_QUEUE_MAX_BYTES as u64..=SQS_MAX_BYTES as u64))]
    queue_max_bytes: u64,
    #[command(flatten)]
    log: LogArguments,
    /// Only keys with this prefix, in quarantine/ or spill/
    #[arg(long)]
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
}

impl Replay {
    /// Runs the command, and returns whether nothing is left and nothing failed.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let prefixes = self.prefixes()?;
        let clients = Clients::load().await;
        let vault = self.place.vault(&clients);
        let mut entries = Vec::new();
        for prefix in prefixes {
            let limit = self.limit.unwrap_or(usize::MAX) - entries.len();
            let since = self.since.unwrap_or(Timestamp::MIN);
            let found = vault.list(&prefix, usize::MAX).await?;
            entries.extend(
                found
                    .into_iter()
                    .filter(|entry| entry.kept_at >= since)
                    .take(limit),
            );
        }
        let (mut sender, done) = if self.dry_run {
            (None, "would be replayed")
        } else {
            let log = self.log.open(|| clients.logs(), "replay").await?;
            let sender = BodySender {
                publisher: self.publisher(&vault, &clients),
                log,
                has_failed: false,
            };
            (Some(sender), "replayed")
        };
        let (mut replayed, mut records, mut left) = (0, 0, 0);
        for (number, entry) in entries.iter().enumerate() {
            show_progress(&format!("[{}/{}] {}", number + 1, entries.len(), entry.key));
            let replay = AssertUnwindSafe(replay(&vault, sender.as_mut(), entry)).catch_unwind();
            let fault = |_| Err(Failure("this program has a fault: it panicked".to_owned()));
            match replay.await.unwrap_or_else(fault) {
                Ok(count) => {
                    replayed += 1;
                    records += count;
                    say(&format!("{}: {done}, records: {count}", entry.key))?;
                }
                Err(Failure(reason)) => {
                    left += 1;
                    say(&format!("{}: left: {reason}", entry.key))?;
                }
            }
        }
        say(&format!(
            "{} found: {replayed} {done} (records: {records}), {left} left",
            entries.len()
        ))?;
        Ok(left == 0 && sender.is_none_or(|sender| !sender.has_failed))
    }

    fn publisher(&self, vault: &VaultAdmin, clients: &Clients) -> Publisher {
        let queue = Queue::new(self.queue_url.clone(), clients.sqs());
        let s3 = vault.client.clone();
        let vault = Vault::new(vault.bucket.clone(), || s3).with_limits(BUDGET, MAX_ATTEMPTS);
        Publisher::new(
            queue.with_max_attempts(MAX_ATTEMPTS),
            Some(vault.into()),
            self.queue_max_bytes as usize,
            BUDGET,
        )
    }

    fn prefixes(&self) -> Result<Vec<String>, Failure> {
        let Some(prefix) = &self.prefix else {
            return Ok(WAITING.map(str::to_owned).to_vec());
        };
        if WAITING.iter().any(|waiting| prefix.starts_with(waiting)) {
            return Ok(vec![prefix.clone()]);
        }
        Err(Failure(
            "--prefix: expected quarantine/… or spill/…".to_owned(),
        ))
    }
}

/// Publishes one body and moves it, and returns the number of its records. Without a sender it does
/// neither.
async fn replay(
    vault: &VaultAdmin,
    sender: Option<&mut BodySender>,
    entry: &Entry,
) -> Result<usize, Failure> {
    let (body, about) = vault.get(&entry.key).await?;
    let payload = Payload::read(&body).map_err(|error| Failure(error.to_string()))?;
    let callback = match payload {
        Payload::Callback(callback) => Some(callback),
        // A probe has no record, here as in the function.
        Payload::Probe => None,
    };
    let count = callback
        .as_ref()
        .map_or(0, |callback| event::job_events(callback).len());
    let Some(sender) = sender else {
        return Ok(count);
    };
    if let Some(callback) = &callback {
        sender.publish(callback, about.receipt).await?;
    }
    // From here on the records are on the queue. If the move fails, or this process ends, the next
    // replay sends them again with the same ids.
    vault.move_to_replayed(&entry.key).await.map_err(|error| {
        Failure(format!(
            "its {count} records are on the queue, but: {error}"
        ))
    })?;
    Ok(count)
}

/// Publishes bodies, and writes into the log what was published.
struct BodySender {
    publisher: Publisher,
    log: Option<EventLog>,
    /// Whether something could not be written into the log.
    has_failed: bool,
}

impl BodySender {
    async fn publish(
        &mut self,
        callback: &Callback<'_>,
        receipt: RequestMetadata,
    ) -> Result<(), Failure> {
        // Not the request's id: an earlier delivery or replay of this body may have put pointers to
        // objects of that name on the queue, which their consumers delete.
        let delivery = Delivery {
            id: random::hex::<16>()?,
            request: receipt,
            trace: None,
            deadline: Instant::now() + 2 * BUDGET,
        };
        let events = event::job_events(callback);
        let PublishReport { ids, error, .. } = self.publisher.publish(events, &delivery).await;
        let result = match error {
            None => Ok(()),
            Some(error) => Err(Failure(error.to_string())),
        };
        if let Some(log) = &mut self.log
            && let Err(reason) = log.add(&ids).await
        {
            // The records are already on the queue. Without the line, reconcile publishes them again.
            self.has_failed = true;
            warn(&reason);
        }
        result
    }
}
