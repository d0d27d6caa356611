//! Sends messages to SQS, alone or in batches.

use std::{collections::HashMap, fmt};

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        BatchResultErrorEntry, MessageAttributeValue, MessageSystemAttributeNameForSends,
        MessageSystemAttributeValue, SendMessageBatchRequestEntry,
    },
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use tokio::time::Instant;

use crate::{
    aws,
    message::{Attribute, Message},
    retry::{self, Fault, FaultKind, Retried},
};

/// The maximum number of entries of one `SendMessageBatch`.
pub const MAX_BATCH_ENTRIES: usize = 10;

/// Error codes that SQS returns, among other reasons, for a message over the queue's `MaximumMessageSize`.
const SIZE_ERRORS: [&str; 2] = ["InvalidParameterValue", "BatchRequestTooLong"];

/// An SQS queue.
pub struct Queue {
    client: Client,
    url: String,
}

/// An error of SQS or of the connection. Its text never contains a message.
#[derive(Debug, PartialEq, Eq)]
pub enum QueueError {
    /// SQS always rejects this message. It may accept other messages.
    Refused(String),
    /// SQS is unavailable, rejects all messages, or did not accept them in time.
    Unavailable(String),
}

/// Error codes of messages that SQS never accepts.
const MESSAGE_ERRORS: [&str; 2] = ["InvalidParameterValue", "InvalidMessageContents"];

/// Creates an SQS client.
pub fn client(sdk_config: &SdkConfig, endpoint: Option<&str>) -> Client {
    let config = aws_sdk_sqs::config::Builder::from(sdk_config);
    let config = match endpoint {
        Some(endpoint) => config.endpoint_url(endpoint),
        None => config,
    };
    Client::from_conf(config.build())
}

/// The result of sending a batch.
pub(crate) struct SendReport {
    /// The positions in the batch of the messages that SQS did not confirm. They may still be on the queue.
    pub(crate) unconfirmed: Vec<usize>,
    /// The error, if any message is unconfirmed.
    pub(crate) error: Option<QueueError>,
    /// The number of retries.
    pub(crate) retries: usize,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(reason) | Self::Unavailable(reason)) = self;
        f.write_str(reason)
    }
}

impl Queue {
    /// Creates a queue. Sends nothing.
    pub fn new(url: String, client: Client) -> Self {
        Self { client, url }
    }

    /// Returns whether this is a FIFO queue.
    pub(crate) fn is_fifo(&self) -> bool {
        self.url.ends_with(".fifo")
    }

    /// Sends messages until SQS has confirmed or refused each of them, or `deadline` has passed.
    pub(crate) async fn send(
        &self,
        batch: &[Message],
        trace: Option<&str>,
        deadline: Instant,
    ) -> SendReport {
        let mut unconfirmed: Vec<_> = (0..batch.len()).collect();
        let mut refused = Vec::new();
        let sent = retry::retry(deadline, async || match batch {
            [] => Ok(()),
            [message] => {
                self.send_one(message, trace).await?;
                unconfirmed.clear();
                Ok(())
            }
            _ => {
                let sent = self.send_batch(batch, trace, &mut unconfirmed, &mut refused);
                sent.await
            }
        });
        let Retried { result, retries } = sent.await;
        unconfirmed.extend(refused.iter().map(|(index, _)| index));
        let refusals = refused.into_iter().map(|(_, fault)| fault);
        let faults = result.err().into_iter().chain(refusals);
        let error = faults.max_by_key(|fault| fault.kind);
        SendReport {
            unconfirmed,
            error: error.map(|fault| match fault.kind {
                FaultKind::Refused => QueueError::Refused(fault.reason),
                _ => QueueError::Unavailable(fault.reason),
            }),
            retries,
        }
    }

    async fn send_one(&self, message: &Message, trace: Option<&str>) -> Result<(), Fault> {
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(&message.body)
            .set_message_group_id(message.group_id.clone())
            .set_message_deduplication_id(message.deduplication_id.clone())
            .set_message_attributes(Some(attributes(&message.attributes)))
            .set_message_system_attributes(trace.map(system_attributes));
        // Boxed: every enclosing future would contain it, and copy its several kilobytes.
        let response = Box::pin(request.send()).await;
        // A server that is not SQS may return 200 for anything.
        match response.map_err(|error| fault(&error))?.message_id() {
            Some(id) if !id.is_empty() => Ok(()),
            _ => Err(not_confirmed()),
        }
    }

