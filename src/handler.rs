//! Handles a request: limit, authenticate, decode, parse, normalize, publish, answer.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::FutureExt;
use jiff::Timestamp;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{
    answer::Answer,
    auth::{Authentic, Authentication},
    aws,
    callback::{self, Payload},
    config::Config,
    event,
    function_url::{Request, Response},
    publish::{Delivery, PublishError, Publisher},
    queue::{self, Queue},
    telemetry::{Invocation, Telemetry},
    vault::{self, Folder, Receipt, Vault},
};

/// The largest body that a function URL accepts. Larger ones are rejected unread.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The part of an invocation's time that is reserved for the answer to reach Lambda.
const ANSWER_MARGIN: Duration = Duration::from_millis(200);

/// The least time for queue and vault together. Less than that is left only if the clock is wrong, as after a
/// freeze: both are tried nevertheless, and Lambda's own time-out ends what takes too long.
const MIN_WORK_TIME: Duration = Duration::from_millis(500);

/// Handles requests. Holds what all invocations share.
pub struct Handler {
    authentication: Authentication,
    publisher: Publisher,
    telemetry: Telemetry,
}

impl Handler {
    /// Creates a handler and its clients. Sends nothing.
    pub fn new(config: Config) -> Self {
        let sdk_config = aws::sdk_config(&config.aws);
        let sqs = queue::client(&sdk_config, config.aws.sqs_endpoint.as_deref());
        let queue = Queue::new(config.queue.url, sqs);
        let s3 = move || vault::client(&sdk_config, config.aws.s3_endpoint.as_deref());
        let vault = config.vault_bucket.map(|bucket| Vault::new(bucket, s3));
        Self {
            authentication: config.authentication,
            publisher: Publisher::new(queue, vault, config.queue.max_bytes, config.queue.budget),
            telemetry: Telemetry::new(config.function_name),
        }
    }

    /// Answers one event.
    ///
    /// # Errors
    /// Never returns an error: every failure has an answer.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Response, Infallible> {
        let LambdaEvent { payload, context } = event;
        let mut invocation = Invocation::begin(&context.request_id);
        let answer = self.answer(payload, &context, &mut invocation).await;
        self.telemetry.end(invocation, &answer);
        Ok(answer.response())
    }

    async fn answer(
        &self,
        event: Box<RawValue>,
        context: &Context,
        invocation: &mut Invocation,
    ) -> Answer {
        let (delivery, body) = match self.accept(&event, context) {
            Ok(accepted) => accepted,
            Err(refusal) => return refusal,
        };
        // The event holds another copy of the body, of up to megabytes.
        drop(event);
        invocation.body_bytes = Some(body.len());
        if callback::is_empty(&body) {
            return Answer::Empty;
        }
        let work = self.publish(&body, &delivery, invocation);
        let failure = match catch_panic(work).await {
            Ok(answer) => return answer,
            Err(failure) => failure,
        };
        let stored = self.store(body, failure, &delivery).map(Ok);
        catch_panic(stored)
            .await
            .unwrap_or_else(NotPublished::into_answer)
    }

    /// Authenticates a request, and decodes its body.
    fn accept(&self, event: &RawValue, context: &Context) -> Result<(Delivery, Bytes), Answer> {
        let request = Request::parse(event.get()).ok_or(Answer::UnknownEvent)?;
        if request.body_bytes() > MAX_BODY_BYTES {
            return Err(Answer::ContentTooLarge);
        }
        let request = self.authentication.authenticate(request);
        let request = request.ok_or(Answer::Forbidden)?;
        if !request.is_post() {
            return Err(Answer::MethodNotAllowed);
        }
        let delivery = delivery(&request, context);
        let body = request.into_body().map_err(|_| Answer::InvalidBase64)?;
        Ok((delivery, body))
    }

    /// Parses a body and publishes its records.
    async fn publish(
        &self,
        body: &Bytes,
        delivery: &Delivery,
        invocation: &mut Invocation,
    ) -> Result<Answer, NotPublished> {
        let payload = Payload::read(body).map_err(|error| {
            let encoding = delivery.receipt.content_encoding.as_deref();
            let hint = callback::encoding_hint(body, encoding);
            NotPublished::Unreadable(format!("{error}{hint}"))
        })?;
        let callback = match payload {
            Payload::Callback(callback) => callback,
            Payload::Probe => return Ok(Answer::Probe),
        };
        let Invocation { records, stats, .. } = invocation;
        let events = event::routed_events(&callback).inspect(|routed| records.count(&routed.event));
        let published = self.publisher.publish(events, delivery, stats).await;
        match published.map_err(|unpublished| unpublished.error) {
            Ok(ids) => Ok(Answer::Published { ids }),
            // The vault may store the body although it did not store all large messages.
            Err(PublishError::Queue(error)) => Err(NotPublished::Queue(error.to_string())),
            Err(PublishError::Vault(error)) => Err(NotPublished::Queue(error.to_string())),
            Err(error @ PublishError::TooLarge { .. }) => Ok(Answer::TooLarge {
                reason: error.to_string(),
            }),
        }
    }

    /// Stores a body that is not on the queue.
    async fn store(&self, body: Bytes, failure: NotPublished, delivery: &Delivery) -> Answer {
        let (folder, reason) = match failure {
            NotPublished::Unreadable(reason) => (Folder::Quarantine, reason),
            NotPublished::Queue(reason) => (Folder::Spill, reason),
        };
        let stored = self.publisher.store(folder, body, &reason, delivery);
        match stored.await {
            Ok(key) if folder == Folder::Quarantine => Answer::Quarantined { key, reason },
            Ok(key) => Answer::Spilled { key, reason },
            Err(error) => Answer::NotStored {
                reason: format!("{reason}; {error}"),
            },
        }
    }
}

