//! Queues on MiniStack, one per test, and the messages that a worker receives from them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use aws_sdk_sqs::{
    Client,
    types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName},
};

use crate::ministack::{endpoint, sdk_config};

/// Returns the URL of a queue that does not exist.
pub fn missing_queue_url() -> String {
    format!("{}/000000000000/missing", endpoint())
}

/// A queue that only one test uses.
pub struct TestQueue {
    client: Client,
    pub url: String,
}

/// A received message, without the attributes that the queue adds.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedMessage {
    pub body: String,
    /// The data type and value of each attribute.
    pub attributes: BTreeMap<String, (String, String)>,
    pub group: Option<String>,
    pub deduplication: Option<String>,
}

impl TestQueue {
    pub async fn standard() -> Self {
        Self::create("", None).await
    }

    pub async fn fifo() -> Self {
        let is_fifo = (QueueAttributeName::FifoQueue, "true");
        Self::create(".fifo", Some(is_fifo)).await
    }

    /// Creates a queue whose `MaximumMessageSize` is `bytes`.
    pub async fn of_at_most(bytes: u32) -> Self {
        let limit = (QueueAttributeName::MaximumMessageSize, &*bytes.to_string());
        Self::create("", Some(limit)).await
    }

    async fn create(suffix: &str, attribute: Option<(QueueAttributeName, &str)>) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let name = format!("jobs-{}{suffix}", COUNTER.fetch_add(1, Ordering::Relaxed));
        // A client per test: connections belong to the runtime of the test that opened them.
        let client = Client::new(&sdk_config());
        let attributes = attribute.map(|(name, value)| [(name, value.to_owned())].into());
        let request = client
            .create_queue()
            .queue_name(name)
            .set_attributes(attributes);
        let url = request
            .send()
            .await
            .expect("MiniStack creates a queue")
            .queue_url;
        Self {
            client,
            url: url.expect("a new queue has a URL"),
        }
    }

    /// Receives and deletes all messages.
    pub async fn drain(&self) -> Vec<ReceivedMessage> {
        let mut all = Vec::new();
        loop {
            let received = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await
                .expect("MiniStack returns messages")
                .messages
                .unwrap_or_default();
            if received.is_empty() {
                return all;
            }
            self.delete(&received).await;
            all.extend(received.into_iter().map(ReceivedMessage::from_sdk));
        }
    }

    async fn delete(&self, messages: &[aws_sdk_sqs::types::Message]) {
        let entries = messages.iter().enumerate().map(|(index, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .set_receipt_handle(message.receipt_handle.clone())
                .build()
                .expect("an entry with an id and a receipt handle is complete")
        });
        let request = self.client.delete_message_batch().queue_url(&self.url);
        let request = request.set_entries(Some(entries.collect()));
        request.send().await.expect("MiniStack deletes messages");
    }
}

impl ReceivedMessage {
    fn from_sdk(message: aws_sdk_sqs::types::Message) -> Self {
        let system = message.attributes.unwrap_or_default();
        let attributes = message.message_attributes.unwrap_or_default();
        Self {
            body: message.body.unwrap_or_default(),
            attributes: attributes
                .into_iter()
                .map(|(name, value)| {
                    (
                        name,
                        (value.data_type, value.string_value.unwrap_or_default()),
                    )
                })
                .collect(),
            group: system
                .get(&MessageSystemAttributeName::MessageGroupId)
                .cloned(),
            deduplication: system
                .get(&MessageSystemAttributeName::MessageDeduplicationId)
                .cloned(),
        }
    }

    /// Parses the event in the body.
    pub fn event(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("a message is JSON")
    }
}
