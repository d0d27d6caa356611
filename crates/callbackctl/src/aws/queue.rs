//! The command-line arguments of the queue, and its status.

use anyhow::{anyhow, ensure};
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use clap::{Args, value_parser};
use cloud_infinite_callback::{
    aws,
    config::{MIN_QUEUE_MAX_BYTES, SQS_MAX_BYTES, trim_queue_url},
};
use serde_json::Value;

/// The command-line arguments of the queue.
#[derive(Args)]
pub(crate) struct QueueArgs {
    /// The queue's URL
    #[arg(long, env = "QUEUE_URL", value_name = "URL", value_parser = queue_url)]
    pub(crate) queue_url: Option<String>,
    /// The maximum size of a message in bytes, including attributes
    #[arg(long, env = "QUEUE_MAX_BYTES", value_name = "N", default_value_t = SQS_MAX_BYTES as u64)]
    #[arg(value_parser = value_parser!(u64).range(MIN_QUEUE_MAX_BYTES as u64..=SQS_MAX_BYTES as u64))]
    pub(crate) queue_max_bytes: u64,
}

/// Parses a queue URL like the function.
fn queue_url(text: &str) -> anyhow::Result<String> {
    let url = trim_queue_url(text);
    ensure!(!url.is_empty(), "the URL is empty");
    Ok(url.to_owned())
}

/// The status of a queue. The numbers are approximate.
pub(crate) struct QueueStatus {
    /// The number of messages that workers can receive.
    pub(crate) visible: u64,
    /// The number of messages that were received and not yet deleted.
    pub(crate) in_flight: u64,
    /// `MaximumMessageSize`, if SQS returns it.
    pub(crate) max_bytes: Option<u64>,
    /// The name of the dead-letter queue, if there is one.
    pub(crate) dead_letter_queue: Option<String>,
}

/// Returns the status of a queue.
///
/// # Errors
/// Returns an error if the SQS request fails.
pub(crate) async fn status(client: &Client, url: &str) -> anyhow::Result<QueueStatus> {
    let request = client.get_queue_attributes().queue_url(url);
    let response = request
        .attribute_names(QueueAttributeName::All)
        .send()
        .await;
    let response = response.map_err(|error| anyhow!(aws::describe(&error)))?;
    let text = |name: QueueAttributeName| response.attributes().and_then(|all| all.get(&name));
    let number = |name| text(name).and_then(|number| number.parse().ok());
    // `{"deadLetterTargetArn":"arn:aws:sqs:<region>:<account>:<name>","maxReceiveCount":5}`
    let policy = text(QueueAttributeName::RedrivePolicy);
    let policy = policy.and_then(|policy| serde_json::from_str::<Value>(policy).ok());
    let target = policy.and_then(|policy| Some(policy["deadLetterTargetArn"].as_str()?.to_owned()));
    Ok(QueueStatus {
        visible: number(QueueAttributeName::ApproximateNumberOfMessages).unwrap_or_default(),
        in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .unwrap_or_default(),
        max_bytes: number(QueueAttributeName::MaximumMessageSize),
        dead_letter_queue: target.and_then(|arn| Some(arn.rsplit(':').next()?.to_owned())),
    })
}

/// Returns the URL of the queue with this name.
///
/// # Errors
/// Returns an error if the SQS request fails.
pub(crate) async fn url(client: &Client, name: &str) -> anyhow::Result<String> {
    let response = client.get_queue_url().queue_name(name).send().await;
    let response = response.map_err(|error| anyhow!(aws::describe(&error)))?;
    Ok(response.queue_url().unwrap_or_default().to_owned())
}