/// Why a body is not on the queue, with the reason for the log.
#[derive(Debug)]
enum NotPublished {
    Unreadable(String),
    Queue(String),
}

impl NotPublished {
    /// Returns the answer if storing the body fails as well.
    fn into_answer(self) -> Answer {
        let (Self::Unreadable(reason) | Self::Queue(reason)) = self;
        Answer::NotStored { reason }
    }
}

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must not end the process: the callback would be lost");

/// Runs the work on a body and catches a panic, so that a bug in the receiver does not lose the callback:
/// the body is quarantined.
async fn catch_panic(
    work: impl Future<Output = Result<Answer, NotPublished>>,
) -> Result<Answer, NotPublished> {
    // A panic leaves no shared state inconsistent.
    let result = AssertUnwindSafe(work).catch_unwind().await;
    result.unwrap_or_else(|_| Err(NotPublished::Unreadable("the receiver panicked".to_owned())))
}

fn delivery(request: &Authentic<'_>, context: &Context) -> Delivery {
    let headers = request.headers();
    let content_type = headers.content_type;
    let trace = context.xray_trace_id.clone();
    Delivery {
        id: context.request_id.clone(),
        receipt: Receipt {
            request_id: context.request_id.clone(),
            received_at: in_seconds(Timestamp::now()),
            content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            content_encoding: headers.content_encoding,
        },
        // SQS rejects an empty trace header.
        trace: trace.filter(|trace| !trace.is_empty()),
        deadline: deadline(context),
    }
}

/// Truncates a timestamp to whole seconds.
fn in_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Returns the time by which the answer must be ready.
fn deadline(context: &Context) -> Instant {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let left = Duration::from_millis(context.deadline).saturating_sub(since_epoch);
    Instant::now() + left.saturating_sub(ANSWER_MARGIN).max(MIN_WORK_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_quarantines_the_body() {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let result = catch_panic(async { panic!("s3cret") }).await;
        std::panic::set_hook(quiet);
        let Err(NotPublished::Unreadable(reason)) = result else {
            panic!("{result:?}")
        };
        assert_eq!(reason, "the receiver panicked");
    }

    #[test]
    fn the_times_are_those_of_the_infra_contract() {
        let contract: serde_json::Value =
            serde_json::from_str(include_str!("../infra/contract.json")).expect("it is JSON");
        for (name, time) in [
            ("publish", crate::config::DEFAULT_PUBLISH_BUDGET),
            ("vault", crate::vault::BUDGET),
            ("answer", ANSWER_MARGIN),
        ] {
            assert_eq!(contract["millis"][name], time.as_millis() as u64, "{name}");
        }
    }
}
