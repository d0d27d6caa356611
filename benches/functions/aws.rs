//! A queue and a vault that take everything at once, in plain HTTP and behind TLS.

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::harness::{
    http::{self, Message},
    listening::listen,
};

/// Messages that the queues have taken.
static MESSAGES: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn messages() -> usize {
    MESSAGES.load(Ordering::Relaxed)
}

/// Gives its URL.
pub(crate) fn plain() -> String {
    let address = listen(serve);
    format!("http://{address}")
}

/// Gives its URL.
pub(crate) fn behind_tls(config: ServerConfig) -> String {
    let config = Arc::new(config);
    let address = listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a valid set-up");
        serve(StreamOwned::new(connection, stream));
    });
    format!("https://{address}")
}

/// Until the function closes the connection, or ends.
fn serve(mut stream: impl Read + Write) {
    while let Ok(request) = http::read(&mut stream) {
        let body = answer(&request);
        // In one piece, for one packet.
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\netag: \"0\"\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
}

/// What S3 answers to an object, and SQS to a message or a batch of them.
fn answer(request: &Message) -> String {
    let md5 = "00000000000000000000000000000000";
    if request.line.starts_with("PUT") {
        return String::new();
    }
    let operation = request.headers.get("x-amz-target");
    if operation.is_none_or(|operation| operation != "AmazonSQS.SendMessageBatch") {
        MESSAGES.fetch_add(1, Ordering::Relaxed);
        return json!({"MessageId": "5fea7756", "MD5OfMessageBody": md5}).to_string();
    }
    let batch: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let entries = batch["Entries"].as_array().map_or(&[][..], Vec::as_slice);
    MESSAGES.fetch_add(entries.len(), Ordering::Relaxed);
    let taken = |entry: &Value| json!({"Id": entry["Id"], "MessageId": "5fea7756", "MD5OfMessageBody": md5});
    json!({"Successful": entries.iter().map(taken).collect::<Vec<_>>()}).to_string()
}
