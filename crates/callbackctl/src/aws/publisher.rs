//! Publishes callbacks with the function's publisher.

use std::time::Duration;

use cloud_infinite_callback::{
    callback::Callback,
    event::{JobEvent, events, job_events},
    publish::{self, Delivery, PublishError, PublishReport},
    queue::{MAX_BATCH_ENTRIES, Queue, QueueError},
    vault::{RequestMetadata, Vault},
};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Clients, event_log::EventLog, queue::QueueArgs};
use crate::{random, terminal::warn};

/// The time budget of a batch. If the queue is unavailable, a command stops within a minute.
const BUDGET: Duration = Duration::from_secs(25);

/// The number of consecutive queue failures after which a command stops.
const MAX_FAILURES: u32 = 2;

/// The reason for messages that are not sent after [`MAX_FAILURES`].
pub(crate) const STOPPED: &str = "stopped after two consecutive queue failures";

/// Publishes callbacks.
pub(crate) struct CallbackPublisher {
    publisher: publish::Publisher,
    /// The name of this run, a part of the keys in the vault.
    run: String,
    /// The number of deliveries. The delivery id consists of the name of the run and this number. It must be
    /// unique: if two deliveries shared an id, the consumers of the first could delete objects of the second.
    deliveries: u32,
    /// The number of consecutive queue failures.
    failures: u32,
}

/// The result of publishing callbacks.
pub(crate) struct Published {
    /// The ids of the published events.
    pub(crate) ids: Vec<String>,
    /// The ids of the other events, each with the reason.
    pub(crate) failed: Vec<(String, String)>,
    /// Whether the published events were recorded in the log, if one is configured.
    pub(crate) is_recorded: bool,
}

/// The reason why a batch was not published completely.
struct Failure {
    reason: String,
    /// The ids of the events that were published.
    published: Vec<String>,
    /// Whether the queue is unavailable for all messages.
    is_unavailable: bool,
}

impl CallbackPublisher {
    /// Creates a publisher, without sending anything.
    ///
    /// # Errors
    /// Returns an error if the operating system's random number generator fails.
    pub(crate) fn new(
        clients: &Clients,
        queue: &QueueArgs,
        vault_bucket: Option<&str>,
    ) -> anyhow::Result<Self> {
        let url = queue.queue_url.clone().expect("clap requires it");
        let s3 = clients.s3();
        let vault = vault_bucket.map(|bucket| Vault::new(bucket.to_owned(), || s3));
        let vault = vault.map(|vault| vault.with_budget(BUDGET).into());
        let publisher = publish::Publisher::new(
            Queue::new(url, clients.sqs_for_sending()),
            vault,
            queue.queue_max_bytes as usize,
            BUDGET,
        );
        Ok(Self {
            publisher,
            run: random::run_name()?,
            deliveries: 0,
            failures: 0,
        })
    }

    /// Returns whether the queue has failed [`MAX_FAILURES`] times in a row.
    pub(crate) fn is_stopped(&self) -> bool {
        self.failures >= MAX_FAILURES
    }

    /// Publishes the events of callbacks in batches, and records the published ones in the log. If a batch
    /// fails, its unpublished messages are sent one by one, so that one message does not block the others.
    /// Every batch is sent until the queue is unavailable.
    pub(crate) async fn publish(
        &mut self,
        callbacks: &[Callback<'_>],
        request: Option<&RequestMetadata>,
        log: Option<&mut EventLog>,
    ) -> Published {
        let own_request = RequestMetadata {
            request_id: self.run.clone(),
            received_at: Timestamp::now(),
            content_type: "application/xml".to_owned(),
            content_encoding: None,
        };
        let request = request.unwrap_or(&own_request);
        let mut published = Published {
            ids: Vec::new(),
            failed: Vec::new(),
            is_recorded: true,
        };
        let ids: Vec<_> = callbacks
            .iter()
            .flat_map(events)
            .map(|event| event.id)
            .collect();
        // An event is created twice instead of kept in memory: a message may have a megabyte.
        let mut batches = callbacks.iter().flat_map(job_events);
        let mut singles = callbacks.iter().flat_map(job_events);
        for ids in ids.chunks(MAX_BATCH_ENTRIES) {
            let batch: Vec<_> = batches.by_ref().take(ids.len()).collect();
            let singles: Vec<_> = singles.by_ref().take(ids.len()).collect();
            let Err(failure) = self.send(batch, request).await else {
                published.ids.extend_from_slice(ids);
                continue;
            };
            for (id, event) in ids.iter().zip(singles) {
                let mut reason = Some(failure.reason.clone());
                if failure.published.contains(id) {
                    reason = None;
                } else if !failure.is_unavailable && ids.len() > 1 {
                    reason = self
                        .send(vec![event], request)
                        .await
                        .err()
                        .map(|failure| failure.reason);
                }
                match reason {
                    None => published.ids.push(id.clone()),
                    Some(reason) => published.failed.push((id.clone(), reason)),
                }
            }
        }
        // The jobs are on the queue. If they are not recorded, a later reconcile publishes them again.
        if let Some(log) = log
            && let Err(error) = log.add(&published.ids).await
        {
            published.is_recorded = false;
            warn(error);
        }
        published
    }

    async fn send(
        &mut self,
        events: Vec<JobEvent<'_>>,
        request: &RequestMetadata,
    ) -> Result<(), Failure> {
        if self.is_stopped() {
            return Err(Failure {
                reason: STOPPED.to_owned(),
                published: Vec::new(),
                is_unavailable: true,
            });
        }
        self.deliveries += 1;
        let delivery = Delivery {
            id: format!("{}-{}", self.run, self.deliveries),
            request: request.clone(),
            trace: None,
            deadline: Instant::now() + BUDGET,
        };
        let report = self.publisher.publish(events.into_iter(), &delivery).await;
        let PublishReport { ids, error, .. } = report;
        let Some(error) = error else {
            self.failures = 0;
            return Ok(());
        };
        // Other errors concern the vault or one message: the queue may accept the next one.
        let is_unavailable =
            ids.is_empty() && matches!(error, PublishError::Queue(QueueError::Unavailable(_)));
        if is_unavailable {
            self.failures += 1;
        } else if !ids.is_empty() {
            self.failures = 0;
        }
        Err(Failure {
            reason: error.to_string(),
            published: ids,
            is_unavailable,
        })
    }
}
