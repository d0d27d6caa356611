//! Turns a job of Cloud Infinite into its record, which has the same fields for all families and formats.
//!
//! `Job::new` creates a record and decides its family. `task`, `workflow` and `moderation` fill it, each for its
//! family. They read the vendor node, the element that describes the job, through `element`. What they share is
//! in one module for each part of the record: `job` decides the state, the outcome, which problems are kept, and
//! the error; `input`, `outputs`, `inspection` and `verdict` read the rest. `location` parses URLs, and combines
//! buckets and regions. `detail` serializes the complete node, and `callback::fields` lists the names that are
//! lists, numbers and booleans there.
//!
//! A new job kind goes into `task` (its outputs and hidden failures) and `callback::fields` (its lists, numbers
//! and booleans): see `docs/adding-a-job-kind.md`.

mod detail;
mod element;
mod input;
mod inspection;
mod job;
mod location;
mod moderation;
mod outputs;
mod task;
mod verdict;
mod workflow;

use std::borrow::Cow;

use cloud_infinite_job_record::{Family, Input, Outcome, Record};

use crate::callback::{Callback, Dialect, JobNode, Members, trim};
pub use detail::Detail;
use element::{Element, Warnings};
use location::Location;

/// A job's record, and the bucket that routes its message.
pub(crate) struct Job<'t> {
    pub(crate) record: Record<'t, Detail<'t>>,
    /// The bucket of the input, else that of `Operation.Output`.
    pub(crate) bucket: Option<Cow<'t, str>>,
    /// The region, found like the bucket.
    pub(crate) region: Option<Cow<'t, str>>,
}

impl<'t> Job<'t> {
    /// Normalizes the job `index` of a callback.
    pub(crate) fn new(callback: &'t Callback<'t>, index: usize) -> Self {
        let members = callback.members(index);
        let (event, event_warning) = event(callback, members);
        let format = detect_format(callback.node, event, members);
        let family = format.family();
        let detail = Detail {
            members,
            name: callback.node.name(),
            dialect: match family {
                Family::Moderation => Dialect::Moderation,
                _ => Dialect::Jobs,
            },
        };
        let warnings = Warnings::new(callback.path(index), &callback.warnings);
        let node = Element::node(detail, &warnings);
        let mut record = Record::new(family, Outcome::UNKNOWN, detail);
        record.event = event.map(Cow::Borrowed);
        let mut output_location = Location::default();
        match format {
            JobFormat::Workflow => workflow::fill(&mut record, node),
            JobFormat::ModerationSimple => moderation::fill_simple(&mut record, node),
            JobFormat::ModerationDetail | JobFormat::VirusDetection => {
                moderation::fill(&mut record, node, format)
            }
            JobFormat::Task | JobFormat::Unknown => output_location = task::fill(&mut record, node),
        }
        record.warnings = warnings.into_vec();
        // Added last, without a limit: the value of such a sibling is nowhere else in the record.
        let hidden = detail.shadowed_siblings();
        let hidden = hidden.map(|(name, value)| shadowed_sibling(name, &value));
        record.warnings.extend(hidden);
        record.warnings.extend(event_warning);
        let Location { bucket, region, .. } = routing_location(&record.input, output_location);
        Self {
            record,
            bucket,
            region,
        }
    }
}

/// Returns the event of a job: its own `EventName`, else the one next to it, with a warning if the two differ.
/// Moderation Simple has it in `data`.
fn event<'t>(
    callback: &'t Callback<'t>,
    members: Members<'t>,
) -> (Option<&'t str>, Option<String>) {
    let own = members.values("EventName").first();
    let own = own.and_then(|event| event.as_text());
    let sibling = callback.event.as_deref();
    let event = match callback.node {
        JobNode::Simple => return (sibling.or(own).map(trim), None),
        _ => own.or(sibling),
    };
    let hidden = sibling.filter(|sibling| event != Some(*sibling));
    let warning = hidden.map(|value| shadowed_sibling("EventName", &format!("{value:?}")));
    (event.map(trim), warning)
}

/// Returns the bucket of the input, else that of `Operation.Output`.
fn routing_location<'t>(input: &Input<'t>, output_location: Location<'t>) -> Location<'t> {
    let input_location = Location::of_input(input);
    let prefer_input = input_location.bucket.is_some() || output_location.bucket.is_none();
    match prefer_input {
        true => input_location.completed_by(&output_location),
        false => output_location.completed_by(&input_location),
    }
}

fn shadowed_sibling(name: &str, value: &str) -> String {
    format!("{name}: the job already has a field of this name; the sibling's value is {value}")
}

/// What a job is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JobFormat {
    Task,
    Workflow,
    ModerationDetail,
    ModerationSimple,
    VirusDetection,
    Unknown,
}

impl JobFormat {
    fn family(self) -> Family {
        match self {
            Self::Task => Family::Task,
            Self::Workflow => Family::Workflow,
            Self::ModerationDetail | Self::ModerationSimple | Self::VirusDetection => {
                Family::Moderation
            }
            Self::Unknown => Family::UNKNOWN,
        }
    }
}

/// Decides what a job is read as.
fn detect_format(node: JobNode, event: Option<&str>, job: Members<'_>) -> JobFormat {
    let is_task = job.has("Tag") || job.has("Operation");
    match (node, event) {
        (JobNode::WorkflowExecution, _) => JobFormat::Workflow,
        (JobNode::Simple, _) => JobFormat::ModerationSimple,
        // Whatever the event is, so that a clean and an infected file have the same family.
        (JobNode::JobsDetail, _) if !is_task && moderation::is_virus_detection(job) => {
            JobFormat::VirusDetection
        }
        (JobNode::JobsDetail, Some(event)) if event.starts_with("Review") => {
            JobFormat::ModerationDetail
        }
        (JobNode::JobsDetail, Some("TaskFinish")) => JobFormat::Task,
        (JobNode::JobsDetail, _) if is_task => JobFormat::Task,
        (JobNode::JobsDetail, None) if moderation::is_moderation(job) => {
            JobFormat::ModerationDetail
        }
        (JobNode::JobsDetail, None) => JobFormat::Task,
        (JobNode::JobsDetail, Some(_)) => JobFormat::Unknown,
    }
}
