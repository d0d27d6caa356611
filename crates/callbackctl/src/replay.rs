//! `callbackctl replay`: bodies of the vault through the same code as the function, onto the queue.

use std::{
    io::{self, IsTerminal, Write},
    panic::AssertUnwindSafe,
    time::Duration,
};

use clap::{Args, builder::NonEmptyStringValueParser, value_parser};
use cloud_infinite_callback::{
    callback::Payload,
    config::{MIN_QUEUE_MAX_BYTES, SQS_MAX_BYTES},
    event,
    publish::{Delivery, PublishError, PublishStats, Publisher},
    queue::Queue,
    vault::Vault,
};
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    Failure,
    clients::{Clients, MAX_ATTEMPTS},
    vault::Place,
    vault_admin::{Entry, VaultAdmin},
};

/// What waits for a replay. Pointers on the queue lead to `oversize/`: those bodies are not waiting.
pub(crate) const WAITING: [&str; 2] = ["quarantine/", "spill/"];

/// The time for one body: an operator can wait, even for one with tens of thousands of jobs.
const BUDGET: Duration = Duration::from_secs(900);

/// Publishes what waits in the vault and moves it to `replayed/`.
#[derive(Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    place: Place,
    /// The queue's URL
    #[arg(long, env = "QUEUE_URL", value_parser = NonEmptyStringValueParser::new())]
    queue_url: String,
    /// The largest message, attributes counted
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = SQS_MAX_BYTES as u64)]
    #[arg(value_parser = value_parser!(u64).range(MIN_QUEUE_MAX_BYTES as u64..=SQS_MAX_BYTES as u64))]
    queue_max_bytes: u64,
    /// Only keys that begin with this, in quarantine/ or spill/
    #[arg(long)]
    prefix: Option<String>,
    /// Only bodies stored since this time, such as 2026-11-24T08:00:00Z
    #[arg(long)]
    since: Option<Timestamp>,
    /// The maximum number of bodies to process
    #[arg(long)]
    limit: Option<usize>,
    /// Print what would be done, without doing it
    #[arg(long)]
    dry_run: bool,
}

impl Replay {
    /// Runs the command, and tells whether nothing is left.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let prefixes = self.prefixes()?;
        let clients = Clients::load().await;
        let vault = self.place.vault(&clients);
        let publisher = self.publisher(&vault, &clients);
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
        let done = if self.dry_run {
            "would be replayed"
        } else {
            "replayed"
        };
        let (mut replayed, mut records, mut left) = (0, 0, 0);
        for (number, entry) in entries.iter().enumerate() {
            show_progress(number, entries.len(), &entry.key);
            let replay = AssertUnwindSafe(self.replay(&vault, &publisher, entry)).catch_unwind();
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
        Ok(left == 0)
    }

    fn publisher(&self, vault: &VaultAdmin, clients: &Clients) -> Publisher {
        let queue = Queue::new(self.queue_url.clone(), clients.sqs());
        let s3 = vault.client.clone();
        let vault = Vault::new(vault.bucket.clone(), || s3).with_limits(BUDGET, MAX_ATTEMPTS);
        Publisher::new(
            queue.with_max_attempts(MAX_ATTEMPTS),
            Some(vault),
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

    /// Publishes one body and moves it; gives the number of its records.
    async fn replay(
        &self,
        vault: &VaultAdmin,
        publisher: &Publisher,
        entry: &Entry,
    ) -> Result<usize, Failure> {
        let (body, about) = vault.get(&entry.key).await?;
        let payload = Payload::read(&body).map_err(|error| Failure(error.to_string()))?;
        let Payload::Callback(callback) = payload else {
            // A probe has no record, here as in the function.
            if !self.dry_run {
                vault.move_to_replayed(&entry.key).await?;
            }
            return Ok(0);
        };
        if self.dry_run {
            return Ok(event::routed_events(&callback).len());
        }
        // Not the request's id: an earlier delivery or replay of this body may have put pointers to
        // objects of that name on the queue, which their consumers delete.
        let delivery = Delivery {
            id: new_id()?,
            receipt: about.receipt,
            trace: None,
            deadline: Instant::now() + 2 * BUDGET,
        };
        let mut stats = PublishStats::default();
        let published = publisher.publish(event::routed_events(&callback), &delivery, &mut stats);
        let ids = published.await.map_err(|unpublished| unpublished.error)?;
        // From here on the records are on the queue. If the move fails, or this process ends, the
        // next replay sends them again with the same ids.
        vault.move_to_replayed(&entry.key).await.map_err(|error| {
            Failure(format!(
                "its {} records are on the queue, but: {error}",
                ids.len()
            ))
        })?;
        Ok(ids.len())
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self(error.to_string())
    }
}

/// Returns 128 random bits in hexadecimal digits.
fn new_id() -> Result<String, Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| Failure(error.to_string()))?;
    Ok(hex::encode(bits))
}

/// What is being done, on a line that the next one replaces; only where someone looks.
fn show_progress(number: usize, count: usize, key: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        // The last line of a terminal is nothing that may fail a replay.
        let _ = write!(terminal, "\r\x1b[K[{}/{count}] {key}\r", number + 1);
    }
}

fn say(line: &str) -> io::Result<()> {
    let clear = if io::stdout().is_terminal() {
        "\x1b[K"
    } else {
        ""
    };
    writeln!(io::stdout(), "{clear}{line}")
}
