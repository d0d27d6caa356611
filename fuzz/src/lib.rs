//! The checks that all fuzz targets share.

use cloud_infinite_callback::{
    callback::{Payload, ReadError},
    event,
    normalize::Detail,
};
use cloud_infinite_job_record::Event;
use serde_json::{Deserializer, Value};

/// The longest error message. It contains a position, but no text of the body.
const MAX_REASON_BYTES: usize = 200;

/// Returns the messages of a body, or the error, and checks either.
///
/// # Panics
/// If a message or the error is invalid.
pub fn messages(body: &[u8]) -> Result<Vec<String>, ReadError> {
    let payload = Payload::read(body).inspect_err(|error| {
        let reason = error.to_string();
        assert!(reason.len() <= MAX_REASON_BYTES, "{reason:?}");
        assert!(!reason.contains(char::is_control), "{reason:?}");
    })?;
    let Payload::Callback(callback) = payload else {
        return Ok(Vec::new());
    };
    Ok(event::events(&callback).map(checked_message).collect())
}

/// Serializes an event, and checks that workers can parse the message and that SQS accepts it.
fn checked_message(event: Event<'_, Detail<'_>>) -> String {
    let json = event::to_json(&event);
    assert!(json.chars().all(is_allowed_by_sqs), "{json:?}");
    let id = event.id;
    assert!((1..=128).contains(&id.len()), "{id:?}");
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
    let message: Value = serde_json::from_str(&json).expect("a message is JSON");
    assert_eq!(message["id"], *id);
    assert!(!has_empty_value(&message), "{json}");
    json
}

/// Parses JSON of any depth with serde_json.
pub fn parse_json(json: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = Deserializer::from_slice(json);
    deserializer.disable_recursion_limit();
    let value = serde::Deserialize::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Returns whether serde_json failed because a number does not fit in an `f64`.
pub fn is_out_of_range(result: &Result<Value, serde_json::Error>) -> bool {
    let error = result.as_ref().err();
    error.is_some_and(|error| error.to_string().starts_with("number out of range"))
}

fn is_allowed_by_sqs(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}'
        | '\u{10000}'..)
}

/// Returns whether a value, or any value inside it, is empty. A record has no empty values.
fn has_empty_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty() || items.iter().any(has_empty_value),
        Value::Object(members) => members.is_empty() || members.values().any(has_empty_value),
    }
}
