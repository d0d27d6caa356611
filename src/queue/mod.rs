//! The queue: messages onto SQS, one in a call or a batch.

#[cfg(feature = "cli")]
mod operator;

use std::{
    collections::HashMap,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, SharedInterceptor,
        interceptors::{
            BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
        },
    },
    types::{
        MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
        SendMessageBatchRequestEntry,
    },
};
use aws_types::SdkConfig;

#[cfg(feature = "cli")]
pub use self::operator::Depth;
use crate::{
    aws,
    message::{Attribute, Message},
};

/// What SQS takes in one `SendMessageBatch`.
pub(crate) const MAX_BATCH_ENTRIES: usize = 10;

/// The wait before the failed entries of a batch are sent again.
const ENTRIES_BACKOFF: Duration = Duration::from_millis(50);

/// Where records go.
pub struct Queue {
    client: Client,
    url: String,
    counter: Counter,
}

/// Counts what the SDK does: it retries calls by itself.
#[derive(Clone, Debug, Default)]
struct Counter {
    calls: Arc<AtomicUsize>,
    attempts: Arc<AtomicUsize>,
    /// Calls for the entries of a batch that were not taken the first time.
    repeats: Arc<AtomicUsize>,
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Why messages are not on the queue: what SQS or the way to it said, without a word of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotTaken {
    pub(crate) reason: String,
}

impl Queue {
    /// A client for the queue; nothing is sent yet.
    pub fn new(url: String, sdk_config: &SdkConfig, endpoint: Option<&str>) -> Self {
        let counter = Counter::default();
        let config = aws_sdk_sqs::config::Builder::from(sdk_config)
            .interceptor(SharedInterceptor::new(counter.clone()))
            .retry_partition(aws::retry_partition());
        let config = match endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        Self {
            client: Client::from_conf(config.build()),
            url,
            counter,
        }
    }

    /// Whether it keeps the order of its groups and drops repeats.
    pub(crate) fn is_fifo(&self) -> bool {
        self.url.ends_with(".fifo")
    }

    /// How many calls were made again since the start.
    pub(crate) fn retries(&self) -> usize {
        let Counter {
            calls,
            attempts,
            repeats,
        } = &self.counter;
        let load = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        (load(attempts) + load(repeats)).saturating_sub(load(calls))
    }

    /// Puts messages on the queue: all of them, or it is an error. A caller that stops waiting, or
    /// gets an error, does not know which of them are there.
    ///
    /// # Errors
    /// Where SQS refuses one of them for good, or all attempts of a call fail.
    pub(crate) async fn send(
        &self,
        mut batch: Vec<Message>,
        trace: Option<&str>,
    ) -> Result<(), NotTaken> {
        match batch.len() {
            0 => Ok(()),
            1 => self.send_one(batch.remove(0), trace).await,
            _ => self.send_batch(batch, trace).await,
        }
    }

    async fn send_one(&self, message: Message, trace: Option<&str>) -> Result<(), NotTaken> {
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .set_message_group_id(message.group)
            .set_message_deduplication_id(message.deduplication)
            .set_message_attributes(Some(attributes(message.attributes)))
            .set_message_system_attributes(trace.map(system_attributes));
        // Boxed where it is made: it is of several kilobytes, which every future around it would
        // copy again.
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| NotTaken {
            reason: aws::describe(&error),
        })?;
        // A server that is not SQS may answer 200 to anything.
        match answer.message_id() {
            Some(_) => Ok(()),
            None => Err(NotTaken {
                reason: "expected a message id, but the answer has none".to_owned(),
            }),
        }
    }

    /// Sends a batch, and again what the answer does not list as taken, until all are or one never
    /// will be. The caller's time-out ends it.
    async fn send_batch(&self, batch: Vec<Message>, trace: Option<&str>) -> Result<(), NotTaken> {
        let mut waiting: Vec<_> = batch
            .into_iter()
            .enumerate()
            .map(|(number, message)| entry(number, message, trace))
            .collect();
        loop {
            let request = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(waiting.clone()));
            let answer = Box::pin(request.send()).await;
            let answer = answer.map_err(|error| NotTaken {
                reason: aws::describe(&error),
            })?;
            // An entry in both lists may not be there, and an entry in neither was lost.
            let is_listed = |id: &str| answer.successful().iter().any(|entry| entry.id() == id);
            let failure = |id: &str| answer.failed().iter().find(|entry| entry.id() == id);
            waiting.retain(|entry| !is_listed(entry.id()) || failure(entry.id()).is_some());
            let hopeless = waiting
                .iter()
                .find_map(|entry| failure(entry.id()).filter(|failure| failure.sender_fault()));
            if let Some(failure) = hopeless {
                return Err(NotTaken {
                    reason: format!("an entry was refused: {}", aws::code(Some(failure.code()))),
                });
            }
            if waiting.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(ENTRIES_BACKOFF).await;
            self.counter.repeats.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One message of a batch; its number is its id there.
fn entry(number: usize, message: Message, trace: Option<&str>) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder()
        .id(number.to_string())
        .message_body(message.body)
        .set_message_group_id(message.group)
        .set_message_deduplication_id(message.deduplication)
        .set_message_attributes(Some(attributes(message.attributes)))
        .set_message_system_attributes(trace.map(system_attributes));
    entry.build().expect("it has an id and a body")
}

fn attributes(attributes: Vec<Attribute>) -> HashMap<String, MessageAttributeValue> {
    let typed = |attribute: Attribute| (attribute.name.to_owned(), typed(attribute));
    attributes.into_iter().map(typed).collect()
}

fn typed(attribute: Attribute) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(attribute.data_type)
        .string_value(attribute.value)
        .build()
        .expect("it has a data type")
}

/// The trace that a message belongs to.
fn system_attributes(
    trace: &str,
) -> HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue> {
    let header = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value(trace);
    let header = header.build().expect("it has a data type");
    HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, header)])
}
