//! A queue and a vault that remember what they took, by its digest. Some calls to the queue fail.

use std::{
    collections::HashMap,
    io::{Result, Write},
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard},
};

use fastrand::Rng;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{
    http::{self, Message},
    listening::listen,
};

/// One call in so many is answered 503.
pub(crate) const FAULTS: u32 = 100;

/// The same faults in every run, by the order of the calls.
const SEED: u64 = 1;

pub(crate) type Digest = [u8; 32];

pub(crate) fn digest(content: &[u8]) -> Digest {
    Sha256::digest(content).into()
}

#[derive(Clone)]
pub(crate) struct Services {
    memory: Arc<Mutex<Memory>>,
}

/// What both have taken since it was last checked.
pub(crate) struct Memory {
    pub(crate) messages: HashMap<Digest, Taken>,
    /// By the first and the last part of the key: the folder, and the request's id.
    pub(crate) objects: HashMap<String, Digest>,
    /// Calls to the queue that were answered 503.
    pub(crate) faults: usize,
    rng: Rng,
}

/// How often a message was taken.
#[derive(Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) times: usize,
    /// How often of these the answer was 503 nevertheless, so that it is right to send it again.
    pub(crate) unsaid: usize,
}

impl Services {
    /// Gives their URL, too.
    pub(crate) fn start() -> (Self, String) {
        let memory = Memory {
            messages: HashMap::new(),
            objects: HashMap::new(),
            faults: 0,
            rng: Rng::with_seed(SEED),
        };
        let services = Self {
            memory: Arc::new(Mutex::new(memory)),
        };
        let served = services.clone();
        let address = listen(move |stream| {
            // The function closes its connections when it ends.
            let _ = served.serve(stream);
        });
        (services, format!("http://{address}"))
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no holder panics")
    }

    fn serve(&self, mut stream: TcpStream) -> Result<()> {
        loop {
            let request = http::read(&mut stream)?;
            let (status, body) = if request.line.starts_with("PUT") {
                self.put(&request);
                ("200 OK", String::new())
            } else {
                self.send(&request)
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\netag: \"0\"\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes())?;
        }
    }

    /// What S3 does with an object: `PUT /<bucket>/<key>?… HTTP/1.1`.
    fn put(&self, request: &Message) {
        let path = request.line.split(['?', ' ']).nth(1).unwrap_or_default();
        let digest = digest(&request.body);
        let key = path.trim_start_matches("/vault/");
        self.memory().objects.insert(short(key), digest);
    }

    /// What SQS does with a message, or with a batch of them.
    fn send(&self, request: &Message) -> (&'static str, String) {
        let call: Value = serde_json::from_slice(&request.body).expect("a call is JSON");
        let operation = request.headers.get("x-amz-target");
        let is_batch = operation.is_some_and(|it| it == "AmazonSQS.SendMessageBatch");
        let batch = is_batch.then(|| call["Entries"].as_array().expect("a batch has entries"));
        let entries = batch.map_or(std::slice::from_ref(&call), Vec::as_slice);
        let bodies = entries.iter().map(|entry| entry["MessageBody"].as_str());
        let bodies: Vec<_> = bodies.map(|body| body.expect("a message")).collect();
        let digests: Vec<_> = bodies.iter().map(|body| digest(body.as_bytes())).collect();

        let mut memory = self.memory();
        let is_fault = memory.rng.u32(..FAULTS) == 0;
        // Of the failed calls half are lost on the way, and of half it is the answer that is lost.
        if !is_fault || memory.rng.bool() {
            for (body, digest) in bodies.iter().zip(digests) {
                memory.take(body, digest, is_fault);
            }
        }
        if is_fault {
            memory.faults += 1;
            return ("503 Service Unavailable", "{}".to_owned());
        }
        drop(memory);
        let md5 = "00000000000000000000000000000000";
        let taken = |entry: &Value| json!({"Id": entry["Id"], "MessageId": "5fea7756", "MD5OfMessageBody": md5});
        let answer = match batch {
            Some(batch) => json!({"Successful": batch.iter().map(taken).collect::<Vec<_>>()}),
            None => taken(&call),
        };
        ("200 OK", answer.to_string())
    }
}

impl Memory {
    /// Takes a message; for a pointer, what it points to. What is too large is not taken.
    fn take(&mut self, body: &str, digest: Digest, is_unsaid: bool) {
        if body.len() > super::QUEUE_MAX_BYTES {
            return;
        }
        let pointer = body
            .starts_with('[')
            .then(|| serde_json::from_str::<Value>(body).ok());
        let key = pointer.flatten().map(|pointer| {
            let key = pointer[1]["s3Key"].as_str();
            short(key.unwrap_or_default())
        });
        let object = key.and_then(|key| self.objects.get(&key));
        let taken = self.messages.entry(*object.unwrap_or(&digest)).or_default();
        taken.times += 1;
        taken.unsaid += usize::from(is_unsaid);
    }
}

/// A key without the day in it.
fn short(key: &str) -> String {
    let folder = key.split('/').next().unwrap_or_default();
    let name = key.rsplit('/').next().unwrap_or_default();
    format!("{folder}/{name}")
}
