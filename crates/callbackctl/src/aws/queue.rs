//! Reads the state of a queue and of its dead-letter queue.

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use cloud_infinite_callback::aws;

/// The state of a queue, by SQS's approximate counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Messages that wait for a worker.
    pub(crate) waiting: u64,
    /// Messages in flight: received and not deleted.
    pub(crate) with_workers: u64,
    /// `MaximumMessageSize`, if SQS returns it.
    pub(crate) max_bytes: Option<u64>,
    /// The name of the dead-letter queue, if there is one.
    pub(crate) dead_letter_queue: Option<String>,
}

/// A queue, for operators.
pub(crate) struct QueueAdmin {
    pub(crate) client: Client,
    pub(crate) url: String,
}

impl QueueAdmin {
    /// Returns the state of the queue.
    ///
    /// # Errors
    /// Returns the error of SQS or of the connection.
    pub(crate) async fn depth(&self) -> Result<Depth, String> {
        self.depth_of(&self.url).await
    }

    /// Returns the number of messages on the dead-letter queue called `name`.
    ///
    /// # Errors
    /// Returns the error of SQS or of the connection.
    pub(crate) async fn dead_letters(&self, name: &str) -> Result<u64, String> {
        let request = self.client.get_queue_url().queue_name(name);
        let answer = request
            .send()
            .await
            .map_err(|error| aws::describe(&error))?;
        Ok(self
            .depth_of(answer.queue_url().unwrap_or_default())
            .await?
            .waiting)
    }

    async fn depth_of(&self, url: &str) -> Result<Depth, String> {
        let request = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::All);
        let answer = request
            .send()
            .await
            .map_err(|error| aws::describe(&error))?;
        let text = |name: QueueAttributeName| answer.attributes().and_then(|all| all.get(&name));
        let number = |name| text(name).and_then(|number| number.parse().ok());
        let count = |name| number(name).unwrap_or_default();
        // `{"deadLetterTargetArn":"arn:aws:sqs:<region>:<account>:<name>","maxReceiveCount":5}`
        let policy = text(QueueAttributeName::RedrivePolicy);
        let policy =
            policy.and_then(|policy| serde_json::from_str::<serde_json::Value>(policy).ok());
        let target =
            policy.and_then(|policy| Some(policy["deadLetterTargetArn"].as_str()?.to_owned()));
        Ok(Depth {
            waiting: count(QueueAttributeName::ApproximateNumberOfMessages),
            with_workers: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            max_bytes: number(QueueAttributeName::MaximumMessageSize),
            dead_letter_queue: target.and_then(|arn| Some(arn.rsplit(':').next()?.to_owned())),
        })
    }
}
