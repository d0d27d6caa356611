//! Sends events to the queue: in batches, within a time budget, and through the vault if they are too
//! large.

use std::{fmt, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    event::RoutedEvent,
    message::Message,
    queue::{MAX_BATCH_ENTRIES, Queue, QueueError},
    vault::{Folder, Receipt, Vault},
};

/// Publishes events.
pub struct Publisher {
    queue: Queue,
    max_bytes: usize,
    budget: Duration,
}

/// Why not every record of a callback was published. Some may be on the queue: publishing all of them
/// again sends the same ids.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The queue did not accept one or more messages in time.
    Queue {
        /// The error of SQS or of the connection, without any text of a message.
        reason: String,
    },
    /// The queue refuses a message itself. It may accept others.
    Refused {
        /// The error of SQS, without any text of a message.
        reason: String,
    },
    /// A message is too large for the queue, and the vault did not store it.
    Vault {
        /// The error of S3 or of the connection, without any text of a message.
        reason: String,
    },
    /// A message is too large for the queue, and no vault is configured. A retry does not help.
    TooLarge {
        /// Its size, attributes included.
        bytes: usize,
    },
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue { reason } | Self::Refused { reason } => write!(f, "the queue: {reason}"),
            Self::Vault { reason } => write!(f, "the vault: {reason}"),
            Self::TooLarge { bytes } => write!(f, "a message has {bytes} bytes"),
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

/// The circumstances of publishing one callback.
pub struct Publication<'p> {
    /// The vault for messages over the limit.
    pub vault: Option<&'p Vault>,
    /// The facts of the request.
    pub receipt: &'p Receipt,
    /// The id of this delivery, in the keys of messages over the limit. It must be new for each one: a
    /// consumer may delete the object of a message that it has processed, and that must not be the
    /// object of another message.
    pub delivery_id: &'p str,
    /// The trace that the messages belong to.
    pub trace: Option<&'p str>,
    /// When publishing must have ended.
    pub deadline: Instant,
}

impl Publisher {
    /// Creates a publisher. Messages and batches have at most `max_bytes`, and the queue has `budget`
    /// for all messages of a callback.
    pub fn new(queue: Queue, max_bytes: usize, budget: Duration) -> Self {
        Self {
            queue,
            max_bytes,
            budget,
        }
    }

    /// Publishes a message for each event, and returns the events' ids. Events are created batch by
    /// batch, so that only one batch of messages is in memory.
    ///
    /// # Errors
    /// Returns [`PublishError`] if not all of them are on the queue within the budget, or by the
    /// deadline.
    pub async fn publish<'t, 'a: 't>(
        &self,
        events: impl Iterator<Item = RoutedEvent<'t, 'a>>,
        publication: &Publication<'_>,
        stats: &mut PublishStats,
    ) -> Result<Vec<String>, PublishError> {
        let mut ids = Vec::new();
        let mut batch: Vec<Message> = Vec::new();
        let mut batch_bytes = 0;
        for (number, routed) in events.enumerate() {
            let mut message = Message::new(&routed, self.queue.is_fifo());
            if message.bytes() > self.max_bytes {
                message = keep_oversize(message, number, publication, stats).await?;
                stats.oversize += 1;
            }
            let bytes = message.bytes();
            if batch.len() == MAX_BATCH_ENTRIES || batch_bytes + bytes > self.max_bytes {
                self.send(std::mem::take(&mut batch), publication, stats)
                    .await?;
                batch_bytes = 0;
            }
            batch_bytes += bytes;
            ids.push(routed.event.id);
            batch.push(message);
        }
        self.send(batch, publication, stats).await?;
        Ok(ids)
    }

    /// Sends a batch within the rest of the budget. The vault's time does not count against it.
    async fn send(
        &self,
        batch: Vec<Message>,
        publication: &Publication<'_>,
        stats: &mut PublishStats,
    ) -> Result<(), PublishError> {
        let begin = Instant::now();
        let budget = self.budget.saturating_sub(stats.queue_time);
        let deadline = publication.deadline.min(begin + budget);
        let retries = &mut stats.retries;
        let sent = self.queue.send(batch, publication.trace, deadline, retries);
        let sent = sent.await;
        stats.queue_time += begin.elapsed();
        sent.map_err(|error| match error {
            QueueError::Refused(reason) => PublishError::Refused { reason },
            QueueError::Unavailable(reason) => PublishError::Queue { reason },
        })
    }
}

/// Stores the message of a callback's job `number` in the vault, and returns a pointer to it. All
/// messages of a callback share the vault's budget.
async fn keep_oversize(
    mut message: Message,
    number: usize,
    publication: &Publication<'_>,
    stats: &mut PublishStats,
) -> Result<Message, PublishError> {
    let bytes = message.bytes();
    let Some(vault) = publication.vault else {
        return Err(PublishError::TooLarge { bytes });
    };
    let begin = Instant::now();
    let budget = vault.budget().saturating_sub(stats.vault_time);
    let body = std::mem::take(&mut message.body);
    let size = body.len();
    let name = format!("{}-{number}", publication.delivery_id);
    let reason = format!("a message of {bytes} bytes");
    let deadline = publication.deadline.min(begin + budget);
    let receipt = publication.receipt;
    let answer = vault.keep(
        Folder::Oversize,
        &name,
        Bytes::from(body),
        &reason,
        receipt,
        deadline,
    );
    let answer = answer.await;
    stats.vault_time += begin.elapsed();
    let key = answer.map_err(|error| PublishError::Vault {
        reason: error.reason,
    })?;
    Ok(message.into_pointer(vault.bucket(), &key, size))
}
