//! A request to its answer: the order of the work.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lambda_http::{Body, Context, Request, RequestExt, Response};
use tokio::time::Instant;

use crate::{
    auth::{Authentic, Tokens},
    aws, body,
    callback::Callback,
    config::Config,
    event::Event,
    outcome::Outcome,
    publish::Publisher,
    queue::Queue,
    telemetry::{Invocation, Telemetry},
};

/// What a function URL takes; nothing larger is looked at.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// What is left of an invocation's time for its answer to reach Lambda.
const ANSWER_MARGIN: Duration = Duration::from_millis(200);

/// All that an invocation needs, built once.
pub struct Handler {
    tokens: Tokens,
    publisher: Publisher,
    telemetry: Telemetry,
}

impl Handler {
    /// A handler with its clients; nothing is sent yet.
    pub fn new(config: Config) -> Self {
        let sdk_config = aws::sdk_config(&config.aws);
        let endpoint = config.aws.sqs_endpoint.as_deref();
        let queue = Queue::new(config.queue.url, &sdk_config, endpoint);
        Self {
            tokens: config.tokens,
            publisher: Publisher::new(queue, config.queue.max_bytes, config.queue.budget),
            telemetry: Telemetry::new(config.function_name),
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Never: whatever happens has an answer.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let context = request.lambda_context();
        let mut invocation = Invocation::begin(&context.request_id);
        let outcome = self.outcome(&request, &context, &mut invocation).await;
        self.telemetry.end(invocation, &outcome);
        Ok(outcome.response())
    }

    async fn outcome(
        &self,
        request: &Request,
        context: &Context,
        invocation: &mut Invocation,
    ) -> Outcome {
        if request.body().len() > MAX_BODY_BYTES {
            return Outcome::ContentTooLarge;
        }
        let Some(request) = self.tokens.authenticate(request) else {
            return Outcome::Forbidden;
        };
        self.authentic(&request, context, invocation).await
    }

    async fn authentic(
        &self,
        request: &Authentic<'_>,
        context: &Context,
        invocation: &mut Invocation,
    ) -> Outcome {
        if !request.is_post() {
            return Outcome::MethodNotAllowed;
        }
        invocation.body_bytes = Some(request.body().len());
        if body::is_empty(request.body()) {
            return Outcome::Empty;
        }
        let callback = match Callback::read(request.body()) {
            Ok(callback) => callback,
            Err(unreadable) => return Outcome::Unreadable(unreadable),
        };
        if callback.is_probe() {
            return Outcome::Probe;
        }
        let events = Event::all(&callback).inspect(|event| invocation.record(event));
        let trace = context.xray_trace_id.as_deref();
        let begin = Instant::now();
        let published = self
            .publisher
            .publish(events, trace, deadline(context))
            .await;
        invocation.publish_time = Some(begin.elapsed());
        match published {
            Ok(ids) => Outcome::Published { ids },
            Err(error) => Outcome::NotPublished(error),
        }
    }
}

/// When the answer must be given.
fn deadline(context: &Context) -> Instant {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let left = Duration::from_millis(context.deadline).saturating_sub(since_epoch);
    Instant::now() + left.saturating_sub(ANSWER_MARGIN)
}
