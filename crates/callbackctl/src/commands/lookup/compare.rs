//! Compares a job with a body in the vault.

use cloud_infinite_callback::{callback::Payload, event::events, normalize::Detail};
use cloud_infinite_job_record::Record;
use serde_json::Value;

use crate::{Failure, answered_job::AnsweredJob, terminal::say};

/// Compares the vendor's answer about a job with a body in the vault. Prints one line for each field,
/// without its values. Returns whether all fields agree.
pub(super) fn compare(job: &AnsweredJob, id: &str, body: &[u8]) -> Result<bool, Failure> {
    let unreadable = |error| Failure(format!("the body cannot be read: {error}"));
    let Payload::Callback(callback) = Payload::read(body).map_err(unreadable)? else {
        return Err(Failure("the body is the vendor's probe".to_owned()));
    };
    let answer = job.callback();
    let reported = events(&answer).next().expect("one node is one job").data;
    let mut kept = events(&callback).map(|event| event.data);
    let Some(kept) = kept.find(|record| record.job_id.as_deref() == Some(id)) else {
        return Err(Failure(format!("the body has no job {id}")));
    };
    let mut is_same = true;
    for (name, kept, mut reported) in fields(&kept)
        .into_iter()
        .zip(fields(&reported))
        .map(|((name, kept), (_, reported))| (name, kept, reported))
    {
        if name == "input" && kept.get("bucket").is_none() {
            // The bucket of a run is not part of the vendor's answer.
            reported.as_object_mut().map(|input| input.remove("bucket"));
        }
        let verdict = match (&kept, &reported) {
            (kept, reported) if kept == reported => "agrees",
            (Value::Null, _) => "differs: the body has none",
            (_, Value::Null) => "differs: the vendor has none",
            _ => "differs",
        };
        is_same &= verdict == "agrees";
        say(&format!("{name}  {verdict}"))?;
    }
    Ok(is_same)
}

/// Returns the fields that are compared, as JSON.
fn fields(record: &Record<'_, Detail<'_>>) -> Vec<(&'static str, Value)> {
    let whole = serde_json::to_value(record).expect("a record is JSON");
    ["state", "type", "input", "outputs", "userData"]
        .into_iter()
        .map(|name| (name, whole.get(name).cloned().unwrap_or_default()))
        .collect()
}
