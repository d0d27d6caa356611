//! Publishes jobs of the vendor's answers, by the function's own publisher.

use std::time::Duration;

use clap::{Args, builder::NonEmptyStringValueParser, value_parser};
use cloud_infinite_callback::{
    config::{MIN_QUEUE_MAX_BYTES, SQS_MAX_BYTES},
    event,
    publish::{Delivery, PublishError, PublishReport, Publisher},
    queue::{Queue, QueueError},
    vault::{RequestMetadata, Vault},
};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    Failure,
    answered_job::AnsweredJob,
    clients::{Clients, MAX_ATTEMPTS},
    random,
};

/// The maximum number of messages in one call.
pub(crate) const BATCH: usize = 10;

/// The time for a batch. With the time for two messages after it, a queue that accepts nothing is given
/// up within a minute.
const BATCH_BUDGET: Duration = Duration::from_secs(20);

/// The time for a message by itself.
const MESSAGE_BUDGET: Duration = Duration::from_secs(10);

/// The number of messages in a row that the queue does not accept before it is given up.
const MAX_FAULTS: u32 = 2;

/// The queue, and the vault for messages that are too large for it.
#[derive(Args)]
pub(crate) struct QueueArguments {
    /// The queue's URL
    #[arg(long, env = "QUEUE_URL", value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) queue_url: Option<String>,
    /// The largest message in bytes, attributes included
    #[arg(long, env = "QUEUE_MAX_BYTES", value_name = "N", default_value_t = SQS_MAX_BYTES as u64)]
    #[arg(value_parser = value_parser!(u64).range(MIN_QUEUE_MAX_BYTES as u64..=SQS_MAX_BYTES as u64))]
    queue_max_bytes: u64,
    /// The vault's bucket, for messages that are too large for the queue
    #[arg(long, env = "VAULT_BUCKET", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) vault_bucket: Option<String>,
}

/// Publishes jobs.
pub(crate) struct Sender {
    publisher: Publisher,
    /// Names this run in the vault.
    run: String,
    /// The number of calls of the publisher. Together with the run's name it makes a unique delivery id.
    deliveries: u32,
    /// How many messages were not accepted since the last one that was.
    faults: u32,
}

impl Sender {
    /// Creates a sender. Sends nothing.
    pub(crate) fn new(
        arguments: &QueueArguments,
        queue_url: &str,
        clients: &Clients,
    ) -> Result<Self, Failure> {
        let queue = Queue::new(queue_url.to_owned(), clients.sqs());
        let s3 = clients.s3();
        let vault = arguments.vault_bucket.as_ref().map(|bucket| {
            Vault::new(bucket.clone(), || s3)
                .with_limits(BATCH_BUDGET, MAX_ATTEMPTS)
                .into()
        });
        Ok(Self {
            publisher: Publisher::new(
                queue.with_max_attempts(MAX_ATTEMPTS),
                vault,
                arguments.queue_max_bytes as usize,
                BATCH_BUDGET,
            ),
            run: random::run_name()?,
            deliveries: 0,
            faults: 0,
        })
    }

    /// Publishes at most [`BATCH`] jobs, and returns for each whether it is on the queue, or why not.
    /// Those that cannot be published together are published one by one, so that one of them does not
    /// keep the others back.
    pub(crate) async fn publish(&mut self, jobs: &[AnsweredJob]) -> Vec<Result<(), String>> {
        let mut confirmed = Vec::new();
        if jobs.len() > 1 && !self.has_given_up() {
            confirmed = self.publish_together(jobs, BATCH_BUDGET).await.ids;
            if !confirmed.is_empty() {
                self.faults = 0;
            }
        }
        let mut results = Vec::new();
        for job in jobs {
            results.push(match confirmed.contains(&job.id) {
                true => Ok(()),
                false => self.publish_one(job).await,
            });
        }
        results
    }

    async fn publish_one(&mut self, job: &AnsweredJob) -> Result<(), String> {
        if self.has_given_up() {
            return Err(GIVEN_UP.to_owned());
        }
        let published = self.publish_together(std::slice::from_ref(job), MESSAGE_BUDGET);
        let Some(error) = published.await.error else {
            self.faults = 0;
            return Ok(());
        };
        // Other errors are about the vault or the message: the queue may take the next one.
        if let PublishError::Queue(QueueError::Unavailable(_)) = error {
            self.faults += 1;
        }
        Err(error.to_string())
    }

    fn has_given_up(&self) -> bool {
        self.faults >= MAX_FAULTS
    }

    async fn publish_together(&mut self, jobs: &[AnsweredJob], budget: Duration) -> PublishReport {
        let callbacks: Vec<_> = jobs.iter().map(AnsweredJob::callback).collect();
        let receipt = RequestMetadata {
            request_id: self.run.clone(),
            received_at: Timestamp::now(),
            content_type: "application/xml".to_owned(),
            content_encoding: None,
        };
        self.deliveries += 1;
        let delivery = Delivery {
            id: format!("{}-{}", self.run, self.deliveries),
            request: receipt,
            trace: None,
            deadline: Instant::now() + budget,
        };
        let events = callbacks.iter().flat_map(event::job_events);
        self.publisher.publish(events, &delivery).await
    }
}

/// Why a message is no longer sent.
const GIVEN_UP: &str = "the queue was given up";
