//! A job of the vendor's answer as the body that its callback would have had.

use std::borrow::Cow;

use cloud_infinite_callback::{
    callback::{Callback, Payload, ReadError},
    event::events,
};
use cloud_infinite_job_record::Outcome;
use jiff::Timestamp;

use crate::xml_answer::{Element, child_text};

/// A job, whose body the library's own reader has read.
pub(crate) struct AnsweredJob {
    /// The id of its event.
    pub(crate) id: String,
    /// Whether it has succeeded, failed or been cancelled.
    pub(crate) is_over: bool,
    /// Whether it is submitted, running or paused.
    pub(crate) is_pending: bool,
    /// When it ended, if the answer says so.
    pub(crate) ended_at: Option<Timestamp>,
    /// `<Response>` with the job's node, and nothing beside it.
    body: Vec<u8>,
}

impl AnsweredJob {
    /// Reads a task's node, `JobsDetail`.
    ///
    /// # Errors
    /// If the function would not be able to read it either.
    pub(crate) fn from_task(node: &Element<'_>) -> Result<Self, ReadError> {
        Self::from_body(format!("<Response>{}</Response>", node.xml))
    }

    /// Reads a run's node, `WorkflowExecution`. It has no bucket in an answer: it is that of the
    /// question.
    ///
    /// # Errors
    /// If the function would not be able to read it either.
    pub(crate) fn from_run(node: &Element<'_>, bucket: &str) -> Result<Self, ReadError> {
        let Ok(children) = node.children() else {
            return Self::from_task(node);
        };
        if child_text(&children, "BucketId").is_some() {
            return Self::from_task(node);
        }
        let mut inside = format!("<BucketId>{bucket}</BucketId>");
        inside.extend(children.iter().map(|child| child.xml));
        let name = node.name;
        Self::from_body(format!("<Response><{name}>{inside}</{name}></Response>"))
    }

    /// Returns the callback of its body.
    pub(crate) fn callback(&self) -> Callback<'_> {
        callback_of(Payload::read(&self.body).expect("it was read before"))
    }

    fn from_body(body: String) -> Result<Self, ReadError> {
        let body = body.into_bytes();
        let callback = callback_of(Payload::read(&body)?);
        let mut events = events(&callback);
        let (Some(event), 0) = (events.next(), events.len()) else {
            unreachable!("one node is one job")
        };
        let record = &event.data;
        let (is_over, is_pending) = match record.outcome {
            Outcome::Succeeded | Outcome::Partial | Outcome::Failed | Outcome::Cancelled => {
                (true, false)
            }
            Outcome::Pending => (false, true),
            _ => (false, false),
        };
        let ended_at = record.ended_at.as_deref().and_then(|end| end.parse().ok());
        let id = event.id.clone();
        // Both borrow from the body.
        drop((event, events));
        drop(callback);
        Ok(Self {
            id,
            is_over,
            is_pending,
            ended_at,
            body,
        })
    }
}

/// Returns the callback of a node.
fn callback_of(payload: Payload<'_>) -> Callback<'_> {
    match payload {
        Payload::Callback(callback) => callback,
        Payload::Probe => unreachable!("a probe has no node"),
    }
}

/// Returns a node's id as it is shown where the node cannot be read.
pub(crate) fn shown_id(node: &Element<'_>) -> Cow<'static, str> {
    let children = node.children().unwrap_or_default();
    let id = child_text(&children, "JobId").or_else(|| child_text(&children, "RunId"));
    let is_plain = |id: &String| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
    match id.filter(is_plain) {
        Some(id) => Cow::Owned(id),
        None => Cow::Borrowed("a job without an id"),
    }
}