    /// Sends the entries of a batch that SQS did not confirm yet. `unconfirmed` contains their positions. Moves
    /// those that SQS refuses to `refused`: the others are sent again without them.
    async fn send_batch(
        &self,
        batch: &[Message],
        trace: Option<&str>,
        unconfirmed: &mut Vec<usize>,
        refused: &mut Vec<(usize, Fault)>,
    ) -> Result<(), Fault> {
        let entries = unconfirmed
            .iter()
            .map(|&index| entry(index, &batch[index], trace));
        let request = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()));
        let response = Box::pin(request.send()).await;
        let response = response.map_err(|error| fault(&error))?;
        let is_accepted = |id: &str| {
            let mut accepted = response.successful().iter();
            accepted.any(|entry| entry.id() == id && !entry.message_id().is_empty())
        };
        let failure = |id: &str| response.failed().iter().find(|entry| entry.id() == id);
        let mut first = None;
        // An entry in both lists is possibly not on the queue. An entry in neither list is not on it.
        unconfirmed.retain(|&index| {
            let id = index.to_string();
            match failure(&id).map(entry_fault) {
                None => !is_accepted(&id),
                Some(fault) if fault.kind == FaultKind::Transient => {
                    first.get_or_insert(fault);
                    true
                }
                Some(fault) => {
                    refused.push((index, fault));
                    false
                }
            }
        });
        if unconfirmed.is_empty() {
            return Ok(());
        }
        Err(first.unwrap_or_else(not_confirmed))
    }
}

fn fault<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Fault { reason, kind } = aws::classify(error, &MESSAGE_ERRORS);
    Fault {
        reason: with_size_hint(&reason),
        kind,
    }
}

fn entry_fault(entry: &BatchResultErrorEntry) -> Fault {
    let code = entry.code();
    let kind = if !entry.sender_fault() || aws::is_transient(code) {
        FaultKind::Transient
    } else if aws::contains_any(code, &MESSAGE_ERRORS) {
        FaultKind::Refused
    } else {
        FaultKind::Permanent
    };
    let code = with_size_hint(aws::loggable_code(Some(code)));
    Fault {
        reason: format!("an entry was refused: {code}"),
        kind,
    }
}

fn not_confirmed() -> Fault {
    Fault {
        reason: "the response has no MessageId".to_owned(),
        kind: FaultKind::Transient,
    }
}

/// Adds a hint to a code that may be about the size of a message.
fn with_size_hint(code: &str) -> String {
    if aws::contains_any(code, &SIZE_ERRORS) {
        return format!("{code}: is the queue's own MaximumMessageSize below QUEUE_MAX_BYTES?");
    }
    code.to_owned()
}

/// Returns the batch entry of a message. Its id is its index.
fn entry(index: usize, message: &Message, trace: Option<&str>) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(&message.body)
        .set_message_group_id(message.group_id.clone())
        .set_message_deduplication_id(message.deduplication_id.clone())
        .set_message_attributes(Some(attributes(&message.attributes)))
        .set_message_system_attributes(trace.map(system_attributes));
    entry
        .build()
        .expect("an entry with an id and a body is complete")
}

fn attributes(attributes: &[Attribute]) -> HashMap<String, MessageAttributeValue> {
    let typed = |attribute: &Attribute| {
        let value = MessageAttributeValue::builder()
            .data_type(attribute.data_type)
            .string_value(&attribute.value);
        let value = value
            .build()
            .expect("an attribute with a data type is complete");
        (attribute.name.to_owned(), value)
    };
    attributes.iter().map(typed).collect()
}

/// Returns the system attribute with the trace header.
fn system_attributes(
    trace: &str,
) -> HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue> {
    let header = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value(trace);
    let header = header
        .build()
        .expect("an attribute with a data type is complete");
    HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, header)])
}
