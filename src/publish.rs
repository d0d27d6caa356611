//! Publishes events: in batches, within a time budget, and by claim check through the vault if they are too
//! large for the queue.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    event::JobEvent,
    message::Message,
    queue::{MAX_BATCH_ENTRIES, Queue, QueueError},
    vault::{KeyPrefix, NewObject, RequestMetadata, Vault, VaultError},
};

/// The minimum time for sending to the queue and storing oversize messages, even if the deadline has passed: the
/// clock may be wrong after a freeze. Lambda stops an invocation that exceeds its timeout.
const MIN_PUBLISH_TIME: Duration = Duration::from_millis(250);

/// Publishes events to the queue. Oversize events use the vault.
pub struct Publisher {
    queue: Queue,
    vault: Option<Arc<Vault>>,
    max_bytes: usize,
    budget: Duration,
}

/// Why an event was not published.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The queue did not accept one or more messages.
    Queue(QueueError),
    /// A message is too large for the queue, and the vault did not store it.
    Vault(VaultError),
    /// A message is too large for the queue, and no vault is configured. A retry does not help.
    OversizeWithoutVault {
        /// Its size in bytes, attributes included.
        bytes: usize,
    },
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(error) => write!(f, "the queue: {error}"),
            Self::Vault(error) => error.fmt(f),
            Self::OversizeWithoutVault { bytes } => {
                write!(f, "a message of {bytes} bytes exceeds QUEUE_MAX_BYTES")
            }
        }
    }
}

/// The result of publishing a callback.
#[derive(Debug, Default)]
pub struct PublishReport {
    /// The ids of the events that the queue confirmed. After an error, other events may be on the queue, too.
    pub ids: Vec<String>,
    /// The first error. Publishing the callback again sends the same ids.
    pub error: Option<PublishError>,
    /// Measurements.
    pub(crate) stats: PublishStats,
}

/// Measurements of publishing one callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublishStats {
    /// The time spent on the queue.
    pub(crate) queue_time: Duration,
    /// The number of retries.
    pub(crate) retries: usize,
    /// The number of messages stored in the vault because of their size.
    pub(crate) oversize: usize,
}

/// The metadata of one delivery of a callback.
pub struct Delivery {
    /// The id of this delivery, which is in the keys of claim-check objects. It must be unique: a consumer
    /// may delete the object of a message that it has processed, which must not be the object of another
    /// message.
    pub id: String,
    /// The metadata of the request.
    pub request: RequestMetadata,
    /// The X-Ray trace header for the messages.
    pub trace: Option<String>,
    /// The time by which the answer must be ready.
    pub deadline: Instant,
}

impl Publisher {
    /// Creates a publisher. Messages and batches have at most `max_bytes`, and all calls to the queue for
    /// one callback take at most `budget`.
    pub fn new(
        queue: Queue,
        vault: Option<Arc<Vault>>,
        max_bytes: usize,
        budget: Duration,
    ) -> Self {
        Self {
            queue,
            vault,
            max_bytes,
            budget,
        }
    }

    /// Publishes a message for each event, until the queue is unavailable or the time is used up. Only one batch
    /// of messages is in memory at a time.
    pub async fn publish<'t>(
        &self,
        events: impl Iterator<Item = JobEvent<'t>>,
        delivery: &Delivery,
    ) -> PublishReport {
        let mut publication = Publication::new(self, delivery);
        // Mapped here, so that the future does not contain an event.
        let messages = events.map(|event| Message::new(event, self.queue.is_fifo()));
        for (index, message) in messages.enumerate() {
            publication.push(index, message).await;
            if publication.is_stopped() {
                break;
            }
        }
        publication.flush().await;
        publication.report
    }
}

/// The publishing of one callback, with the remaining time for the queue and the vault.
struct Publication<'p> {
    publisher: &'p Publisher,
    delivery: &'p Delivery,
    /// The deadline for the queue and for oversize messages.
    deadline: Instant,
    queue_budget: Duration,
    /// All oversize messages of a callback share it.
    vault_budget: Duration,
    /// The messages of the next call.
    batch: Vec<Message>,
    report: PublishReport,
}

