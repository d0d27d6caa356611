//! A queue and a vault that write down what they are sent, and break on request.
//!
//! MiniStack checks less than SQS does (it counts no attributes, and drops the system attributes of
//! batches), and never fails. Here a test sees the calls themselves.

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
    server::{self, Answer},
};

/// What SQS takes in one message and in one call, attributes counted.
pub const SQS_MAX_BYTES: usize = 1024 * 1024;

/// What the queue makes of one call. Entries are named by their place in it.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Takes all of it.
    Accept,
    /// Takes a batch but for these entries, which may be sent again.
    FailEntries(&'static [usize]),
    /// Takes a batch but for these entries, which are at fault themselves.
    RefuseEntries(&'static [usize]),
    /// The same, with this code.
    RefuseEntriesAs(&'static [usize], &'static str),
    /// Lists these entries of a batch as taken, without a message id, and takes the others.
    Anonymous(&'static [usize]),
    /// Takes a batch, and of these entries says nothing.
    LoseEntries(&'static [usize]),
    /// Takes a batch, and lists these entries as failed all the same.
    Contradict(&'static [usize]),
    /// An error with this status and code.
    Error(u16, &'static str),
    /// The same until so many milliseconds after the first call; then takes all of it.
    Outage(u64, u16, &'static str),
    /// Takes all of it, and answers with what is no JSON.
    Garble,
    /// Takes nothing, and answers 200 to it, as a server does that is not SQS.
    Blank,
    /// Takes all of it, after so many milliseconds.
    Late(u64),
    /// Nothing, ever.
    Silence,
}

/// What the vault makes of every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultReply {
    /// Does as it is told.
    Accept,
    /// An error with this status and code.
    Error(u16, &'static str),
    /// The same for the first call; then does as it is told.
    Once(u16, &'static str),
    /// The same until so many milliseconds after the first call.
    Outage(u64, u16, &'static str),
    /// Keeps nothing, and answers with this status and a page of HTML, as a proxy does.
    Page(u16),
    /// Does as it is told, after so many milliseconds.
    Late(u64),
    /// Nothing, ever.
    Silence,
}

/// An object of the vault.
#[derive(Clone, Debug)]
pub struct Object {
    pub body: Vec<u8>,
    pub content_type: String,
    pub reason: String,
    pub content_encoding: Option<String>,
}

/// One `SendMessage` or `SendMessageBatch`.
#[derive(Clone, Debug)]
pub struct Call {
    /// The entries of a batch, or the one message.
    pub entries: Vec<Value>,
}

/// A queue that keeps what it is sent.
pub struct FakeAws {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<VecDeque<Reply>>,
    /// After the script.
    otherwise: Mutex<Reply>,
    calls: Mutex<Vec<Call>>,
    /// As often as it was taken.
    taken: Mutex<Vec<String>>,
    vault: VaultReply,
    first_send: OnceLock<Instant>,
    first_put: OnceLock<Instant>,
    objects: Mutex<BTreeMap<String, Object>>,
    puts: watch::Sender<usize>,
    sends: watch::Sender<usize>,
}

impl FakeAws {
    /// A queue that takes everything.
    pub async fn start() -> Self {
        Self::scripted(&[], Reply::Accept).await
    }

    /// A queue that takes everything and closes connections of this age.
    pub async fn closing_after(lifetime: Duration) -> Self {
        Self::build(&[], Reply::Accept, VaultReply::Accept, lifetime).await
    }

    /// A queue that gives these replies, and then always the last one.
    pub async fn scripted(script: &[Reply], otherwise: Reply) -> Self {
        Self::with_vault(script, otherwise, VaultReply::Accept).await
    }

    /// The same, with a vault.
    pub async fn with_vault(script: &[Reply], otherwise: Reply, vault: VaultReply) -> Self {
        Self::build(script, otherwise, vault, Duration::MAX).await
    }

    async fn build(
        script: &[Reply],
        otherwise: Reply,
        vault: VaultReply,
        lifetime: Duration,
    ) -> Self {
        let shared = Arc::new(Shared {
            script: Mutex::new(script.iter().cloned().collect()),
            otherwise: Mutex::new(otherwise),
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

    /// The environment of a function with this queue.
    pub fn settings(&self) -> Settings {
        Settings::for_endpoint(&self.endpoint(), &self.url())
    }

    /// The value of `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The queue's URL.
    pub fn url(&self) -> String {
        format!("{}/000000000000/recorded", self.endpoint())
    }

    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// From now on gives these replies, and then always the last one.
    pub fn change(&self, script: &[Reply], otherwise: Reply) {
        *lock(&self.shared.script) = script.iter().cloned().collect();
        *lock(&self.shared.otherwise) = otherwise;
    }

    /// The ids of the events that lie on the queue.
    pub fn taken(&self) -> BTreeSet<String> {
        lock(&self.shared.taken).iter().cloned().collect()
    }

    /// Returns the ids of the events that were put on the queue, each as often as it was, and forgets
    /// them with all calls and objects. An oversize event is looked up in the vault.
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

    /// What lies in the vault, by key.
    pub fn objects(&self) -> BTreeMap<String, Object> {
        lock(&self.shared.objects).clone()
    }

    /// Waits for a call to the queue.
    pub async fn sent_to(&self) {
        let mut sends = self.shared.sends.subscribe();
        sends
            .wait_for(|count| *count > 0)
            .await
            .expect("it lives as long as the test");
    }

    /// Waits for an object to be put into the vault.
    pub async fn put_into(&self) {
        let mut puts = self.shared.puts.subscribe();
        puts.wait_for(|count| *count > 0)
            .await
            .expect("it lives as long as the test");
    }
}

impl Shared {
    async fn handle(&self, head: &Parts, body: &[u8]) -> server::Answer {
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
            .unwrap_or_else(|| lock(&self.otherwise).clone());
        if let Reply::Outage(millis, status, code) = reply {
            reply = match is_over(&self.first_send, millis) {
                true => Reply::Accept,
                false => Reply::Error(status, code),
            };
        }
        if let Reply::Late(millis) = reply {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        self.take(&reply, &entries);
        match (reply, is_batch) {
            (Reply::Silence, _) => future::pending().await,
            (Reply::Error(status, code), _) => error(status, code),
            (Reply::Blank, _) => server::json(StatusCode::OK, &json!({})),
            (Reply::Garble, _) => Answer::new(Full::from("<html>no JSON</html>")),
            (_, false) => server::json(StatusCode::OK, &taken(&entries[0])),
            (reply, true) => server::json(StatusCode::OK, &batch_answer(&reply, &entries)),
        }
    }

    /// Notes what lies on the queue after this reply.
    fn take(&self, reply: &Reply, entries: &[Value]) {
        let missing: &[usize] = match reply {
            Reply::FailEntries(missing)
            | Reply::RefuseEntries(missing)
            | Reply::RefuseEntriesAs(missing, _)
            | Reply::Anonymous(missing)
            | Reply::LoseEntries(missing)
            | Reply::Contradict(missing) => missing,
            Reply::Error(..) | Reply::Outage(..) | Reply::Silence | Reply::Blank => return,
            Reply::Accept | Reply::Garble | Reply::Late(_) => &[],
        };
        for (place, entry) in entries.iter().enumerate() {
            if entries.len() == 1 || !missing.contains(&place) {
                lock(&self.taken).push(event_id(entry));
            }
        }
    }

    async fn put(&self, head: &Parts, body: &[u8]) -> server::Answer {
        self.puts.send_modify(|count| *count += 1);
        let is_first = *self.puts.borrow() == 1;
        match self.vault {
            VaultReply::Late(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            VaultReply::Error(status, code) => return vault_error(status, code),
            VaultReply::Once(status, code) if is_first => return vault_error(status, code),
            VaultReply::Outage(millis, status, code) if !is_over(&self.first_put, millis) => {
                return vault_error(status, code);
            }
            VaultReply::Page(status) => {
                let mut answer = Answer::new(Full::from("<html>a proxy</html>"));
                *answer.status_mut() = StatusCode::from_u16(status).expect("a status of HTTP");
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
        let object = Object {
            body: body.to_vec(),
            content_type: header("content-type"),
            reason: header("x-amz-meta-reason"),
            content_encoding: Some(header("x-amz-meta-content-encoding"))
                .filter(|encoding| !encoding.is_empty()),
        };
        lock(&self.objects).insert(key, object);
        let mut answer = Answer::new(Full::default());
        let etag = "\"00000000000000000000000000000000\"";
        let etag = etag.parse().expect("a header's value");
        answer.headers_mut().insert("etag", etag);
        answer
    }
}

/// Whether an outage of so many milliseconds that began with the first call is over.
fn is_over(first: &OnceLock<Instant>, millis: u64) -> bool {
    first.get_or_init(Instant::now).elapsed() >= Duration::from_millis(millis)
}

fn vault_error(status: u16, code: &str) -> server::Answer {
    let xml = format!("<Error><Code>{code}</Code><Message>scripted</Message></Error>");
    let mut answer = Answer::new(Full::from(xml));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status of HTTP");
    answer
}

fn batch_answer(reply: &Reply, entries: &[Value]) -> Value {
    let (failing, code, sender_fault): (&[usize], _, _) = match reply {
        Reply::FailEntries(failing) => (failing, "InternalError", false),
        Reply::RefuseEntries(failing) => (failing, "InvalidAttributeName", true),
        Reply::RefuseEntriesAs(failing, code) => (failing, *code, true),
        Reply::Anonymous(failing) | Reply::LoseEntries(failing) => (failing, "", false),
        Reply::Contradict(both) => (both, "InternalError", false),
        _ => (&[], "", false),
    };
    let failure = |entry: &Value| json!({ "Id": entry["Id"], "Code": code, "Message": "scripted", "SenderFault": sender_fault });
    let mut answer = json!({ "Successful": [], "Failed": [] });
    for (place, entry) in entries.iter().enumerate() {
        if let Reply::Contradict(_) = reply {
            push(&mut answer, "Successful", taken(entry));
            if failing.contains(&place) {
                push(&mut answer, "Failed", failure(entry));
            }
            continue;
        }
        let (list, result) = match (failing.contains(&place), reply) {
            (false, _) => ("Successful", taken(entry)),
            (true, Reply::LoseEntries(_)) => continue,
            (true, Reply::Anonymous(_)) => ("Successful", json!({ "Id": entry["Id"] })),
            (true, _) => ("Failed", failure(entry)),
        };
        push(&mut answer, list, result);
    }
    answer
}

fn push(answer: &mut Value, list: &str, result: Value) {
    answer[list]
        .as_array_mut()
        .expect("both are lists")
        .push(result);
}

/// The id of the event in an entry, or the key of the object that it points to.
fn event_id(entry: &Value) -> String {
    id_or_key(entry["MessageBody"].as_str().expect("a message has a body"))
}

fn id_or_key(body: &str) -> String {
    let event: Value = serde_json::from_str(body).expect("a message is JSON");
    let id = event["id"].as_str().or(event[1]["s3Key"].as_str());
    // The benchmark's peers send no events.
    id.unwrap_or_default().to_owned()
}

fn taken(entry: &Value) -> Value {
    json!({
        "Id": entry["Id"],
        "MessageId": "5fea7756-0ea4-451a-a703-a558b933e274",
        "MD5OfMessageBody": "00000000000000000000000000000000",
    })
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
    pub fn ids(&self) -> Vec<String> {
        self.entries.iter().map(event_id).collect()
    }

    /// What SQS counts against the limit of a call.
    pub fn bytes(&self) -> usize {
        self.entries
            .iter()
            .map(|entry| body_bytes(entry) + attribute_bytes(entry))
            .sum()
    }
}

/// The size of a message's body.
pub fn body_bytes(entry: &Value) -> usize {
    entry["MessageBody"].as_str().map_or(0, str::len)
}

/// The size of a message's attributes: names, types and values.
pub fn attribute_bytes(entry: &Value) -> usize {
    let attributes = entry["MessageAttributes"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    attributes
        .map(|(name, value)| name.len() + text(&value["DataType"]) + text(&value["StringValue"]))
        .sum()
}
