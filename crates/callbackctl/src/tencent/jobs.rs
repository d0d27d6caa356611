//! Looks up jobs by id, and converts the jobs in API responses to callbacks.

use std::collections::HashMap;

use cloud_infinite_callback::{
    callback::{Callback, Payload, ReadError},
    event::{MAX_ID_LENGTH, events},
};
use cloud_infinite_job_record::{Outcome, Record};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    client::Client,
    error::ApiError,
    xml::{self, Element, child_text},
};

/// The states of jobs that have ended.
pub(crate) const ENDED_STATES: [&str; 3] = ["Success", "Failed", "Cancel"];

/// The maximum number of ids in a request to `/jobs/`.
const MAX_IDS: usize = 10;

/// Whether a job has ended, according to its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Ended,
    /// The state is absent or unknown to this version.
    Unknown,
}

/// A job in a response of the API, parsed by the function's parser.
pub(crate) struct VendorJob {
    /// The event id.
    pub(crate) id: String,
    /// The other possible ids of the callback's event: the callback or the response may lack a state.
    other_ids: Vec<String>,
    pub(crate) stage: Stage,
    /// The end time, if it is known.
    pub(crate) ended_at: Option<Timestamp>,
    /// `<Response>` with only the node of the job.
    body: Vec<u8>,
}

impl VendorJob {
    /// Parses the node of a workflow run, `WorkflowExecution`. The node does not contain the bucket, so that of
    /// the request is added.
    fn from_run(node: &Element<'_>, bucket: &str) -> Result<Self, ReadError> {
        let Element { name, xml, content } = node;
        if child_text(&node.children(), "BucketId").is_some() {
            return Self::from_task(xml);
        }
        Self::from_task(&format!(
            "<{name}><BucketId>{bucket}</BucketId>{content}</{name}>"
        ))
    }

    /// Parses the node of a task, `JobsDetail`.
    ///
    /// # Errors
    /// Returns an error if the function cannot parse it either.
    pub(crate) fn from_task(node: &str) -> Result<Self, ReadError> {
        let body = format!("<Response>{node}</Response>").into_bytes();
        let callback = callback_of(Payload::read(&body)?);
        let event = events(&callback).next().expect("one node is one job");
        let record = &event.data;
        let stage = match record.outcome {
            Outcome::Succeeded | Outcome::Partial | Outcome::Failed | Outcome::Cancelled => {
                Stage::Ended
            }
            Outcome::Pending => Stage::Pending,
            _ => Stage::Unknown,
        };
        let (id, other_ids) = (event.id.clone(), other_ids(record));
        let ended_at = ended_at(record).and_then(|end| end.parse().ok());
        // Both borrow from the body.
        drop(event);
        drop(callback);
        Ok(Self {
            id,
            other_ids,
            stage,
            ended_at,
            body,
        })
    }

    /// Returns the event ids under which the job may have been received.
    pub(crate) fn received_ids(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.id).chain(&self.other_ids)
    }

    /// Parses the body.
    pub(crate) fn callback(&self) -> Callback<'_> {
        callback_of(Payload::read(&self.body).expect("it was read before"))
    }
}

fn callback_of(payload: Payload<'_>) -> Callback<'_> {
    match payload {
        Payload::Callback(callback) => callback,
        Payload::Probe => unreachable!("a probe has no node"),
    }
}

/// Returns the end time of a job, if it is known. A run without an end time has the end time of its last task.
/// It is used only if the run succeeded and all tasks have an end time: other runs end later than their tasks.
fn ended_at<'r, D>(record: &'r Record<'_, D>) -> Option<&'r str> {
    let ends = || record.tasks.iter().map(|task| task.ended_at.as_deref());
    let end = record.ended_at.as_deref()?;
    let is_own = ends().max().flatten() != Some(end);
    let is_whole = record.state.as_deref() == Some("Success") && ends().all(|end| end.is_some());
    (is_own || is_whole).then_some(end)
}

/// Returns the ids of the job's event for other states of its callback, and the digests that replace them if
/// they are too long for SQS.
fn other_ids<D>(record: &Record<'_, D>) -> Vec<String> {
    let states: &[&str] = match record.state {
        Some(_) => &["unknown"],
        None => &ENDED_STATES,
    };
    let ids = record.job_id.iter().flat_map(|job| {
        let ids = states.iter().map(move |state| format!("{job}:{state}"));
        ids.flat_map(|id| [hex::encode(Sha256::digest(&id)), id])
    });
    ids.collect()
}

/// Parses a job id, which becomes a part of a path.
pub(crate) fn job_id(text: &str) -> Result<String, &'static str> {
    let is_legal = |byte: u8| byte.is_ascii_graphic() && !b"/,".contains(&byte);
    if !text.is_empty() && text.len() <= MAX_ID_LENGTH && text.bytes().all(is_legal) {
        Ok(text.to_owned())
    } else {
        Err("not a job id")
    }
}

