//! Publishes events: in batches, within a time budget, and by claim check through the vault if they are too
//! large for the queue.

use std::{fmt, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    event::RoutedEvent,
    message::Message,
    queue::{MAX_BATCH_ENTRIES, Queue, QueueError, Unsent},
    vault::{self, Folder, Receipt, Vault, VaultError},
};

/// Publishes events to the queue, and stores what it cannot hold in the vault.
pub struct Publisher {
    queue: Queue,
    vault: Option<Vault>,
    max_bytes: usize,
    budget: Duration,
}

/// Events that are not all on the queue. Publishing all of them again sends the same ids.
#[derive(Debug, PartialEq, Eq)]
pub struct Unpublished {
    /// Why.
    pub error: PublishError,
    /// The ids of the events that the queue confirmed. Others may be on it nevertheless.
    pub published: Vec<String>,
}

/// Why an event was not published.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The queue did not accept one or more messages.
    Queue(QueueError),
    /// A message is too large for the queue, and the vault did not store it.
    Vault(VaultError),
    /// A message is too large for the queue, and no vault is configured. A retry does not help.
    TooLarge {
        /// Its size in bytes, attributes included.
        bytes: usize,
    },
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(error) => write!(f, "the queue: {error}"),
            Self::Vault(error) => error.fmt(f),
            Self::TooLarge { bytes } => {
                write!(f, "a message of {bytes} bytes exceeds QUEUE_MAX_BYTES")
            }
        }
    }
}

/// Measures of publishing one callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishStats {
    /// The time spent on the queue.
    pub(crate) queue_time: Duration,
    /// The time spent on the vault.
    pub(crate) vault_time: Duration,
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
    pub receipt: Receipt,
    /// The X-Ray trace header for the messages.
    pub trace: Option<String>,
    /// The time by which the answer must be ready.
    pub deadline: Instant,
}

/// Messages for one call, with the ids of their events.
#[derive(Default)]
struct Batch {
    messages: Vec<Message>,
    ids: Vec<String>,
    bytes: usize,
}

impl Publisher {
    /// Creates a publisher. Messages and batches have at most `max_bytes`, and all calls to the queue for
    /// one callback take at most `budget`.
    pub fn new(queue: Queue, vault: Option<Vault>, max_bytes: usize, budget: Duration) -> Self {
        Self {
            queue,
            vault,
            max_bytes,
            budget,
        }
    }

    /// Publishes a message for each event, and returns the events' ids. Only one batch of messages is in
    /// memory at a time.
    ///
    /// # Errors
    /// Returns [`Unpublished`] if not all of them are on the queue within the budget, or by the
    /// deadline.
    pub async fn publish<'t>(
        &self,
        events: impl Iterator<Item = RoutedEvent<'t>>,
        delivery: &Delivery,
        stats: &mut PublishStats,
    ) -> Result<Vec<String>, Unpublished> {
        let mut published = Vec::new();
        match self
            .publish_into(&mut published, events, delivery, stats)
            .await
        {
            Ok(()) => Ok(published),
            Err(error) => Err(Unpublished { error, published }),
        }
    }

    /// Publishes events, and adds the ids of those that the queue confirmed.
    async fn publish_into<'t>(
        &self,
        published: &mut Vec<String>,
        events: impl Iterator<Item = RoutedEvent<'t>>,
        delivery: &Delivery,
        stats: &mut PublishStats,
    ) -> Result<(), PublishError> {
        let deadline = self.queue_deadline(delivery.deadline);
        let mut batch = Batch::default();
        for (number, routed) in events.enumerate() {
            let mut message = Message::new(&routed, self.queue.is_fifo());
            if message.bytes() > self.max_bytes {
                message = self
                    .store_oversize(message, number, delivery, deadline, stats)
                    .await?;
                stats.oversize += 1;
            }
            let bytes = message.bytes();
            let is_full = batch.messages.len() == MAX_BATCH_ENTRIES;
            if is_full || batch.bytes + bytes > self.max_bytes {
                let full = std::mem::take(&mut batch);
                self.send(full, published, delivery, deadline, stats)
                    .await?;
            }
            batch.bytes += bytes;
            batch.ids.push(routed.event.id);
            batch.messages.push(message);
        }
        self.send(batch, published, delivery, deadline, stats).await
    }

    /// Sends a batch within the remaining budget of the queue. Time spent on the vault does not count.
    async fn send(
        &self,
        batch: Batch,
        published: &mut Vec<String>,
        delivery: &Delivery,
        deadline: Instant,
        stats: &mut PublishStats,
    ) -> Result<(), PublishError> {
        let begin = Instant::now();
        let budget = self.budget.saturating_sub(stats.queue_time);
        let deadline = deadline.min(begin + budget);
        let retries = &mut stats.retries;
        let trace = delivery.trace.as_deref();
        let sent = self.queue.send(batch.messages, trace, deadline, retries);
        let sent = sent.await;
        stats.queue_time += begin.elapsed();
        let Err(Unsent { error, unconfirmed }) = sent else {
            published.extend(batch.ids);
            return Ok(());
        };
        let ids = batch.ids.into_iter().enumerate();
        let confirmed = ids.filter(|(number, _)| !unconfirmed.contains(number));
        published.extend(confirmed.map(|(_, id)| id));
        Err(PublishError::Queue(error))
    }

    /// Stores the message of job `number` in the vault, and returns a pointer to it. All messages of a
    /// callback share the vault's budget.
    async fn store_oversize(
        &self,
        mut message: Message,
        number: usize,
        delivery: &Delivery,
        deadline: Instant,
        stats: &mut PublishStats,
    ) -> Result<Message, PublishError> {
        let bytes = message.bytes();
        let Some(vault) = &self.vault else {
            return Err(PublishError::TooLarge { bytes });
        };
        let begin = Instant::now();
        let budget = vault.budget().saturating_sub(stats.vault_time);
        let body = std::mem::take(&mut message.body);
        let size = body.len();
        let name = format!("{}-{number}", delivery.id);
        let reason = format!("a message of {bytes} bytes");
        let stored = vault.store(
            Folder::Oversize,
            &name,
            Bytes::from(body),
            &reason,
            &delivery.receipt,
            deadline.min(begin + budget),
        );
        let stored = stored.await;
        stats.vault_time += begin.elapsed();
        let key = stored.map_err(PublishError::Vault)?;
        Ok(message.into_pointer(vault.bucket(), &key, size))
    }

    /// Stores a body that is not on the queue, and returns its key.
    ///
    /// # Errors
    /// Returns [`VaultError`] if there is no vault, or if it does not store the body by the deadline.
    pub(crate) async fn store(
        &self,
        folder: Folder,
        body: Bytes,
        reason: &str,
        delivery: &Delivery,
    ) -> Result<String, VaultError> {
        let vault = self.vault.as_ref().ok_or(VaultError::NotConfigured)?;
        let Delivery {
            id,
            receipt,
            deadline,
            ..
        } = delivery;
        let stored = vault.store(folder, id, body, reason, receipt, *deadline);
        stored.await
    }

    /// Returns the deadline for the queue. It leaves time to store the body in the vault: [`vault::BUDGET`],
    /// or half of the remaining time if that is shorter.
    fn queue_deadline(&self, deadline: Instant) -> Instant {
        let rest = deadline.saturating_duration_since(Instant::now());
        let for_vault = self
            .vault
            .as_ref()
            .map_or(Duration::ZERO, |_| vault::BUDGET.min(rest / 2));
        deadline - for_vault
    }
}
