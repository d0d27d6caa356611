//! Polls the queue at `QUEUE_URL` and processes its messages, until Ctrl-C.

use aws_sdk_sqs::{Client, types::Message};
use workers::{Error, Worker, sdk_config};

/// The longest time that SQS waits for a message. It returns earlier if one arrives.
const WAIT_SECONDS: i32 = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let queue_url = std::env::var("QUEUE_URL")?;
    let config = sdk_config().await;
    let (sqs, worker) = (Client::new(&config), Worker::new(&config));
    let mut end = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let received = sqs
            .receive_message()
            .queue_url(&queue_url)
            .max_number_of_messages(10)
            .message_attribute_names("All")
            .wait_time_seconds(WAIT_SECONDS)
            .send();
        let received = tokio::select! {
            received = received => received?,
            _ = &mut end => return Ok(()),
        };
        for message in received.messages.unwrap_or_default() {
            // SQS delivers a failed message again after the visibility timeout, and moves it to the
            // dead-letter queue after five times.
            match take(&worker, &message).await {
                Ok(()) => delete(&sqs, &queue_url, &message).await?,
                Err(error) => eprintln!(
                    "message {}: {error}",
                    message.message_id().unwrap_or_default()
                ),
            }
        }
    }
}

async fn take(worker: &Worker, message: &Message) -> Result<(), Error> {
    let attributes = message.message_attributes.as_ref();
    let attribute = |name: &str| attributes?.get(name)?.string_value();
    worker
        .take(attribute, message.body().unwrap_or_default())
        .await
}

async fn delete(sqs: &Client, queue_url: &str, message: &Message) -> Result<(), Error> {
    sqs.delete_message()
        .queue_url(queue_url)
        .set_receipt_handle(message.receipt_handle.clone())
        .send()
        .await?;
    Ok(())
}