impl<'p> Publication<'p> {
    fn new(publisher: &'p Publisher, delivery: &'p Delivery) -> Self {
        let vault = publisher.vault.as_ref();
        let vault_budget = vault.map_or(Duration::ZERO, |vault| vault.budget());
        let now = Instant::now();
        let rest = delivery.deadline.saturating_duration_since(now);
        // Leaves time to store the body in the vault, or half of the rest if that is less.
        let for_vault = vault_budget.min(rest / 2);
        Self {
            publisher,
            delivery,
            deadline: (delivery.deadline - for_vault).max(now + MIN_PUBLISH_TIME),
            queue_budget: publisher.budget,
            vault_budget,
            batch: Vec::new(),
            report: PublishReport::default(),
        }
    }

    /// Returns whether no other message can be published: the queue is not available.
    fn is_stopped(&self) -> bool {
        matches!(
            self.report.error,
            Some(PublishError::Queue(QueueError::Unavailable(_)))
        )
    }

    /// Adds the message of event `index` to the batch, after sending the batch if it is full. An error about
    /// this message does not stop the others.
    async fn push(&mut self, index: usize, mut message: Message) {
        if index > 0 && Instant::now() >= self.deadline {
            let reason = format!("no time was left for message {index} and later ones");
            return self.fail(PublishError::Queue(QueueError::Unavailable(reason)));
        }
        if message.bytes() > self.publisher.max_bytes {
            message = match self.store_oversize(index, message).await {
                Ok(pointer) => pointer,
                Err(error) => return self.fail(error),
            };
        }
        let batch_bytes: usize = self.batch.iter().map(Message::bytes).sum();
        let is_full = self.batch.len() == MAX_BATCH_ENTRIES
            || batch_bytes + message.bytes() > self.publisher.max_bytes;
        if is_full {
            self.flush().await;
        }
        self.batch.push(message);
    }

    /// Sends the batch.
    async fn flush(&mut self) {
        if self.batch.is_empty() || self.is_stopped() {
            return;
        }
        let begin = Instant::now();
        let deadline = self.deadline.min(begin + self.queue_budget);
        let trace = self.delivery.trace.as_deref();
        let sent = self.publisher.queue.send(&self.batch, trace, deadline);
        let sent = sent.await;
        let elapsed = begin.elapsed();
        self.queue_budget = self.queue_budget.saturating_sub(elapsed);
        self.report.stats.queue_time += elapsed;
        self.report.stats.retries += sent.retries;
        let messages = self.batch.drain(..).enumerate();
        let confirmed = messages.filter(|(index, _)| !sent.unconfirmed.contains(index));
        let ids = confirmed.map(|(_, message)| message.event_id);
        self.report.ids.extend(ids);
        if let Some(error) = sent.error {
            self.fail(PublishError::Queue(error));
        }
    }

    /// Stores a message in the vault, and returns a pointer to it.
    async fn store_oversize(
        &mut self,
        index: usize,
        mut message: Message,
    ) -> Result<Message, PublishError> {
        let publisher = self.publisher;
        let bytes = message.bytes();
        let Some(vault) = &publisher.vault else {
            return Err(PublishError::OversizeWithoutVault { bytes });
        };
        let begin = Instant::now();
        let deadline = self.deadline.min(begin + self.vault_budget);
        if deadline <= begin {
            let reason = "no time was left for an oversize message".to_owned();
            return Err(PublishError::Vault(VaultError(reason)));
        }
        let body = std::mem::take(&mut message.body);
        let size = body.len();
        let object = NewObject {
            prefix: KeyPrefix::Oversize,
            name: &format!("{}-{index}", self.delivery.id),
            content: Bytes::from(body),
            reason: &format!("a message of {bytes} bytes"),
            request: &self.delivery.request,
        };
        let stored = vault.store(object, deadline);
        let stored = stored.await;
        self.vault_budget = self.vault_budget.saturating_sub(begin.elapsed());
        let key = stored.map_err(PublishError::Vault)?;
        self.report.stats.oversize += 1;
        Ok(message.into_pointer(vault.bucket(), &key, size))
    }

    /// Keeps the first error, but replaces it if the queue is unavailable: that stops the publication.
    fn fail(&mut self, error: PublishError) {
        let stops = matches!(error, PublishError::Queue(QueueError::Unavailable(_)));
        if self.report.error.is_none() || stops {
            self.report.error = Some(error);
        }
    }
}
