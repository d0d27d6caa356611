//! A job in an answer of the vendor's API, converted to the body of a callback.

use cloud_infinite_callback::{
    callback::{Callback, Payload, ReadError},
    event::events,
};
use cloud_infinite_job_record::{Outcome, Record};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::xml_answer::{Element, child_text};

/// The longest id that is shown. The vendor's have 38 characters at most.
const MAX_SHOWN_LENGTH: usize = 128;

/// The states of jobs that are over.
const OVER: [&str; 3] = ["Success", "Failed", "Cancel"];

/// The stage of a job, derived from its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is submitted, running or paused.
    Pending,
    /// It has succeeded, failed or been cancelled.
    Over,
    /// The state is unknown to this version, or absent.
    Unknown,
}

/// A job, whose body the function's own parser has read.
pub(crate) struct AnsweredJob {
    /// The id of its event.
    pub(crate) id: String,
    /// The ids that the event of its callback may have instead: some callbacks of the vendor have no
    /// state, and the answer may have none.
    other_ids: Vec<String>,
    pub(crate) stage: Stage,
    /// When it ended, if that is known.
    pub(crate) ended_at: Option<Timestamp>,
    /// `<Response>` with the job's node, and nothing next to it.
    body: Vec<u8>,
}

impl AnsweredJob {
    /// Reads a task's node, `JobsDetail`.
    ///
    /// # Errors
    /// If the function would not be able to read it either.
    pub(crate) fn from_task(node: &Element<'_>) -> Result<Self, ReadError> {
        Self::from_node(node.xml)
    }

    /// Reads a run's node, `WorkflowExecution`. Answers do not name the bucket: it is the one in the request.
    ///
    /// # Errors
    /// If the function would not be able to read it either.
    pub(crate) fn from_run(node: &Element<'_>, bucket: &str) -> Result<Self, ReadError> {
        if child_text(&node.children(), "BucketId").is_some() {
            return Self::from_node(node.xml);
        }
        let (tag, inside) = node.xml.split_at(node.inside());
        let node = format!("{tag}<BucketId>{bucket}</BucketId>{inside}");
        Self::from_node(&node)
    }

    /// Returns the event ids that show that the job was received.
    pub(crate) fn received_ids(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.id).chain(&self.other_ids)
    }

    /// Returns the callback of its body.
    pub(crate) fn callback(&self) -> Callback<'_> {
        callback_of(Payload::read(&self.body).expect("it was read before"))
    }

    fn from_node(node: &str) -> Result<Self, ReadError> {
        let body = format!("<Response>{node}</Response>").into_bytes();
        let callback = callback_of(Payload::read(&body)?);
        let mut events = events(&callback);
        let (Some(event), 0) = (events.next(), events.len()) else {
            unreachable!("one node is one job")
        };
        let record = &event.data;
        let stage = match record.outcome {
            Outcome::Succeeded | Outcome::Partial | Outcome::Failed | Outcome::Cancelled => {
                Stage::Over
            }
            Outcome::Pending => Stage::Pending,
            _ => Stage::Unknown,
        };
        let other_ids = other_ids(record);
        let ended_at = ended_at(record).and_then(|end| end.parse().ok());
        let id = event.id.clone();
        // Both borrow from the body.
        drop((event, events));
        drop(callback);
        Ok(Self {
            id,
            other_ids,
            stage,
            ended_at,
            body,
        })
    }
}

/// Returns when a job ended. The end of a run is that of its last task, unless it has its own. Then it is
/// known only if the run succeeded and all tasks have an end: other runs end later than a task.
fn ended_at<'r, D>(record: &'r Record<'_, D>) -> Option<&'r str> {
    let ends = || record.tasks.iter().map(|task| task.ended_at.as_deref());
    let end = record.ended_at.as_deref()?;
    let is_own = ends().max().flatten() != Some(end);
    let is_whole = record.state.as_deref() == Some("Success") && ends().all(|end| end.is_some());
    (is_own || is_whole).then_some(end)
}

/// Returns the ids of a job's event with the states that its callback may have had instead, and what
/// replaces such an id if it is too long for SQS.
fn other_ids<D>(record: &Record<'_, D>) -> Vec<String> {
    let states: &[&str] = match record.state {
        Some(_) => &["unknown"],
        None => &OVER,
    };
    let ids = record.job_id.iter().flat_map(|job| {
        let ids = states.iter().map(move |state| format!("{job}:{state}"));
        ids.flat_map(|id| [hex::encode(Sha256::digest(&id)), id])
    });
    ids.collect()
}

/// Returns the callback of a node.
fn callback_of(payload: Payload<'_>) -> Callback<'_> {
    match payload {
        Payload::Callback(callback) => callback,
        Payload::Probe => unreachable!("a probe has no node"),
    }
}

/// Returns the id of a node that cannot be read, in a form that may be printed.
pub(crate) fn shown_id(node: &Element<'_>) -> Option<String> {
    let children = node.children();
    let id = child_text(&children, "JobId").or_else(|| child_text(&children, "RunId"));
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    id.filter(|id| id.len() <= MAX_SHOWN_LENGTH && id.bytes().all(is_legal))
}
