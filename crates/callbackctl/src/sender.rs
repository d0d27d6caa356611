//! Jobs of the vendor's answers onto the queue, by the function's own publisher.

use std::time::Duration;

use clap::{Args, builder::NonEmptyStringValueParser, value_parser};
use cloud_infinite_callback::{
    config::{MIN_QUEUE_MAX_BYTES, SQS_MAX_BYTES},
    event,
    publish::{Delivery, PublishError, PublishStats, Publisher},
    queue::{Queue, QueueError},
    vault::{Receipt, Vault},
};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    Failure,
    answered_job::AnsweredJob,
    clients::{Clients, MAX_ATTEMPTS},
};

/// The most messages of one call.
pub(crate) const BATCH: usize = 10;

/// The time for a batch. With the time for two messages after it, a queue that takes nothing is given
/// up within a minute.
const BATCH_BUDGET: Duration = Duration::from_secs(20);

/// The time for a message by itself.
const MESSAGE_BUDGET: Duration = Duration::from_secs(10);

/// After so many messages that were not taken, one after the other, the queue is given up.
const MAX_FAULTS: u32 = 2;

/// Where messages go.
#[derive(Args)]
pub(crate) struct QueueArguments {
    /// The queue's URL
    #[arg(long, env = "QUEUE_URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) queue_url: Option<String>,
    /// The largest message, attributes counted
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = SQS_MAX_BYTES as u64)]
    #[arg(value_parser = value_parser!(u64).range(MIN_QUEUE_MAX_BYTES as u64..=SQS_MAX_BYTES as u64))]
    queue_max_bytes: u64,
    /// The vault's bucket, for messages that are too large for the queue
    #[arg(long, env = "VAULT_BUCKET", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) vault_bucket: Option<String>,
}

/// Publishes jobs.
pub(crate) struct Sender {
    publisher: Publisher,
    /// Names this run in the vault.
    run: String,
    /// How often the publisher was called: with the run, a delivery's id that was never used before.
    deliveries: u32,
    /// How many messages were not taken since the last one that was.
    faults: u32,
}

impl Sender {
    /// Creates a sender; nothing is sent yet.
    pub(crate) fn new(
        arguments: &QueueArguments,
        queue_url: &str,
        clients: &Clients,
    ) -> Result<Self, Failure> {
        let queue = Queue::new(queue_url.to_owned(), clients.sqs());
        let s3 = clients.s3();
        let vault = arguments.vault_bucket.as_ref().map(|bucket| {
            Vault::new(bucket.clone(), || s3).with_limits(BATCH_BUDGET, MAX_ATTEMPTS)
        });
        Ok(Self {
            publisher: Publisher::new(
                queue.with_max_attempts(MAX_ATTEMPTS),
                vault,
                arguments.queue_max_bytes as usize,
                BATCH_BUDGET,
            ),
            run: run_name()?,
            deliveries: 0,
            faults: 0,
        })
    }

    /// Publishes at most [`BATCH`] jobs, and returns for each whether it is on the queue, or why not.
    /// If they cannot be published together they are published one by one, so that one of them does not
    /// keep the others.
    pub(crate) async fn publish(&mut self, jobs: &[AnsweredJob]) -> Vec<Result<(), String>> {
        if self.has_given_up() {
            return jobs.iter().map(|_| Err(GIVEN_UP.to_owned())).collect();
        }
        if jobs.len() > 1 && self.publish_together(jobs, BATCH_BUDGET).await.is_ok() {
            self.faults = 0;
            return jobs.iter().map(|_| Ok(())).collect();
        }
        let mut results = Vec::new();
        for job in jobs {
            if self.has_given_up() {
                results.push(Err(GIVEN_UP.to_owned()));
                continue;
            }
            let result = self.publish_together(std::slice::from_ref(job), MESSAGE_BUDGET);
            let result = result.await;
            match result {
                Ok(()) => self.faults = 0,
                Err(PublishError::Queue(QueueError::Unavailable(_))) => self.faults += 1,
                // The vault's fault, or the message's own: the queue may take the next one.
                Err(_) => {}
            }
            results.push(result.map_err(|error| error.to_string()));
        }
        results
    }

    fn has_given_up(&self) -> bool {
        self.faults >= MAX_FAULTS
    }

    async fn publish_together(
        &mut self,
        jobs: &[AnsweredJob],
        budget: Duration,
    ) -> Result<(), PublishError> {
        let callbacks: Vec<_> = jobs.iter().map(AnsweredJob::callback).collect();
        let receipt = Receipt {
            request_id: self.run.clone(),
            received_at: Timestamp::now(),
            content_type: "application/xml".to_owned(),
            content_encoding: None,
        };
        self.deliveries += 1;
        let delivery = Delivery {
            id: format!("{}-{}", self.run, self.deliveries),
            receipt,
            trace: None,
            deadline: Instant::now() + budget,
        };
        let events = callbacks.iter().flat_map(event::routed_events);
        let mut stats = PublishStats::default();
        let published = self.publisher.publish(events, &delivery, &mut stats);
        let published = published.await;
        published
            .map(|_ids| ())
            .map_err(|unpublished| unpublished.error)
    }
}

/// Returns a name that no other run has: its time and a random number.
pub(crate) fn run_name() -> Result<String, Failure> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| Failure(error.to_string()))?;
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    Ok(format!("{time}-{}", hex::encode(random)))
}

/// How many random bytes tell two runs apart.
const RANDOM_BYTES: usize = 8;

/// Why a message is not sent any more.
const GIVEN_UP: &str = "the queue was given up";
