//! Events onto the queue: in batches, within their time.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::{
    event::Event,
    message::Message,
    queue::{MAX_BATCH_ENTRIES, Queue},
};

/// Puts events on the queue.
pub struct Publisher {
    queue: Queue,
    max_bytes: usize,
    budget: Duration,
}

/// Why not every record of a callback is on the queue.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishError {
    /// A message is larger than the queue takes: no retry makes it smaller.
    TooLarge {
        /// Its size, attributes counted.
        bytes: usize,
    },
    /// The queue did not take one or more messages in time.
    NotTaken {
        /// What SQS or the way to it said, without a word of a message.
        reason: String,
    },
}

impl Publisher {
    /// A publisher of messages of at most `max_bytes`, which is also what a batch may have, and
    /// that gives the queue `budget` for all of a callback.
    pub fn new(queue: Queue, max_bytes: usize, budget: Duration) -> Self {
        Self {
            queue,
            max_bytes,
            budget,
        }
    }

    /// Puts a message for each event on the queue, and gives their ids. Events are taken as the
    /// batches have room for them, so that only one batch of messages is in memory.
    ///
    /// # Errors
    /// Where not all of them are on the queue within the budget, or at `deadline` if that is
    /// sooner. Some may be: whoever sends all of them again sends the same ids.
    pub async fn publish<'t, 'a: 't>(
        &self,
        events: impl Iterator<Item = Event<'t, 'a>>,
        trace: Option<&str>,
        deadline: Instant,
    ) -> Result<Vec<String>, PublishError> {
        let time = self
            .budget
            .min(deadline.saturating_duration_since(Instant::now()));
        timeout(time, self.publish_all(events, trace))
            .await
            .unwrap_or_else(|_| {
                let reason = format!("expected an answer within {} ms", time.as_millis());
                Err(PublishError::NotTaken { reason })
            })
    }

    async fn publish_all<'t, 'a: 't>(
        &self,
        events: impl Iterator<Item = Event<'t, 'a>>,
        trace: Option<&str>,
    ) -> Result<Vec<String>, PublishError> {
        let mut ids = Vec::new();
        let mut batch: Vec<Message> = Vec::new();
        let mut batch_bytes = 0;
        for event in events {
            let message = Message::of(&event, self.queue.is_fifo());
            let bytes = message.bytes();
            if bytes > self.max_bytes {
                return Err(PublishError::TooLarge { bytes });
            }
            if batch.len() == MAX_BATCH_ENTRIES || batch_bytes + bytes > self.max_bytes {
                self.send(std::mem::take(&mut batch), trace).await?;
                batch_bytes = 0;
            }
            batch_bytes += bytes;
            ids.push(message.id.clone());
            batch.push(message);
        }
        self.send(batch, trace).await?;
        Ok(ids)
    }

    async fn send(&self, batch: Vec<Message>, trace: Option<&str>) -> Result<(), PublishError> {
        let sent = self.queue.send(batch, trace).await;
        sent.map_err(|refusal| PublishError::NotTaken {
            reason: refusal.reason,
        })
    }
}