/// The paths for lookups. Each of them supports other kinds of jobs.
const PATHS: [&str; 4] = ["/jobs", "/doc_jobs", "/file_jobs", "/workflowexecution"];

/// Returns the most likely path for an id, by its first letter.
fn likely_path(id: &str) -> &'static str {
    match id.as_bytes().first() {
        Some(b'd') => "/doc_jobs",
        Some(b'f') => "/file_jobs",
        Some(b'i' | b'r') => "/workflowexecution",
        _ => "/jobs",
    }
}

/// The results of a lookup by job id: the job, or the reason why its lookup failed.
pub(crate) type Found = HashMap<String, Result<VendorJob, String>>;

/// Looks up jobs of any kind. Those that `/jobs` is likely to find are looked up in batches, the others one by
/// one.
///
/// # Errors
/// Returns an error if no request can succeed.
pub(crate) async fn look_up(
    client: &mut Client,
    bucket: &str,
    ids: &[String],
) -> Result<Found, ApiError> {
    let mut found = Found::new();
    let likely: Vec<_> = ids.iter().filter(|id| likely_path(id) == "/jobs").collect();
    for ids in likely.chunks(MAX_IDS) {
        // If the batch fails, for example because of an invalid id, its jobs are looked up one by one below.
        let ids: Vec<_> = ids.iter().map(|id| &***id).collect();
        match ask(client, "/jobs", bucket, &ids).await {
            Err(error) if error.is_fatal() => return Err(error),
            jobs => found.extend(jobs.unwrap_or_default()),
        }
    }
    for id in ids {
        let first = likely_path(id);
        let others = PATHS.into_iter().filter(|path| *path != first);
        for path in std::iter::once(first).chain(others) {
            if matches!(found.get(id), Some(Ok(_))) {
                break;
            }
            match ask(client, path, bucket, &[id]).await {
                Ok(jobs) => found.extend(jobs),
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) if error.is_invalid() => {}
                Err(error) => {
                    found.insert(id.clone(), Err(format!("lookup failed: {error}")));
                }
            }
        }
    }
    Ok(found)
}

/// Requests jobs, and returns those that exist. Ignores jobs that were not requested.
async fn ask(
    client: &mut Client,
    path: &str,
    bucket: &str,
    ids: &[&str],
) -> Result<Found, ApiError> {
    let response = match client.get(&format!("{path}/{}", ids.join(",")), &[]).await {
        Err(error) if error.is_unknown_id() => return Ok(Found::new()),
        response => response?,
    };
    let elements = xml::children(&response, "Response").map_err(ApiError::unusable)?;
    let jobs = elements.iter().filter_map(|node| {
        let (id, job) = match node.name {
            "JobsDetail" => ("JobId", VendorJob::from_task(node.xml)),
            "WorkflowExecution" => ("RunId", VendorJob::from_run(node, bucket)),
            _ => return None,
        };
        let id = child_text(&node.children(), id).filter(|id| ids.contains(&&**id))?;
        Some((id, job.map_err(|error| format!("unreadable: {error}"))))
    });
    Ok(jobs.collect())
}

/// Looks up a workflow run. Returns `None` if it is unknown.
///
/// # Errors
/// Returns an error if the lookup fails.
pub(crate) async fn look_up_run(
    client: &mut Client,
    run_id: &str,
    bucket: &str,
) -> Result<Option<VendorJob>, ApiError> {
    let mut found = ask(client, "/workflowexecution", bucket, &[run_id]).await?;
    found.remove(run_id).transpose().map_err(ApiError::Unusable)
}
