//! A queue that writes down what it is sent, and breaks on request.
//!
//! MiniStack checks less than SQS does (it counts no attributes, and drops the system attributes of
//! batches), and never fails. Here a test sees the calls themselves.

use std::{
    collections::VecDeque,
    future,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper::{StatusCode, http::request::Parts};
use serde_json::{Value, json};

use crate::{function::Settings, server};

/// What SQS takes in one message and in one call, attributes counted.
pub(crate) const SQS_MAX_BYTES: usize = 1024 * 1024;

/// What the queue makes of one call. Entries are named by their place in it.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Takes all of it.
    Accept,
    /// Takes a batch but for these entries, which may be sent again.
    FailEntries(&'static [usize]),
    /// Takes a batch but for these entries, which are at fault themselves.
    RefuseEntries(&'static [usize]),
    /// Takes a batch, and of these entries says nothing.
    LoseEntries(&'static [usize]),
    /// An error with this status and code.
    Error(u16, &'static str),
    /// Nothing, ever.
    Silence,
}

/// One `SendMessage` or `SendMessageBatch`.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The entries of a batch, or the one message.
    pub(crate) entries: Vec<Value>,
}

/// A queue that keeps what it is sent.
pub(crate) struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<VecDeque<Reply>>,
    /// After the script.
    otherwise: Reply,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    /// A queue that takes everything.
    pub(crate) async fn start() -> Self {
        Self::scripted(&[], Reply::Accept).await
    }

    /// A queue that gives these replies, and then always the last one.
    pub(crate) async fn scripted(script: &[Reply], otherwise: Reply) -> Self {
        let shared = Arc::new(Shared {
            script: Mutex::new(script.iter().cloned().collect()),
            otherwise,
            calls: Mutex::default(),
        });
        let handler = Arc::clone(&shared);
        let address = server::serve(move |head, body| {
            let shared = Arc::clone(&handler);
            async move { shared.handle(&head, &body).await }
        })
        .await;
        Self { address, shared }
    }

    /// The environment of a function with this queue.
    pub(crate) fn settings(&self) -> Settings {
        let endpoint = format!("http://{}", self.address);
        Settings::for_endpoint(&endpoint, &format!("{endpoint}/000000000000/recorded"))
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }
}

impl Shared {
    async fn handle(&self, head: &Parts, body: &[u8]) -> server::Answer {
        let target = head
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
            return error(400, "SerializationException");
        };
        let is_batch = match target {
            Some("AmazonSQS.SendMessage") => false,
            Some("AmazonSQS.SendMessageBatch") => true,
            _ => return error(400, "InvalidAction"),
        };
        let entries = match request["Entries"].take() {
            Value::Array(entries) if is_batch => entries,
            _ => vec![request],
        };
        lock(&self.calls).push(Call {
            entries: entries.clone(),
        });
        let reply = lock(&self.script)
            .pop_front()
            .unwrap_or_else(|| self.otherwise.clone());
        match (reply, is_batch) {
            (Reply::Silence, _) => future::pending().await,
            (Reply::Error(status, code), _) => error(status, code),
            (_, false) => server::json(StatusCode::OK, &taken(&entries[0])),
            (reply, true) => server::json(StatusCode::OK, &batch_answer(&reply, &entries)),
        }
    }
}

fn batch_answer(reply: &Reply, entries: &[Value]) -> Value {
    let (failing, sender_fault): (&[usize], _) = match reply {
        Reply::FailEntries(failing) => (failing, false),
        Reply::RefuseEntries(failing) => (failing, true),
        Reply::LoseEntries(lost) => (lost, false),
        _ => (&[], false),
    };
    let mut answer = json!({ "Successful": [], "Failed": [] });
    for (place, entry) in entries.iter().enumerate() {
        let (list, result) = match (failing.contains(&place), reply) {
            (false, _) => ("Successful", taken(entry)),
            (true, Reply::LoseEntries(_)) => continue,
            (true, _) => ("Failed", failure(entry, sender_fault)),
        };
        answer[list]
            .as_array_mut()
            .expect("both are lists")
            .push(result);
    }
    answer
}

fn taken(entry: &Value) -> Value {
    json!({
        "Id": entry["Id"],
        "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
        "MD5OfMessageBody": "00000000000000000000000000000000",
    })
}

fn failure(entry: &Value, sender_fault: bool) -> Value {
    let code = if sender_fault {
        "InvalidMessageContents"
    } else {
        "InternalError"
    };
    json!({ "Id": entry["Id"], "Code": code, "Message": "scripted", "SenderFault": sender_fault })
}

fn error(status: u16, code: &str) -> server::Answer {
    let status = StatusCode::from_u16(status).expect("a status of HTTP");
    let kind = format!("com.amazonaws.sqs#{code}");
    server::json(status, &json!({ "__type": kind, "message": "scripted" }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Call {
    /// The ids of the events, in their order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let bodies = self
            .entries
            .iter()
            .map(|entry| entry["MessageBody"].as_str());
        bodies
            .map(|body| {
                let event: Value = serde_json::from_str(body.expect("a message has a body"))
                    .expect("a message is JSON");
                event["id"].as_str().expect("an event has an id").to_owned()
            })
            .collect()
    }

    /// What SQS counts against the limit of a call.
    pub(crate) fn bytes(&self) -> usize {
        self.entries
            .iter()
            .map(|entry| body_bytes(entry) + attribute_bytes(entry))
            .sum()
    }
}

/// The size of a message's body.
pub(crate) fn body_bytes(entry: &Value) -> usize {
    entry["MessageBody"].as_str().map_or(0, str::len)
}

/// The size of a message's attributes: names, types and values.
pub(crate) fn attribute_bytes(entry: &Value) -> usize {
    let attributes = entry["MessageAttributes"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    attributes
        .map(|(name, value)| name.len() + text(&value["DataType"]) + text(&value["StringValue"]))
        .sum()
}
