//! Polls the queue at `QUEUE_URL` and processes its messages, until Ctrl-C.

use aws_sdk_sqs::{Client, types::Message};
use workers::{Error, Worker, describe, sdk_config};

/// The maximum time that SQS waits for a message.
const WAIT_SECONDS: i32 = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let queue_url = std::env::var("QUEUE_URL").map_err(|_| "QUEUE_URL is not set")?;
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
        // An error is final, because the SDK has already retried. Let a supervisor restart the program.
        let received = tokio::select! {
            received = received => received?,
            _ = &mut end => return Ok(()),
        };
        for message in received.messages.unwrap_or_default() {
            // SQS delivers a failed message again after the visibility timeout, and moves it to the dead-letter
            // queue after five receives.
            if let Err(error) = take(&worker, &sqs, &queue_url, &message).await {
                let id = message.message_id().unwrap_or_default();
                eprintln!("message {id}: {}", describe(&error));
            }
        }
    }
}

/// Processes a message, and deletes it. Its object in the vault, if any, expires.
async fn take(
    worker: &Worker,
    sqs: &Client,
    queue_url: &str,
    message: &Message,
) -> Result<(), Error> {
    let attributes = message.message_attributes();
    let outcome = attributes.and_then(|attributes| attributes.get("outcome")?.string_value());
    let body = message.body().unwrap_or_default();
    worker.take(outcome, body).await?;
    sqs.delete_message()
        .queue_url(queue_url)
        .set_receipt_handle(message.receipt_handle.clone())
        .send()
        .await?;
    Ok(())
}
