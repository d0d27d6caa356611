//! Handles a request: limit, authenticate, decode, parse, publish each normalized job, respond.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
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
    auth::Authentication,
    aws,
    callback::{self, Payload},
    config::Config,
    event,
    function_url::{Headers, InvalidBase64, Request, Response},
    publish::{Delivery, PublishError, Publisher},
    queue::{self, Queue},
    telemetry::{Invocation, Telemetry},
    vault::{self, KeyPrefix, NewObject, RequestMetadata, Vault},
};

/// The largest body that a function URL accepts. Larger ones are rejected without being decoded.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// The part of an invocation's time that is reserved for returning the response to Lambda.
const ANSWER_MARGIN: Duration = Duration::from_millis(200);

/// The minimum time for the vault, even if the deadline has passed: see `publish::MIN_PUBLISH_TIME`.
const MIN_VAULT_TIME: Duration = Duration::from_millis(250);

/// Handles requests. Contains the state that all invocations share.
pub struct Handler {
    authentication: Authentication,
    publisher: Publisher,
    vault: Option<Arc<Vault>>,
    telemetry: Telemetry,
}

/// An authenticated request with its decoded body.
struct Accepted {
    body: Bytes,
    delivery: Delivery,
}

/// A body that is not on the queue: where it is stored instead, and why.
struct Undelivered {
    prefix: KeyPrefix,
    /// For the log.
    reason: String,
}

impl Handler {
    /// Creates a handler and its clients, without sending requests.
    pub fn new(config: Config) -> Self {
        let sdk_config = aws::sdk_config(&config.aws);
        let sqs = queue::client(&sdk_config, config.aws.sqs_endpoint.as_deref());
        let queue = Queue::new(config.queue.url, sqs);
        let s3 = move || vault::client(&sdk_config, config.aws.s3_endpoint.as_deref());
        let vault = config.vault_bucket;
        let vault = vault.map(|bucket| Arc::new(Vault::new(bucket, s3)));
        let (max_bytes, budget) = (config.queue.max_bytes, config.queue.budget);
        Self {
            authentication: config.authentication,
            publisher: Publisher::new(queue, vault.clone(), max_bytes, budget),
            vault,
            telemetry: Telemetry::new(config.function_name),
        }
    }

    /// Answers one event.
    ///
    /// # Errors
    /// Never returns an error, because every failure has a response.
    pub async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Response, Infallible> {
        let LambdaEvent { payload, context } = event;
        let mut invocation = Invocation::begin(&context.request_id);
        let answer = self.answer(payload, &context, &mut invocation).await;
        self.telemetry.report(invocation, &answer);
        Ok(answer.response())
    }

    async fn answer(
        &self,
        event: Box<RawValue>,
        context: &Context,
        invocation: &mut Invocation,
    ) -> Answer {
        let accepted = self.accept(&event, context, invocation);
        // The event contains another copy of the body, of up to several megabytes.
        drop(event);
        let Accepted { body, delivery } = match accepted {
            Ok(accepted) => accepted,
            Err(refusal) => return refusal,
        };
        if callback::is_empty(&body) {
            return Answer::Empty;
        }
        let published = catch_panic(self.publish(&body, &delivery, invocation)).await;
        // A bug in the receiver must not lose the callback.
        let undelivered = published.unwrap_or_else(|reason| Err(Undelivered::quarantine(reason)));
        let Undelivered { prefix, reason } = match undelivered {
            Ok(answer) => return answer,
            Err(undelivered) => undelivered,
        };
        let stored = catch_panic(self.store(prefix, body, &reason, &delivery)).await;
        match stored.flatten() {
            Ok(key) if prefix == KeyPrefix::Quarantine => Answer::Quarantined { key, reason },
            Ok(key) => Answer::Spilled { key, reason },
            Err(error) => Answer::NotStored {
                reason: format!("{reason}; {error}"),
            },
        }
    }

