//! A fake SQS and S3 that record calls, with fault injection.
//!
//! MiniStack never fails, and has fewer checks than SQS: it does not count attributes, and discards the system
//! attributes of batches.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future, mem,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Method, StatusCode, http::request::Parts};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    function::Settings,
    server::{self, HttpResponse},
};

/// The SQS limit for one message and for one call, including attributes.
pub const SQS_MAX_BYTES: usize = 1024 * 1024;

/// The response of the queue to a call. Entries are identified by their index in the batch.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Accepts all entries.
    Accept,
    /// Accepts a batch, except these entries, which fail with a code that allows a retry.
    FailEntries(&'static [usize]),
    /// Accepts a batch, except these entries, which fail with this code as `SenderFault`.
    RefuseEntries(&'static [usize], &'static str),
    /// Refuses these entries with the first code, and all other entries with the second.
    RefuseAll(&'static [usize], &'static str, &'static str),
    /// Accepts a batch, except these entries, which are listed as successful without a message id.
    Anonymous(&'static [usize]),
    /// Accepts a batch, except these entries, which are in neither list of the response.
    LoseEntries(&'static [usize]),
    /// Lists all entries as successful, and these entries also as failed.
    Contradict(&'static [usize]),
    /// Fails with this status and code.
    Error(u16, &'static str),
    /// Fails with this status and code for this many milliseconds after the first call, and then accepts.
    Outage(u64, u16, &'static str),
    /// Accepts all entries, but the response is not JSON.
    Garble,
    /// Accepts nothing, and returns 200 with an empty object, like a server that is not SQS.
    Blank,
    /// Accepts all entries after this many milliseconds.
    Late(u64),
    /// Never responds.
    Silence,
}

/// The response of the vault to each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultReply {
    /// Stores the object.
    Accept,
    /// Fails with this status and code.
    Error(u16, &'static str),
    /// Fails the first call with this status and code.
    Once(u16, &'static str),
    /// Fails with this status and code for this many milliseconds after the first call.
    Outage(u64, u16, &'static str),
    /// Stores nothing, and returns this status with an HTML page, like a proxy.
    Page(u16),
    /// Stores the object after this many milliseconds.
    Late(u64),
    /// Never responds.
    Silence,
}

/// An object in the vault.
#[derive(Clone, Debug)]
pub struct RecordedObject {
    pub body: Vec<u8>,
    pub content_type: String,
    pub reason: String,
    pub content_encoding: Option<String>,
}

/// A call of `SendMessage` or `SendMessageBatch`.
#[derive(Clone, Debug)]
pub struct Call {
    /// The entries of the batch, or the single message.
    pub entries: Vec<Value>,
}

/// A server with a queue and a vault, which record calls.
pub struct FakeAws {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<VecDeque<Reply>>,
    /// The reply to each call after the script.
    default_reply: Mutex<Reply>,
    calls: Mutex<Vec<Call>>,
    /// The ids of accepted events, including duplicates.
    taken: Mutex<Vec<String>>,
    vault: VaultReply,
    first_send: OnceLock<Instant>,
    first_put: OnceLock<Instant>,
    objects: Mutex<BTreeMap<String, RecordedObject>>,
    puts: watch::Sender<usize>,
    sends: watch::Sender<usize>,
}

impl FakeAws {
    /// Starts a queue and a vault that accept everything.
    pub async fn start() -> Self {
        Self::scripted(&[], Reply::Accept).await
    }

    /// Like [`FakeAws::start`], but closes each connection after `lifetime`.
    pub async fn closing_after(lifetime: Duration) -> Self {
        Self::build(&[], Reply::Accept, VaultReply::Accept, lifetime).await
    }

    /// Starts a queue that returns the replies of `script`, and then always `default_reply`.
    pub async fn scripted(script: &[Reply], default_reply: Reply) -> Self {
        Self::with_vault(script, default_reply, VaultReply::Accept).await
    }

    /// Like [`FakeAws::scripted`], with this reply of the vault.
    pub async fn with_vault(script: &[Reply], default_reply: Reply, vault: VaultReply) -> Self {
        Self::build(script, default_reply, vault, Duration::MAX).await
    }

    async fn build(
        script: &[Reply],
        default_reply: Reply,
        vault: VaultReply,
        lifetime: Duration,
    ) -> Self {
        let shared = Arc::new(Shared {
            script: Mutex::new(script.iter().cloned().collect()),
            default_reply: Mutex::new(default_reply),
            calls: Mutex::default(),
            taken: Mutex::default(),
            vault,
            first_send: OnceLock::new(),
            first_put: OnceLock::new(),
            objects: Mutex::default(),
            puts: watch::Sender::new(0),
            sends: watch::Sender::new(0),
        });
        let handler = Arc::clone(&shared);
        let address = server::serve_for(lifetime, move |head, body| {
            let shared = Arc::clone(&handler);
            async move { shared.handle(&head, &body).await }
        })
        .await;
        Self { address, shared }
    }

    /// Returns the environment of a function with this queue.
    pub fn settings(&self) -> Settings {
        Settings::for_endpoint(&self.endpoint(), &self.url())
    }

    /// Returns the value for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the URL of the queue.
    pub fn url(&self) -> String {
        format!("{}/000000000000/recorded", self.endpoint())
    }

    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Replaces the script and the default reply.
    pub fn change(&self, script: &[Reply], default_reply: Reply) {
        *lock(&self.shared.script) = script.iter().cloned().collect();
        *lock(&self.shared.default_reply) = default_reply;
    }

    /// Returns the ids of the events on the queue.
    pub fn taken(&self) -> BTreeSet<String> {
        lock(&self.shared.taken).iter().cloned().collect()
    }

    /// Removes all events, calls and objects, and returns the ids of the events, including duplicates. The id
    /// of an oversize event is read from its object in the vault.
    pub fn drain(&self) -> Vec<String> {
        lock(&self.shared.calls).clear();
        let objects = mem::take(&mut *lock(&self.shared.objects));
        let taken = mem::take(&mut *lock(&self.shared.taken));
        let resolve = |id: String| match objects.get(&id) {
            Some(object) => id_or_key(&String::from_utf8_lossy(&object.body)),
            None => id,
        };
        taken.into_iter().map(resolve).collect()
    }

    /// Returns the objects in the vault, by key.
    pub fn objects(&self) -> BTreeMap<String, RecordedObject> {
        lock(&self.shared.objects).clone()
    }

    /// Waits for the first call to the queue.
    pub async fn sent_to(&self) {
        let mut sends = self.shared.sends.subscribe();
        sends
            .wait_for(|count| *count > 0)
            .await
            .expect("the server lives as long as the test");
    }

    /// Waits for the first call to the vault.
    pub async fn put_into(&self) {
        let mut puts = self.shared.puts.subscribe();
        puts.wait_for(|count| *count > 0)
            .await
            .expect("the server lives as long as the test");
    }
}

impl Shared {
    async fn handle(&self, head: &Parts, body: &[u8]) -> server::HttpResponse {
        if head.method == Method::PUT {
            return self.put(head, body).await;
        }
        self.sends.send_modify(|count| *count += 1);
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
        let mut reply = lock(&self.script)
            .pop_front()
            .unwrap_or_else(|| lock(&self.default_reply).clone());
        if let Reply::Outage(millis, status, code) = reply {
            reply = match is_outage_over(&self.first_send, millis) {
                true => Reply::Accept,
                false => Reply::Error(status, code),
            };
        }
        if let Reply::Late(millis) = reply {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        self.record_accepted(&reply, &entries);
        match (reply, is_batch) {
            (Reply::Silence, _) => future::pending().await,
            (Reply::Error(status, code), _) => error(status, code),
            (Reply::Blank, _) => server::json(StatusCode::OK, &json!({})),
            (Reply::Garble, _) => HttpResponse::new(Full::from("<html>no JSON</html>")),
            (_, false) => server::json(StatusCode::OK, &success(&entries[0])),
            (reply, true) => server::json(StatusCode::OK, &batch_answer(&reply, &entries)),
        }
    }

    /// Records the events that the queue accepts with this reply.
    fn record_accepted(&self, reply: &Reply, entries: &[Value]) {
        let missing: &[usize] = match reply {
            Reply::FailEntries(missing)
            | Reply::RefuseEntries(missing, _)
            | Reply::Anonymous(missing)
            | Reply::LoseEntries(missing)
            | Reply::Contradict(missing) => missing,
            Reply::RefuseAll(..)
            | Reply::Error(..)
            | Reply::Outage(..)
            | Reply::Silence
            | Reply::Blank => return,
            Reply::Accept | Reply::Garble | Reply::Late(_) => &[],
        };
        for (index, entry) in entries.iter().enumerate() {
            if entries.len() == 1 || !missing.contains(&index) {
                lock(&self.taken).push(event_id(entry));
            }
        }
    }

    async fn put(&self, head: &Parts, body: &[u8]) -> server::HttpResponse {
        self.puts.send_modify(|count| *count += 1);
        let is_first = *self.puts.borrow() == 1;
        match self.vault {
            VaultReply::Late(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            VaultReply::Error(status, code) => return vault_error(status, code),
            VaultReply::Once(status, code) if is_first => return vault_error(status, code),
            VaultReply::Outage(millis, status, code)
                if !is_outage_over(&self.first_put, millis) =>
            {
                return vault_error(status, code);
            }
            VaultReply::Page(status) => {
                let mut answer = HttpResponse::new(Full::from("<html>a proxy</html>"));
                *answer.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
                return answer;
            }
            VaultReply::Silence => future::pending().await,
            VaultReply::Accept | VaultReply::Once(..) | VaultReply::Outage(..) => {}
        }
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let key = head
            .uri
            .path()
            .splitn(3, '/')
            .last()
            .unwrap_or_default()
            .to_owned();
        let object = RecordedObject {
            body: body.to_vec(),
            content_type: header("content-type"),
            reason: header("x-amz-meta-reason"),
            content_encoding: Some(header("x-amz-meta-content-encoding"))
                .filter(|encoding| !encoding.is_empty()),
        };
        lock(&self.objects).insert(key, object);
        let mut answer = HttpResponse::new(Full::default());
        let etag = "\"00000000000000000000000000000000\"";
        let etag = etag.parse().expect("a valid header value");
        answer.headers_mut().insert("etag", etag);
        answer
    }
}

/// Returns whether an outage that started with the first call has lasted for `millis`.
fn is_outage_over(first: &OnceLock<Instant>, millis: u64) -> bool {
    first.get_or_init(Instant::now).elapsed() >= Duration::from_millis(millis)
}

fn vault_error(status: u16, code: &str) -> server::HttpResponse {
    let xml = format!("<Error><Code>{code}</Code><Message>scripted</Message></Error>");
    let mut answer = HttpResponse::new(Full::from(xml));
    *answer.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
    answer
}

fn batch_answer(reply: &Reply, entries: &[Value]) -> Value {
    let (failing, code, sender_fault): (&[usize], _, _) = match reply {
        Reply::FailEntries(failing) => (failing, "InternalError", false),
        Reply::RefuseEntries(failing, code) | Reply::RefuseAll(failing, code, _) => {
            (failing, *code, true)
        }
        Reply::Anonymous(failing) | Reply::LoseEntries(failing) => (failing, "", false),
        Reply::Contradict(both) => (both, "InternalError", false),
        _ => (&[], "", false),
    };
    let failure = |entry: &Value, code| json!({ "Id": entry["Id"], "Code": code, "Message": "scripted", "SenderFault": sender_fault });
    let mut answer = json!({ "Successful": [], "Failed": [] });
    for (index, entry) in entries.iter().enumerate() {
        if let Reply::Contradict(_) = reply {
            push(&mut answer, "Successful", success(entry));
            if failing.contains(&index) {
                push(&mut answer, "Failed", failure(entry, code));
            }
            continue;
        }
        let (list, result) = match (failing.contains(&index), reply) {
            (false, Reply::RefuseAll(_, _, other)) => ("Failed", failure(entry, other)),
            (false, _) => ("Successful", success(entry)),
            (true, Reply::LoseEntries(_)) => continue,
            (true, Reply::Anonymous(_)) => ("Successful", json!({ "Id": entry["Id"] })),
            (true, _) => ("Failed", failure(entry, code)),
        };
        push(&mut answer, list, result);
    }
    answer
}

fn push(answer: &mut Value, list: &str, result: Value) {
    answer[list]
        .as_array_mut()
        .expect("`Successful` and `Failed` are lists")
        .push(result);
}

/// Returns the id of the event in an entry, or the key of the object that the entry points to.
fn event_id(entry: &Value) -> String {
    id_or_key(entry["MessageBody"].as_str().expect("a message has a body"))
}

fn id_or_key(body: &str) -> String {
    let event: Value = serde_json::from_str(body).expect("a message is JSON");
    let id = event["id"].as_str().or(event[1]["s3Key"].as_str());
    // The functions that the benchmark compares do not send events.
    id.unwrap_or_default().to_owned()
}

fn success(entry: &Value) -> Value {
    json!({
        "Id": entry["Id"],
        "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
        "MD5OfMessageBody": "00000000000000000000000000000000",
    })
}

fn error(status: u16, code: &str) -> server::HttpResponse {
    let status = StatusCode::from_u16(status).expect("an HTTP status");
    let kind = format!("com.amazonaws.sqs#{code}");
    server::json(status, &json!({ "__type": kind, "message": "scripted" }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Call {
    /// Returns the ids of the events, in order.
    pub fn ids(&self) -> Vec<String> {
        self.entries.iter().map(event_id).collect()
    }

    /// Returns the size that SQS compares with its limit.
    pub fn bytes(&self) -> usize {
        self.entries
            .iter()
            .map(|entry| body_bytes(entry) + attribute_bytes(entry))
            .sum()
    }
}

/// Returns the size of a message body.
pub fn body_bytes(entry: &Value) -> usize {
    entry["MessageBody"].as_str().map_or(0, str::len)
}

/// Returns the size of the attributes of a message: names, types and values.
pub fn attribute_bytes(entry: &Value) -> usize {
    let attributes = entry["MessageAttributes"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    attributes
        .map(|(name, value)| name.len() + text(&value["DataType"]) + text(&value["StringValue"]))
        .sum()
}
