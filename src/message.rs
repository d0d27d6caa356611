//! Creates the SQS message of an event: its body, attributes, group id and deduplication id.

use cloud_infinite_job_record::SCHEMA_VERSION;

use crate::{
    callback::is_xml_character,
    event::{self, JobEvent, id_for_sqs},
};

/// The longest value of a message attribute, in characters: long enough for every id. It bounds the size of
/// the attributes.
const MAX_ATTRIBUTE_LENGTH: usize = 256;

/// The message of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The id of the event.
    pub(crate) event_id: String,
    /// The event in JSON, or a pointer to it.
    pub(crate) body: String,
    /// At most ten attributes. No value is empty.
    pub(crate) attributes: Vec<Attribute>,
    /// `MessageGroupId`: for fairness in a standard queue, for order in a FIFO queue.
    pub(crate) group_id: Option<String>,
    /// `MessageDeduplicationId`, for a FIFO queue.
    pub(crate) deduplication_id: Option<String>,
}

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// `String` or `Number`.
    pub(crate) data_type: &'static str,
    pub(crate) value: String,
}

impl Message {
    /// Creates the message for an event. Does not check its size.
    pub(crate) fn new(job_event: JobEvent<'_>, is_fifo: bool) -> Self {
        let event = &job_event.event;
        let record = &event.data;
        let attributes = [
            ("contentType", Some("application/cloudevents+json")),
            ("schemaVersion", Some(SCHEMA_VERSION)),
            ("family", Some(record.family.as_str())),
            ("type", record.kind.as_deref()),
            ("state", record.state.as_deref()),
            ("outcome", Some(record.outcome.as_str())),
            ("bucket", job_event.bucket.as_deref()),
            ("region", job_event.region.as_deref()),
            ("jobId", record.job_id.as_deref()),
        ];
        let group = if is_fifo {
            let run = record.workflow.run_id.as_deref();
            run.or(record.job_id.as_deref()).or(Some(&event.id))
        } else {
            // Fair queues: a bucket with many jobs does not delay the jobs of others.
            job_event.bucket.as_deref()
        };
        Self {
            body: event::to_json(event),
            attributes: attributes
                .into_iter()
                .filter_map(|(name, value)| {
                    Some(Attribute {
                        name,
                        data_type: "String",
                        value: sanitize(value?),
                    })
                })
                .collect(),
            group_id: group.map(|id| id_for_sqs(id.to_owned())),
            deduplication_id: is_fifo.then(|| event.id.clone()),
            event_id: job_event.event.id,
        }
    }

    /// Replaces the body, which had `size` bytes, with a pointer to it: a claim check in the form of the SQS
    /// Extended Client Library.
    pub(crate) fn into_pointer(mut self, bucket: &str, key: &str, size: usize) -> Self {
        let pointer = serde_json::json!({ "s3BucketName": bucket, "s3Key": key });
        self.body = serde_json::json!([
            "software.amazon.payloadoffloading.PayloadS3Pointer",
            pointer
        ])
        .to_string();
        let name = "ExtendedPayloadSize";
        self.attributes.push(Attribute {
            name,
            data_type: "Number",
            value: size.to_string(),
        });
        self
    }

    /// Returns the size that SQS counts: the body, and each attribute's name, type and value.
    pub(crate) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|attribute| {
            attribute.name.len() + attribute.data_type.len() + attribute.value.len()
        });
        self.body.len() + attributes.sum::<usize>()
    }
}

/// Returns a value that SQS accepts: truncated, and without characters that XML 1.0 forbids.
fn sanitize(value: &str) -> String {
    let is_plain = |byte| (b' '..=b'~').contains(&byte);
    if value.len() <= MAX_ATTRIBUTE_LENGTH && value.bytes().all(is_plain) {
        return value.to_owned();
    }
    value
        .chars()
        .take(MAX_ATTRIBUTE_LENGTH)
        .map(|character| {
            if is_xml_character(character) {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        callback::{Payload, ReadErrorKind},
        event,
    };

    /// What a queue gets for a task with these values; nothing if all of them are empty.
    fn message(job_id: &str, state: &str, bucket: &str, is_fifo: bool) -> Option<Message> {
        let body = serde_json::json!({
            "JobsDetail": { "JobId": job_id, "State": state, "Input": { "BucketId": bucket } },
        });
        let body = body.to_string();
        let callback = match Payload::read(body.as_bytes()) {
            Ok(Payload::Callback(callback)) => callback,
            Ok(Payload::Probe) => return None,
            Err(error) => {
                assert_eq!(error.kind(), ReadErrorKind::NoJob, "{error}");
                return None;
            }
        };
        let job_event = event::job_events(&callback).next()?;
        Some(Message::new(job_event, is_fifo))
    }

    fn is_group(id: &str) -> bool {
        (1..=128).contains(&id.len()) && id.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
    }

    proptest! {
        #[test]
        fn any_message_is_legal_for_sqs(
            job in any::<String>(), state in ".{0,300}", bucket in any::<String>(), fifo: bool,
        ) {
            let Some(message) = message(&job, &state, &bucket, fifo) else { return Ok(()) };
            let message = message.into_pointer("vault", "oversize/a", 2_000_000);
            prop_assert!(message.attributes.len() <= 10);
            for attribute in &message.attributes {
                prop_assert!((1..=256).contains(&attribute.value.chars().count()));
                let is_legal = |character| matches!(character, '\t' | '\n' | '\r'
                    | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
                prop_assert!(attribute.value.chars().all(is_legal));
            }
            prop_assert!(message.group_id.iter().all(|id| is_group(id)));
            prop_assert!(message.deduplication_id.iter().all(|id| is_group(id)));
            prop_assert_eq!(message.deduplication_id.is_some(), fifo);
        }
    }
}
