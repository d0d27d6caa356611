//! A server for the Lambda runtime API.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http_body_util::Full;
use hyper::{Method, Response, StatusCode, body::Bytes, http::request::Parts};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use crate::server;

/// The X-Ray trace header of each invocation, which messages must propagate.
pub const TRACE: &str =
    "Root=1-64d5b3e1-0a1b2c3d4e5f60718293a4b5;Parent=53995c3f42cd8ad8;Sampled=1";

/// The ARN in each invocation.
const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:test";

/// The time from the deadline of an invocation until it is abandoned. Lambda would stop the function at the
/// deadline.
const GRACE_PERIOD: Duration = Duration::from_secs(5);

/// The maximum time until a function requests an invocation after its start.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// The prefix of each path.
const PATH_PREFIX: &str = "/2018-06-01/runtime/";

/// The result of an invocation.
#[derive(Debug)]
pub enum InvocationResult {
    /// The response of the handler.
    Response(Value),
    /// The function reported an error. A function URL returns 502 for it.
    Error(Value),
    /// The function did not respond in time.
    Silence,
}

/// A runtime API for one function.
pub struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::UnboundedSender<PendingInvocation>,
    shared: Arc<Shared>,
}

struct PendingInvocation {
    request_id: String,
    deadline: SystemTime,
    event: Bytes,
}

struct Shared {
    /// The invocations that `next` returns. The lock is asynchronous, because it is held during a long poll.
    pending: tokio::sync::Mutex<mpsc::UnboundedReceiver<PendingInvocation>>,
    answers: Mutex<HashMap<String, oneshot::Sender<InvocationResult>>>,
    /// The number of requests to `next`. If it is larger than `delivered`, the function is idle.
    polls: watch::Sender<u64>,
    delivered: AtomicU64,
}

impl RuntimeApi {
    pub async fn start() -> Self {
        let (invocations, pending) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            pending: tokio::sync::Mutex::new(pending),
            answers: Mutex::default(),
            polls: watch::Sender::new(0),
            delivered: AtomicU64::new(0),
        });
        let handler = Arc::clone(&shared);
        let address = server::serve(move |head, body| {
            let shared = Arc::clone(&handler);
            async move { shared.handle(&head, &body).await }
        })
        .await;
        Self {
            address,
            invocations,
            shared,
        }
    }

    /// Returns the value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Invokes the function with an event, and waits for the result.
    pub async fn invoke(&self, event: impl Into<Bytes>, deadline: Duration) -> InvocationResult {
        static COUNTER: AtomicU64 = AtomicU64::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("8f507cfc-0000-4000-8000-{number:012x}");
        let (sender, answer) = oneshot::channel();
        lock(&self.shared.answers).insert(request_id.clone(), sender);
        self.invocations
            .send(PendingInvocation {
                request_id,
                deadline: SystemTime::now() + deadline,
                event: event.into(),
            })
            .expect("the server lives as long as the test");
        match tokio::time::timeout(deadline + GRACE_PERIOD, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => InvocationResult::Silence,
        }
    }

    /// Waits until the function requests the next invocation, after it has started or has completed an
    /// invocation.
    pub async fn idle(&self) {
        let mut polls = self.shared.polls.subscribe();
        let idle = polls.wait_for(|polls| *polls > self.shared.delivered.load(Ordering::SeqCst));
        tokio::time::timeout(IDLE_LIMIT, idle)
            .await
            .expect("the function requests an invocation in time")
            .expect("the server lives as long as the test");
    }
}

impl Shared {
    async fn handle(&self, head: &Parts, body: &[u8]) -> server::HttpResponse {
        let path = head
            .uri
            .path()
            .strip_prefix(PATH_PREFIX)
            .unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        match (&head.method, segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                self.answer(id, InvocationResult::Response(json_or_text(body)))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.answer(id, InvocationResult::Error(json_or_text(body)))
            }
            _ => server::json(StatusCode::NOT_FOUND, &json!({"errorType": "NotFound"})),
        }
    }

    async fn next(&self) -> server::HttpResponse {
        self.polls.send_modify(|polls| *polls += 1);
        let Some(invocation) = self.pending.lock().await.recv().await else {
            return server::json(StatusCode::GONE, &json!({"errorType": "TestIsOver"}));
        };
        self.delivered.fetch_add(1, Ordering::SeqCst);
        let deadline = invocation
            .deadline
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", invocation.request_id)
            .header(
                "lambda-runtime-deadline-ms",
                deadline.as_millis().to_string(),
            )
            .header("lambda-runtime-trace-id", TRACE)
            .header("lambda-runtime-invoked-function-arn", FUNCTION_ARN)
            .body(Full::new(invocation.event))
            .expect("the headers are valid")
    }

    fn answer(&self, request_id: &str, answer: InvocationResult) -> server::HttpResponse {
        match lock(&self.answers).remove(request_id) {
            Some(sender) => {
                // Fails if the test has abandoned the invocation.
                let _ = sender.send(answer);
                accepted()
            }
            None => server::json(
                StatusCode::BAD_REQUEST,
                &json!({"errorType": "InvalidRequestID"}),
            ),
        }
    }
}

fn accepted() -> server::HttpResponse {
    server::json(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// Parses JSON. Returns other text as a string, which a failing test prints.
fn json_or_text(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// Ignores poisoning: one failed test must not fail the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
