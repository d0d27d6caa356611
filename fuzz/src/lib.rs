//! What holds of any body, for every target.

use cloud_infinite_callback::{
    callback::{Payload, ReadError},
    event,
    normalize::Detail,
};
use cloud_infinite_job_record::Event;
use serde_json::{Deserializer, Value};

/// The longest reason: places are two numbers, and no word of the body stands in one.
const MAX_REASON_BYTES: usize = 200;

/// The messages that a body gives, each checked; or why it cannot be read, checked as well.
pub fn messages(body: &[u8]) -> Result<Vec<String>, ReadError> {
    let payload = Payload::read(body).inspect_err(|error| {
        let reason = error.to_string();
        assert!(reason.len() <= MAX_REASON_BYTES, "{reason:?}");
        assert!(!reason.contains(char::is_control), "{reason:?}");
    })?;
    let Payload::Callback(callback) = payload else {
        return Ok(Vec::new());
    };
    Ok(event::events(&callback).map(checked).collect())
}

/// The message of an event, which any worker can read and SQS takes.
fn checked(event: Event<'_, Detail<'_, '_>>) -> String {
    let json = event::to_json(&event);
    assert!(json.chars().all(is_taken_by_sqs), "{json:?}");
    let id = event.id;
    assert!((1..=128).contains(&id.len()), "{id:?}");
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
    let message: Value = serde_json::from_str(&json).expect("any reader reads a message");
    assert_eq!(message["id"], *id);
    assert!(!is_hollow(&message), "{json}");
    json
}

/// JSON of any depth.
pub fn value(json: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = Deserializer::from_slice(json);
    reader.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Whether a number is larger than this reader holds.
pub fn is_out_of_range(read: &Result<Value, serde_json::Error>) -> bool {
    let error = read.as_ref().err();
    error.is_some_and(|error| error.to_string().starts_with("number out of range"))
}

fn is_taken_by_sqs(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}'
        | '\u{10000}'..)
}

/// Whether a value is empty, or anything inside it is: a record has no such field.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty() || items.iter().any(is_hollow),
        Value::Object(members) => members.is_empty() || members.values().any(is_hollow),
    }
}
