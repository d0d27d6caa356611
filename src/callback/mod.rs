//! Parses a body that Cloud Infinite sent into a callback: its event and its jobs, as trees that borrow from the
//! body.

mod characters;
mod cos_headers;
mod encoding;
mod error;
mod fields;
mod json;
mod limits;
mod tree;
mod xml;

use std::borrow::Cow;

pub(crate) use characters::{is_xml_character, trim};
pub(crate) use cos_headers::{COS_HEADERS, cos_headers};
pub(crate) use encoding::encoding_hint;
pub use encoding::is_empty;
pub use error::{ReadError, ReadErrorKind};
pub(crate) use fields::{Dialect, Shape};
pub(crate) use json::number;
use limits::MAX_COPIED_BYTES;
pub(crate) use limits::{MAX_OUTPUT_BYTES, MAX_WARNINGS};
pub(crate) use tree::{Members, Node, Object, Values};

/// The message of the probe that Tencent Cloud's console sends when a callback URL is saved.
const PROBE_MESSAGE: &str = "Test request when setting callback url";

/// The job id of the probe.
const PROBE_TRACE_ID: &str = "test_trace_id";

/// The element next to the jobs that names the event.
const EVENT_NAME: &str = "EventName";

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
    /// Returns Tencent's name of the node.
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
    /// The request that Tencent's console sends when a URL is saved. It looks like a verdict and must not
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
        let text = encoding::text(body)?;
        // The first byte decides, since the `Content-Type` may be wrong.
        let (root, warning) = match trim(text).bytes().next() {
            // The default of Cloud Infinite.
            Some(b'<') => xml::read(text)?,
            // The format of moderation, and of jobs, queues and workflows that ask for it.
            Some(b'{') => json::read(text)?,
            _ => {
                return Err(ReadError::malformed(
                    text,
                    0,
                    "neither XML nor a JSON object",
                ));
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
    /// Creates a callback from the jobs in a body.
    fn new(mut root: Object<'a>) -> Result<Self, ReadError> {
        let runs = root.take(JobNode::WorkflowExecution.name());
        let jobs = root.take(JobNode::JobsDetail.name());
        match (runs.is_empty(), jobs.is_empty()) {
            (false, true) => Self::with_jobs(JobNode::WorkflowExecution, runs, root),
            (true, false) => Self::with_jobs(JobNode::JobsDetail, jobs, root),
            (true, true) => Self::simple(root),
            (false, false) => Err(ReadError::new(
                ReadErrorKind::NoJob,
                "both JobsDetail and WorkflowExecution in one body",
            )),
        }
    }

    /// Returns a callback of moderation Simple: the body is the job.
    fn simple(root: Object<'a>) -> Result<Self, ReadError> {
        let has_code = root.first("code").and_then(Node::as_text).is_some();
        let data = root.first("data").and_then(Node::as_object);
        let Some(data) = data.filter(|_| has_code) else {
            return Err(ReadError::new(
                ReadErrorKind::NoJob,
                "missing JobsDetail, WorkflowExecution, or code with data",
            ));
        };
        let (event, warnings) = event(data, "event", "data.event");
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
        let jobs = nodes.into_iter().enumerate().map(|(index, value)| {
            let Node::Object(job) = value else {
                let reason = format!("{}[{index}]: text instead of an object", node.name());
                return Err(ReadError::new(ReadErrorKind::NoJob, reason));
            };
            Ok(job)
        });
        let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
        let (event, warnings) = event(&siblings, EVENT_NAME, EVENT_NAME);
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
            return Err(ReadError::new(ReadErrorKind::LimitExceeded, reason));
        }
        if event.is_some() && warnings.is_empty() {
            // It has its own field in the record. Any other value stays a sibling.
            siblings.take(EVENT_NAME);
        }
        Ok(Self {
            node,
            event,
            jobs,
            siblings,
            warnings,
        })
    }

    /// Returns whether this is the probe of Tencent's console.
    fn is_probe(&self) -> bool {
        // If there are several values, one of them may be a verdict.
        fn only<'t>(object: &'t Object<'t>, name: &str) -> Option<&'t Node<'t>> {
            let values = object.values(name);
            values.first().filter(|_| !values.is_repeated())
        }
        let text = |object, name| only(object, name).and_then(Node::as_text);
        let are_zero = |values: Values<'_>| values.iter().all(|flag| flag.as_text() == Some("0"));
        let root = &self.jobs[0];
        let Some(data) = only(root, "data").and_then(Node::as_object) else {
            return false;
        };
        let values = data.names().flat_map(|(_, values)| values.iter());
        let mut scenes = values.filter_map(Node::as_object);
        self.node == JobNode::Simple
            && text(root, "message") == Some(PROBE_MESSAGE)
            && text(data, "trace_id") == Some(PROBE_TRACE_ID)
            && root
                .names()
                .map(|(name, _)| name)
                .eq(["code", "data", "message"])
            && are_zero(data.values("result"))
            && scenes.all(|scene| are_zero(scene.values("hit_flag")))
    }

    /// Returns the members of the job `index`, with those of its siblings whose names it does not have.
    pub(crate) fn members(&self, index: usize) -> Members<'_> {
        Members {
            own: &self.jobs[index],
            siblings: Some(&self.siblings),
        }
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

/// Returns the name of the event, with a warning if it is not one text.
fn event<'a>(parent: &Object<'a>, name: &str, path: &str) -> (Option<Cow<'a, str>>, Vec<String>) {
    let (event, warning) = match parent.first(name) {
        None => (None, None),
        Some(Node::Object(_)) => (None, Some("an object instead of text")),
        Some(Node::Text(text)) => {
            let is_repeated = parent.values(name).is_repeated();
            let warning = is_repeated.then_some("several values; the first is used");
            (Some(text.clone()), warning)
        }
    };
    let warning = warning.map(|warning| format!("{path}: {warning}"));
    (event, warning.into_iter().collect())
}
