//! The Lambda runtime API, as the function's own runtime client expects it.

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

/// The trace of every invocation, which the messages must carry on.
pub const TRACE: &str =
    "Root=1-64d5b3e1-0a1b2c3d4e5f60718293a4b5;Parent=53995c3f42cd8ad8;Sampled=1";

/// The function that every invocation names.
const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:test";

/// How long after its deadline an invocation is given up: Lambda would have killed the function.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a started function may take until it asks for an invocation.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// Where every path begins.
const PREFIX: &str = "/2018-06-01/runtime/";

/// What came of an invocation.
#[derive(Debug)]
pub enum Answer {
    /// What the handler returned.
    Response(Value),
    /// That it failed, by its own account. A function URL makes a 502 of it.
    Error(Value),
    /// Nothing in time.
    Silence,
}

/// One server for one function.
pub struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::UnboundedSender<Invocation>,
    shared: Arc<Shared>,
}

struct Invocation {
    request_id: String,
    deadline: SystemTime,
    event: Bytes,
}

struct Shared {
    /// What `next` hands out. The lock is asynchronous: it is held through the long poll.
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    answers: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    /// How often the function has asked for work: once more than it was given any, it is idle.
    polls: watch::Sender<u64>,
    given: AtomicU64,
}

impl RuntimeApi {
    pub async fn start() -> Self {
        let (invocations, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            waiting: tokio::sync::Mutex::new(waiting),
            answers: Mutex::default(),
            polls: watch::Sender::new(0),
            given: AtomicU64::new(0),
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

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Invokes the function with an event and waits for what it makes of it.
    pub async fn invoke(&self, event: impl Into<Bytes>, deadline: Duration) -> Answer {
        static COUNTER: AtomicU64 = AtomicU64::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("8f507cfc-0000-4000-8000-{number:012x}");
        let (sender, answer) = oneshot::channel();
        lock(&self.shared.answers).insert(request_id.clone(), sender);
        self.invocations
            .send(Invocation {
                request_id,
                deadline: SystemTime::now() + deadline,
                event: event.into(),
            })
            .expect("the server lives as long as the test");
        match tokio::time::timeout(deadline + PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Answer::Silence,
        }
    }

    /// Waits until the function asks for the next invocation: it has started, and all that it does
    /// after an answer is done.
    pub async fn idle(&self) {
        let mut polls = self.shared.polls.subscribe();
        let idle = polls.wait_for(|polls| *polls > self.shared.given.load(Ordering::SeqCst));
        tokio::time::timeout(IDLE_LIMIT, idle)
            .await
            .expect("the function asks for an invocation in time")
            .expect("the server lives as long as the test");
    }
}

impl Shared {
    async fn handle(&self, head: &Parts, body: &[u8]) -> server::Answer {
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        match (&head.method, segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                self.answer(id, Answer::Response(lenient(body)))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.answer(id, Answer::Error(lenient(body)))
            }
            _ => server::json(StatusCode::NOT_FOUND, &json!({"errorType": "NotFound"})),
        }
    }

    async fn next(&self) -> server::Answer {
        self.polls.send_modify(|polls| *polls += 1);
        let Some(invocation) = self.waiting.lock().await.recv().await else {
            return server::json(StatusCode::GONE, &json!({"errorType": "TestIsOver"}));
        };
        self.given.fetch_add(1, Ordering::SeqCst);
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
            .expect("these headers make an answer")
    }

    fn answer(&self, request_id: &str, answer: Answer) -> server::Answer {
        match lock(&self.answers).remove(request_id) {
            Some(sender) => {
                // A test that has given up no longer listens.
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

fn accepted() -> server::Answer {
    server::json(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// What the function sent, as it is where it is no JSON: the test then shows it.
fn lenient(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// One failed test must not hide what the others find.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
