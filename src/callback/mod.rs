//! Parses a body that Cloud Infinite sent into a callback: its event and its jobs, as trees that borrow from the
//! body.

mod characters;
mod cos_headers;
mod error;
mod fields;
mod format;
mod json;
mod limits;
mod tree;
mod xml;

use std::borrow::Cow;

pub(crate) use characters::{is_xml_character, trim};
pub(crate) use cos_headers::{COS_HEADERS, cos_headers};
pub use error::{ReadError, ReadErrorKind};
pub(crate) use fields::{Dialect, Shape};
use format::Format;
pub(crate) use format::encoding_hint;
pub use format::is_empty;
pub(crate) use json::number;
pub(crate) use tree::{Members, Node, Object, Values};

/// The message of the probe that Tencent Cloud's console sends when a callback URL is saved.
const PROBE_MESSAGE: &str = "Test request when setting callback url";

/// The job id of the probe.
const PROBE_TRACE_ID: &str = "test_trace_id";

/// The element next to the jobs that names the event.
const EVENT_NAME: &str = "EventName";

/// The most bytes that the siblings of jobs may have in all messages of a body. Each message contains them, so
/// a small body with many siblings and many jobs could become gigabytes.
const MAX_COPIED_BYTES: usize = 64 * 1024 * 1024;

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
    /// `EventName` as written, or `data.event` in moderation Simple.
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
    /// Finds the jobs of a body.
    fn new(mut root: Object<'a>) -> Result<Self, ReadError> {
        let runs = root.take(JobNode::WorkflowExecution.name());
        let jobs = root.take(JobNode::JobsDetail.name());
        match (runs.is_empty(), jobs.is_empty()) {
            (false, true) => Self::with_jobs(JobNode::WorkflowExecution, runs, root),
            (true, false) => Self::with_jobs(JobNode::JobsDetail, jobs, root),
            (true, true) => Self::simple(root),
            (false, false) => Err(ReadError::new(
                ReadErrorKind::InvalidJob,
                "both JobsDetail and WorkflowExecution in one body",
            )),
        }
    }

    /// Returns a callback of moderation Simple: the body is the job.
    fn simple(root: Object<'a>) -> Result<Self, ReadError> {
        let (event, warnings) = match (text(&root, "code"), object(&root, "data")) {
            (Some(_), Some(data)) => (
                data.first_text("event"),
                event_warnings(data, "event", "data.event"),
            ),
            _ => {
                return Err(ReadError::new(
                    ReadErrorKind::NoJob,
                    "missing JobsDetail, WorkflowExecution, or code with data",
                ));
            }
        };
        Ok(Self {
            node: JobNode::Simple,
            event,
            jobs: vec![root],
            siblings: Object::default(),
            warnings,
        })
    }

    fn with_jobs(
        node: JobNode,
        nodes: Vec<Node<'a>>,
        mut siblings: Object<'a>,
    ) -> Result<Self, ReadError> {
        let mut jobs = Vec::with_capacity(nodes.len());
        for (index, value) in nodes.into_iter().enumerate() {
            let Node::Object(job) = value else {
                return Err(ReadError::new(
                    ReadErrorKind::InvalidJob,
                    format!("{}[{index}]: text instead of an object", node.name()),
                ));
            };
            jobs.push(job);
        }
        let event = siblings.first_text(EVENT_NAME);
        let warnings = event_warnings(&siblings, EVENT_NAME, EVENT_NAME);
        if event.is_some() && warnings.is_empty() {
            // It has its own field in the record. Any other value stays a sibling.
            siblings.take(EVENT_NAME);
        }
        // With one job, each sibling occurs once, as in the body.
        let copied_bytes = match jobs.len() {
            1 => 0,
            count => siblings.json_bytes().saturating_mul(count),
        };
        if copied_bytes > MAX_COPIED_BYTES {
            let reason = format!(
                "the fields next to {} jobs would be copied into each of them: {copied_bytes} bytes, more \
                 than {MAX_COPIED_BYTES}",
                jobs.len()
            );
            return Err(ReadError::new(ReadErrorKind::TooManyValues, reason));
        }
        Ok(Self {
            node,
            event,
            jobs,
            siblings,
            warnings,
        })
    }

    /// Whether this is the probe of the vendor's console.
    fn is_probe(&self) -> bool {
        // If there are several values, one of them may be a verdict.
        let is = |object: &Object<'_>, name: &str, expected: &str| {
            !object.values(name).is_repeated() && text(object, name) == Some(expected)
        };
        let is_raised = |data: &Object<'_>| {
            let mut nodes = data.names().flat_map(|(_, values)| values.iter());
            data.first("result")
                .is_some_and(|result| result.as_text() != Some("0"))
                || nodes.any(|node| {
                    let flag = node.as_object().and_then(|scene| scene.first("hit_flag"));
                    flag.is_some_and(|flag| flag.as_text() != Some("0"))
                })
        };
        self.node == JobNode::Simple
            && self.jobs.iter().all(|job| {
                job.names()
                    .map(|(name, _)| name)
                    .eq(["code", "data", "message"])
                    && !job.values("data").is_repeated()
                    && is(job, "message", PROBE_MESSAGE)
                    && object(job, "data").is_some_and(|data| {
                        is(data, "trace_id", PROBE_TRACE_ID) && !is_raised(data)
                    })
            })
    }

    /// Returns the members of the job `index`, with those of its siblings whose names it does not have.
    pub(crate) fn members(&self, index: usize) -> Members<'_> {
        Members::of_job(&self.jobs[index], &self.siblings)
    }

    /// Returns the path of the job `index` in the body. It is empty for moderation Simple.
    pub(crate) fn path(&self, index: usize) -> String {
        match self.node {
            JobNode::Simple => String::new(),
            JobNode::WorkflowExecution if self.jobs.len() == 1 => self.node.name().to_owned(),
            _ => format!("{}[{index}]", self.node.name()),
        }
    }
}

/// Returns a warning if the name of the event is not one text.
fn event_warnings(parent: &Object<'_>, name: &str, path: &str) -> Vec<String> {
    let values = parent.values(name);
    if values.is_repeated() {
        vec![format!("{path}: several values; the first is used")]
    } else if values
        .first()
        .is_some_and(|value| value.as_text().is_none())
    {
        vec![format!("{path}: an object instead of text")]
    } else {
        Vec::new()
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

fn object<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t Object<'a>> {
    object.first(name)?.as_object()
}
