//! Reads a body into a callback: its event and its jobs, as trees borrowed from the body.

mod characters;
mod format;
mod headers;
mod json;
mod tree;
mod xml;

use std::{borrow::Cow, fmt};

pub(crate) use characters::is_xml_character;
use format::Format;
pub use format::is_empty;
pub(crate) use headers::{HEADERS, headers};
pub(crate) use json::number;
pub(crate) use tree::{Node, Object, Values, trim};

/// How deep elements may be nested: ten times what the vendor does. With the message's own levels
/// around it, it stays below 128, where serde_json and other readers stop.
const MAX_DEPTH: usize = 100;

/// How many elements or JSON values a body may have: twice what a document of 5,000 pages needs.
const MAX_NODES: usize = 200_000;

/// The message of the request that the vendor's console sends when a callback URL is saved.
const PROBE_MESSAGE: &str = "Test request when setting callback url";

/// The job id of that request.
const PROBE_TRACE_ID: &str = "test_trace_id";

/// The element that a job's vendor node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An element of `JobsDetail`.
    JobsDetail,
    /// `WorkflowExecution`.
    WorkflowExecution,
    /// Moderation Simple: the whole body.
    Simple,
}

impl Shape {
    /// The vendor's name of the node.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JobsDetail => "JobsDetail",
            Self::WorkflowExecution => "WorkflowExecution",
            Self::Simple => "",
        }
    }
}

/// A callback whose body could be read.
#[derive(Debug)]
pub struct Callback<'a> {
    pub(crate) shape: Shape,
    /// `EventName` as written; of moderation Simple `data.event`.
    pub(crate) event: Option<Cow<'a, str>>,
    /// The vendor nodes: at least one.
    pub(crate) jobs: Vec<Object<'a>>,
    /// What stands beside the vendor nodes and belongs to each of them.
    pub(crate) siblings: Object<'a>,
    /// What the reader could not take as it stood.
    pub(crate) warnings: Vec<String>,
}

impl<'a> Callback<'a> {
    /// Reads a body, whatever its format.
    ///
    /// # Errors
    /// Where the body is neither XML nor JSON, is broken, breaks a limit, or has no job in it.
    pub fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let (format, text) = format::text(body)?;
        let (root, warning) = match format {
            Format::Xml => xml::read(text)?,
            Format::Json => {
                let (root, warning) = json::read(text)?;
                (unwrap_response(root), warning)
            }
        };
        let mut callback = Self::of(root)?;
        callback.warnings.extend(warning);
        Ok(callback)
    }

    /// Whether this is the request that the vendor's console sends when a URL is saved. It looks
    /// like a verdict, and is none.
    pub fn is_probe(&self) -> bool {
        self.shape == Shape::Simple
            && self.jobs.iter().all(|job| {
                // A second value might be a verdict.
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
    fn of(mut root: Object<'a>) -> Result<Self, Unreadable> {
        let workflows = root.take(Shape::WorkflowExecution.name());
        if !workflows.is_empty() {
            return Self::with_jobs(Shape::WorkflowExecution, workflows, root);
        }
        let jobs = root.take(Shape::JobsDetail.name());
        if !jobs.is_empty() {
            return Self::with_jobs(Shape::JobsDetail, jobs, root);
        }
        if let (Some(_), Some(data)) = (text(&root, "code"), object(&root, "data")) {
            return Ok(Self {
                shape: Shape::Simple,
                event: text(data, "event").map(|event| Cow::Owned(event.to_owned())),
                jobs: vec![root],
                siblings: Object::default(),
                warnings: Vec::new(),
            });
        }
        Err(Unreadable::new(
            "expected a job: JobsDetail, WorkflowExecution, or code with data",
        ))
    }

    fn with_jobs(
        shape: Shape,
        nodes: Vec<Node<'a>>,
        mut siblings: Object<'a>,
    ) -> Result<Self, Unreadable> {
        let mut jobs = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.into_iter().enumerate() {
            match node {
                Node::Object(job) => jobs.push(job),
                other => {
                    let (name, found) = (shape.name(), other.kind());
                    return Err(Unreadable::new(&format!(
                        "{name}[{index}]: expected an object, but found {found}"
                    )));
                }
            }
        }
        // The event is the record's own field. What that cannot hold stays a sibling.
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
            shape,
            event,
            jobs,
            siblings,
            warnings,
        })
    }
}

/// A JSON body may be wrapped in one key, the name of XML's root.
fn unwrap_response(mut root: Object<'_>) -> Object<'_> {
    if !root.names().map(|(name, _)| name).eq(["Response"]) {
        return root;
    }
    match <[_; 1]>::try_from(root.take("Response")) {
        Ok([Node::Object(response)]) => response,
        // No wrapper, and no job either: that is for the family to say.
        _ => root,
    }
}

fn text<'t>(object: &'t Object<'_>, name: &str) -> Option<&'t str> {
    object.values(name).first()?.as_text()
}

fn object<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t Object<'a>> {
    match object.values(name).first()? {
        Node::Object(object) => Some(object),
        _ => None,
    }
}

/// Why a body cannot be read: one line with the place, and never a word of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    reason: String,
}

impl Unreadable {
    /// A reason that names its place itself, or is about the whole body.
    pub(crate) fn new(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
        }
    }

    /// A reason, and the byte of the body that it is about.
    pub(crate) fn at(body: &str, at: usize, reason: &str) -> Self {
        Self {
            reason: format!("{}: {reason}", Position::of(body, at)),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unreadable {}

/// A place in a body as editors count: lines and characters from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    line: usize,
    column: usize,
}

impl Position {
    /// The position of the byte at `at`, or the end.
    pub(crate) fn of(body: &str, at: usize) -> Self {
        let before = &body[..body.floor_char_boundary(at)];
        let line_begins = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_begins..].chars().count(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
