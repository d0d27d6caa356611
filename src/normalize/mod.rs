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

use crate::callback::{Callback, JobNode, Object, trim};
pub(crate) use bucket_ref::BucketRef;
pub use detail::Detail;
use element::{Element, Warnings};
use fields::Dialect;

/// Returns the record of a job, and the bucket of `Operation.Output`.
pub(crate) fn record<'t>(
    callback: &'t Callback<'t>,
    job: &'t Object<'t>,
    index: usize,
) -> (Record<'t, Detail<'t>>, BucketRef<'t>) {
    let event = callback.event.as_deref().map(trim);
    let family = family(callback.node, event, job);
    let dialect = match family {
        Family::Moderation => Dialect::Moderation,
        _ => Dialect::Jobs,
    };
    let name = callback.node.name();
    let is_listed = callback.node == JobNode::JobsDetail || callback.jobs.len() > 1;
    let index = is_listed.then_some(index);
    let warnings = Warnings::default();
    for warning in &callback.warnings {
        warnings.add(|| warning.clone());
    }
    let node = Element::node(job, name, index, dialect, &warnings);
    let detail = Detail {
        node: job,
        siblings: &callback.siblings,
        name,
        dialect,
    };
    let mut record = Record::new(family, Outcome::UNKNOWN, detail);
    record.event = event.map(Cow::Borrowed);
    let mut output_bucket = BucketRef::default();
    match (&record.family, callback.node) {
        (Family::Workflow, _) => workflow::fill(&mut record, node),
        (Family::Moderation, JobNode::Simple) => moderation::fill_simple(&mut record, node),
        (Family::Moderation, _) => moderation::fill_detail(&mut record, node),
        _ => output_bucket = task::fill(&mut record, node),
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
    let conflicts = detail::conflicting_siblings(job, &callback.siblings, dialect);
    record.warnings.extend(conflicts.map(|(name, value)| {
        format!("{name}: expected a name that is free in detail, but found it there; it is {value}")
    }));
    (record, output_bucket)
}

/// Decides the family of a job.
fn family(node: JobNode, event: Option<&str>, job: &Object<'_>) -> Family {
    let is_task = job.has("Tag") || job.has("Operation");
    match (node, event) {
        (JobNode::WorkflowExecution, _) => Family::Workflow,
        (JobNode::Simple, _) => Family::Moderation,
        (JobNode::JobsDetail, Some(event)) if event.starts_with("Review") => Family::Moderation,
        (JobNode::JobsDetail, Some("TaskFinish")) => Family::Task,
        (JobNode::JobsDetail, _) if is_task => Family::Task,
        (JobNode::JobsDetail, None) if moderation::is_verdict(job) => Family::Moderation,
        (JobNode::JobsDetail, None) => Family::Task,
        (JobNode::JobsDetail, Some(_)) => Family::UNKNOWN,
    }
}
