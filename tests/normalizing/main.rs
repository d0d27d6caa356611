//! Tests the conversion of bodies to messages, which does not use the network.

mod amplification;
mod cases;
mod fields;
mod job_record;
mod properties;
mod rejected;
mod schema;
mod tree;
mod urls;
mod vendor_bodies;

use cloud_infinite_callback::{
    callback::{Payload, ReadError, ReadErrorKind},
    event,
};

/// Returns the indented messages of a body, or the reason why it is unreadable.
fn messages(body: &[u8]) -> Result<Vec<String>, String> {
    read(body).map_err(|error| error.to_string())
}

/// Returns the indented messages of a body, or the error.
fn read(body: &[u8]) -> Result<Vec<String>, ReadError> {
    let Payload::Callback(callback) = Payload::read(body)? else {
        return Ok(Vec::new());
    };
    Ok(event::events(&callback)
        .map(|event| event::to_pretty_json(&event))
        .collect())
}

/// Returns the messages of a body, without those of empty jobs.
fn messages_of_jobs(body: &[u8]) -> Vec<String> {
    read(body).unwrap_or_else(|error| {
        assert_eq!(error.kind(), ReadErrorKind::NoJob, "{error}");
        Vec::new()
    })
}

/// Returns the messages of the readable bodies.
fn messages_of_files(bodies: &[std::path::PathBuf]) -> Vec<String> {
    let bodies = bodies.iter().map(|path| std::fs::read(path).unwrap());
    bodies
        .filter_map(|body| messages(&body).ok())
        .flatten()
        .collect()
}