    /// Authenticates a request, and decodes its body.
    fn accept(
        &self,
        event: &RawValue,
        context: &Context,
        invocation: &mut Invocation,
    ) -> Result<Accepted, Answer> {
        let request = Request::parse(event.get()).ok_or(Answer::UnknownEvent)?;
        if request.body_bytes() > MAX_BODY_BYTES {
            return Err(Answer::ContentTooLarge);
        }
        let authenticated = self.authentication.authenticate(&request);
        let authenticated = authenticated.ok_or(Answer::Forbidden)?;
        invocation.token_index = authenticated.token_index();
        if !request.is_post() {
            return Err(Answer::MethodNotAllowed);
        }
        let delivery = delivery(request.headers(&authenticated), context);
        let body = request.into_body(&authenticated);
        let body = body.map_err(|InvalidBase64| Answer::InvalidBase64)?;
        invocation.body_bytes = Some(body.len());
        Ok(Accepted { body, delivery })
    }

    /// Parses a body and publishes its records.
    async fn publish(
        &self,
        body: &Bytes,
        delivery: &Delivery,
        invocation: &mut Invocation,
    ) -> Result<Answer, Undelivered> {
        let payload = Payload::read(body).map_err(|error| {
            let encoding = delivery.request.content_encoding.as_deref();
            let hint = callback::encoding_hint(body, encoding);
            Undelivered::quarantine(format!("{error}{hint}"))
        })?;
        let callback = match payload {
            Payload::Callback(callback) => callback,
            Payload::Probe => return Ok(Answer::Probe),
        };
        let records = &mut invocation.records;
        records.jobs = callback.jobs.len();
        let events = event::job_events(&callback).inspect(|event| records.count(&event.event));
        let report = self.publisher.publish(events, delivery).await;
        invocation.stats = report.stats;
        match report.error {
            None => Ok(Answer::Published { ids: report.ids }),
            Some(error @ PublishError::OversizeWithoutVault { .. }) => {
                Ok(Answer::OversizeWithoutVault {
                    reason: error.to_string(),
                })
            }
            // The vault may store the body although it did not store all large messages.
            Some(error) => Err(Undelivered {
                prefix: KeyPrefix::Spill,
                reason: error.to_string(),
            }),
        }
    }

    /// Stores a body that is not on the queue, and returns its key.
    async fn store(
        &self,
        prefix: KeyPrefix,
        body: Bytes,
        reason: &str,
        delivery: &Delivery,
    ) -> Result<String, String> {
        let vault = self.vault.as_ref().ok_or("no vault is configured")?;
        let object = NewObject {
            prefix,
            name: &delivery.id,
            content: body,
            reason,
            request: &delivery.request,
        };
        let deadline = delivery.deadline.max(Instant::now() + MIN_VAULT_TIME);
        let stored = vault.store(object, deadline).await;
        stored.map_err(|error| error.to_string())
    }
}

impl Undelivered {
    fn quarantine(reason: String) -> Self {
        let prefix = KeyPrefix::Quarantine;
        Self { prefix, reason }
    }
}

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must not end the process: the callback would be lost");

/// Returns the result of `work`, or an error for the log if it panics.
fn catch_panic<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, String>> {
    // A panic leaves no shared state inconsistent. An `async fn` would contain `work` twice.
    let caught = AssertUnwindSafe(work).catch_unwind();
    caught.map(|caught| caught.map_err(|_| "the receiver panicked".to_owned()))
}

fn delivery(headers: Headers, context: &Context) -> Delivery {
    let content_type = headers.content_type;
    let trace = context.xray_trace_id.clone();
    Delivery {
        id: context.request_id.clone(),
        request: RequestMetadata {
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
    Instant::now() + left.saturating_sub(ANSWER_MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught() {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let panicked = catch_panic(async { panic!("s3cret") }).await;
        std::panic::set_hook(quiet);
        assert_eq!(panicked, Err::<(), _>("the receiver panicked".to_owned()));
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
