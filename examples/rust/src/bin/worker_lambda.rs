//! A Lambda function that the queue invokes.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{LambdaEvent, service_fn};
use workers::{Error, Worker, describe, sdk_config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let worker = &Worker::new(&sdk_config().await);
    lambda_runtime::run(service_fn(|event| handle(worker, event))).await
}

/// Returns the failed messages. SQS redelivers only these messages of the batch.
async fn handle(worker: &Worker, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        if let Err(error) = take(worker, &message).await {
            let id = message.message_id.unwrap_or_default();
            eprintln!("message {id}: {}", describe(&error));
            response.add_failure(id);
        }
    }
    Ok(response)
}

async fn take(worker: &Worker, message: &SqsMessage) -> Result<(), Error> {
    let outcome = message.message_attributes.get("outcome");
    let outcome = outcome.and_then(|outcome| outcome.string_value.as_deref());
    let body = message.body.as_deref().unwrap_or_default();
    worker.take(outcome, body).await
}
