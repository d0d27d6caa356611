//! Bodies to messages, without a network: the pure part of the function.

mod amplification;
mod cases;
mod fields;
mod job_record;
mod properties;
mod rejected;
mod schema;
mod tree;
mod vendor_bodies;

use cloud_infinite_callback::{
    callback::{Payload, ReadError, ReadErrorKind},
    event,
};

/// Returns the messages of a body, indented, or the reason why it cannot be read.
fn messages(body: &[u8]) -> Result<Vec<String>, String> {
    read(body).map_err(|error| error.to_string())
}

/// The same, with the error itself.
fn read(body: &[u8]) -> Result<Vec<String>, ReadError> {
    let Payload::Callback(callback) = Payload::read(body)? else {
        return Ok(Vec::new());
    };
    Ok(event::events(&callback)
        .map(|event| event::to_pretty_json(&event))
        .collect())
}

/// The messages of a body, without those of jobs that are empty.
fn messages_of_jobs(body: &[u8]) -> Vec<String> {
    read(body).unwrap_or_else(|error| {
        assert_eq!(error.kind(), ReadErrorKind::NoJob, "{error}");
        Vec::new()
    })
}

/// The messages of all of these bodies that can be read.
fn messages_of_files(bodies: &[std::path::PathBuf]) -> Vec<String> {
    let bodies = bodies.iter().map(|path| std::fs::read(path).unwrap());
    bodies
        .filter_map(|body| messages(&body).ok())
        .flatten()
        .collect()
}
