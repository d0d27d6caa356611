//! Turns a job into its record, which has the same fields for all families and formats.
//!
//! `record` creates one and decides its family. `task`, `workflow` and `moderation` fill it, each for its
//! family, with `job`, `input` and `outputs`. They read the vendor node through `element`. `cos_url`
//! parses URLs, `bucket_ref` combines buckets and regions, `detail` serializes the complete node, and
//! `fields` lists the names that are lists, numbers and booleans there.
//!
//! A new job kind goes into `task` (its outputs and hidden failures) and `fields` (its lists, numbers and
//! booleans): see `docs/adding-a-job-kind.md`.

mod bucket_ref;
mod cos_url;
mod detail;
mod element;
mod fields;
mod input;
mod job;
mod moderation;
mod outputs;
mod task;
mod workflow;

use std::borrow::Cow;

use cloud_infinite_job_record::{Family, Outcome, Record};

use crate::callback::{Callback, JobNode, Members, trim};
pub(crate) use bucket_ref::BucketRef;
pub use detail::Detail;
use element::{Element, Warnings};
use fields::Dialect;

/// Returns the record of a job, and the bucket of `Operation.Output`.
pub(crate) fn record<'t>(
    callback: &'t Callback<'t>,
    index: usize,
) -> (Record<'t, Detail<'t>>, BucketRef<'t>) {
    let members = callback.members(index);
    let event = callback.event.as_deref().or_else(|| {
        let own = members.values("EventName").first()?;
        own.as_text()
    });
    let event = event.map(trim);
    let kind = kind(callback.node, event, members);
    let dialect = match kind.family() {
        Family::Moderation => Dialect::Moderation,
        _ => Dialect::Jobs,
    };
    let name = callback.node.name();
    let warnings = Warnings::default();
    for warning in &callback.warnings {
        warnings.add(|| warning.clone());
    }
    let index = callback.is_indexed().then_some(index);
    let node = Element::node(members, name, index, dialect, &warnings);
    let detail = Detail {
        members,
        name,
        dialect,
    };
    let mut record = Record::new(kind.family(), Outcome::UNKNOWN, detail);
    record.event = event.map(Cow::Borrowed);
    let mut output_bucket = BucketRef::default();
    match kind {
        Kind::Workflow => workflow::fill(&mut record, node),
        Kind::Simple => moderation::fill_simple(&mut record, node),
        Kind::Moderation => moderation::fill_detail(&mut record, node),
        Kind::VirusDetection => moderation::fill_virus_detection(&mut record, node),
        Kind::Task | Kind::Unknown => output_bucket = task::fill(&mut record, node),
    }
    let is_failed = record.outcome == Outcome::Failed;
    if record.outcome != Outcome::Partial && !(is_failed && record.family == Family::Workflow) {
        // A failed task has an error instead. The other outcomes are not final.
        record.problems.clear();
    }
    if is_failed && record.error.is_none() {
        record.error = job::error(node.field("Code"), node.field("Message"));
    }
    record.warnings = warnings.into_vec();
    // Added last, without a limit: the value of such a sibling is nowhere else in the record.
    record
        .warnings
        .extend(detail.hidden_siblings().map(|(name, value)| {
            format!(
                "{name}: the job already has a field of this name; the sibling's value is {value}"
            )
        }));
    (record, output_bucket)
}

/// What a job is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    Workflow,
    /// Moderation in the Detail form.
    Moderation,
    /// Moderation in the Simple form.
    Simple,
    VirusDetection,
    Unknown,
}

impl Kind {
    fn family(self) -> Family {
        match self {
            Self::Task => Family::Task,
            Self::Workflow => Family::Workflow,
            Self::Moderation | Self::Simple | Self::VirusDetection => Family::Moderation,
            Self::Unknown => Family::UNKNOWN,
        }
    }
}

/// Decides what a job is read as.
fn kind(node: JobNode, event: Option<&str>, job: Members<'_>) -> Kind {
    let is_task = job.has("Tag") || job.has("Operation");
    match (node, event) {
        (JobNode::WorkflowExecution, _) => Kind::Workflow,
        (JobNode::Simple, _) => Kind::Simple,
        // Whatever the event is, so that a clean and an infected file have the same family.
        (JobNode::JobsDetail, _) if !is_task && moderation::is_virus_detection(job) => {
            Kind::VirusDetection
        }
        (JobNode::JobsDetail, Some(event)) if event.starts_with("Review") => Kind::Moderation,
        (JobNode::JobsDetail, Some("TaskFinish")) => Kind::Task,
        (JobNode::JobsDetail, _) if is_task => Kind::Task,
        (JobNode::JobsDetail, None) if moderation::is_verdict(job) => Kind::Moderation,
        (JobNode::JobsDetail, None) => Kind::Task,
        (JobNode::JobsDetail, Some(_)) => Kind::Unknown,
    }
}
