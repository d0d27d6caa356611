//! Parses a body into a callback: its event and its jobs, as trees that borrow from the body.

mod characters;
mod cos_headers;
mod error;
mod format;
mod json;
mod limits;
mod tree;
mod xml;

use std::borrow::Cow;

pub(crate) use characters::{is_xml_character, trim};
pub(crate) use cos_headers::{COS_HEADERS, cos_headers};
pub use error::{ReadError, ReadErrorKind};
use format::Format;
pub(crate) use format::encoding_hint;
pub use format::is_empty;
pub(crate) use json::number;
pub(crate) use tree::{Node, Object, Values};

/// The message of the probe that the vendor's console sends when a callback URL is saved.
const PROBE_MESSAGE: &str = "Test request when setting callback url";

/// The job id of the probe.
const PROBE_TRACE_ID: &str = "test_trace_id";

/// The vendor node that describes a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobNode {
    /// An element of `JobsDetail`.
    JobsDetail,
    /// `WorkflowExecution`.
    WorkflowExecution,
    /// The complete body, for moderation Simple.
    Simple,
}

impl JobNode {
    /// Returns the vendor's name of the node.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JobsDetail => "JobsDetail",
            Self::WorkflowExecution => "WorkflowExecution",
            Self::Simple => "",
        }
    }
}

/// The content of a body.
#[derive(Debug)]
pub enum Payload<'a> {
    /// The request that the vendor's console sends when a URL is saved. It looks like a verdict and must not
    /// reach the queue.
    Probe,
    /// A callback with its jobs.
    Callback(Callback<'a>),
}

/// A callback.
#[derive(Debug)]
pub struct Callback<'a> {
    pub(crate) node: JobNode,
    /// `EventName` as written; of moderation Simple `data.event`.
    pub(crate) event: Option<Cow<'a, str>>,
    /// The vendor nodes: at least one.
    pub(crate) jobs: Vec<Object<'a>>,
    /// The fields next to the vendor nodes, which belong to each of them.
    pub(crate) siblings: Object<'a>,
    /// Warnings about invalid input that the parser accepted.
    pub(crate) warnings: Vec<String>,
}

impl<'a> Payload<'a> {
    /// Parses a body in either format.
    ///
    /// # Errors
    /// Returns [`ReadError`] if the body is neither XML nor JSON, is malformed, exceeds a limit, or contains
    /// no job.
    pub fn read(body: &'a [u8]) -> Result<Self, ReadError> {
        let (format, text) = format::text(body)?;
        let (root, warning) = match format {
            Format::Xml => xml::read(text)?,
            Format::Json => {
                let (root, warning) = json::read(text)?;
                (unwrap_response(root), warning)
            }
        };
        let mut callback = Callback::new(root)?;
        if callback.is_probe() {
            return Ok(Self::Probe);
        }
        callback.warnings.extend(warning);
        Ok(Self::Callback(callback))
    }
}

impl<'a> Callback<'a> {
    fn is_probe(&self) -> bool {
        self.node == JobNode::Simple
            && self.jobs.iter().all(|job| {
                // If there are several values, one of them may be a verdict.
                let has_one = |object: &Object<'_>, name| !object.values(name).are_several();
                has_one(job, "message")
                    && text(job, "message") == Some(PROBE_MESSAGE)
                    && has_one(job, "data")
                    && object(job, "data").is_some_and(|data| {
                        has_one(data, "trace_id") && text(data, "trace_id") == Some(PROBE_TRACE_ID)
                    })
            })
    }

    /// Finds the jobs of a body.
    fn new(mut root: Object<'a>) -> Result<Self, ReadError> {
        let workflows = root.take(JobNode::WorkflowExecution.name());
        if !workflows.is_empty() {
            return Self::with_jobs(JobNode::WorkflowExecution, workflows, root);
        }
        let jobs = root.take(JobNode::JobsDetail.name());
        if !jobs.is_empty() {
            return Self::with_jobs(JobNode::JobsDetail, jobs, root);
        }
        if let (Some(_), Some(data)) = (text(&root, "code"), object(&root, "data")) {
            return Ok(Self {
                node: JobNode::Simple,
                event: text(data, "event").map(|event| Cow::Owned(event.to_owned())),
                jobs: vec![root],
                siblings: Object::default(),
                warnings: Vec::new(),
            });
        }
        Err(ReadError::new(
            ReadErrorKind::NoJob,
            "expected a job: JobsDetail, WorkflowExecution, or code with data",
        ))
    }

    fn with_jobs(
        node: JobNode,
        nodes: Vec<Node<'a>>,
        mut siblings: Object<'a>,
    ) -> Result<Self, ReadError> {
        let mut jobs = Vec::with_capacity(nodes.len());
        for (index, value) in nodes.into_iter().enumerate() {
            match value {
                Node::Object(job) => jobs.push(job),
                other => {
                    let (name, found) = (node.name(), other.kind());
                    return Err(ReadError::new(
                        ReadErrorKind::InvalidJob,
                        format!("{name}[{index}]: expected an object, but found {found}"),
                    ));
                }
            }
        }
        // The event has its own field in the record. Any other value stays a sibling.
        let mut events = siblings.take("EventName");
        let event = match events.first() {
            Some(Node::Text(event)) => Some(event.clone()),
            _ => None,
        };
        let mut warnings = Vec::new();
        match (&event, events.len()) {
            (Some(_), 1) => events.clear(),
            (_, 0) => {}
            (event, count) => {
                let used = if event.is_some() {
                    "the first is used"
                } else {
                    "none is used"
                };
                warnings.push(format!(
                    "EventName: expected one text, but found {count} values; {used}"
                ));
            }
        }
        siblings.put("EventName", events);
        Ok(Self {
            node,
            event,
            jobs,
            siblings,
            warnings,
        })
    }
}

/// Removes the wrapper `Response` from a JSON body, if that is its only key.
fn unwrap_response(mut root: Object<'_>) -> Object<'_> {
    if !root.names().map(|(name, _)| name).eq(["Response"]) {
        return root;
    }
    match <[_; 1]>::try_from(root.take("Response")) {
        Ok([Node::Object(response)]) => response,
        // This is not a wrapper. `Callback::new` reports that there is no job.
        _ => root,
    }
}

fn text<'t>(object: &'t Object<'_>, name: &str) -> Option<&'t str> {
    object.values(name).first()?.as_text()
}

fn object<'t>(object: &'t Object<'t>, name: &str) -> Option<&'t Object<'t>> {
    match object.values(name).first()? {
        Node::Object(object) => Some(object),
        _ => None,
    }
}
