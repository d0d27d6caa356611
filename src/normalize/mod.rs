//! Turns a job into its record: the same fields whatever the family and the format.
//!
//! `record` returns one. `task`, `workflow` and `moderation` fill it, each for its family, with
//! `input` and `outputs`. They read the vendor node through `element`. `cos_url` parses URLs,
//! `bucket_ref` combines buckets and regions, `detail` serializes the whole node, and `fields` lists
//! the names that are lists, numbers and booleans there.

mod bucket_ref;
mod cos_url;
mod detail;
mod element;
mod fields;
mod input;
mod moderation;
mod outputs;
mod task;
mod workflow;

use std::{borrow::Cow, collections::BTreeMap};

use cloud_infinite_job_record::{Error, Family, Outcome, Problem, Record};

use crate::callback::{self, Callback, JobNode, Node, Object, trim};
pub(crate) use bucket_ref::BucketRef;
pub use detail::Detail;
use element::{Element, Warnings};
use fields::Dialect;

/// Returns the record of one of a callback's jobs, and the bucket that the job writes to.
pub(crate) fn record<'t, 'a>(
    callback: &'t Callback<'a>,
    job: &'t Object<'a>,
    index: usize,
) -> (Record<'t, Detail<'t, 'a>>, BucketRef<'t>) {
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
    let mut home = BucketRef::default();
    match (&record.family, callback.node) {
        (Family::Workflow, _) => workflow::fill(&mut record, node),
        (Family::Moderation, JobNode::Simple) => moderation::fill_simple(&mut record, node),
        (Family::Moderation, _) => moderation::fill_detail(&mut record, node),
        _ => home = task::fill(&mut record, node),
    }
    let is_failed = record.outcome == Outcome::Failed;
    if record.outcome != Outcome::Partial && !(is_failed && record.family == Family::Workflow) {
        // A failed task has an error instead; the other outcomes are not final.
        record.problems.clear();
    }
    if is_failed && record.error.is_none() {
        record.error = error(node.field("Code"), node.field("Message"));
    }
    record.warnings = warnings.into_vec();
    // Added last: a sibling that is not in `detail` must not be among the warnings left out.
    let taken = detail::taken_siblings(job, &callback.siblings, dialect);
    record.warnings.extend(taken.map(|(name, value)| {
        format!("{name}: expected a name that is free in detail, but found it there; it is {value}")
    }));
    (record, home)
}

/// Decides the family of a job.
fn family(node: JobNode, event: Option<&str>, job: &Object<'_>) -> Family {
    let has = |name| job.values(name).first().is_some();
    let is_task = has("Tag") || has("Operation");
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

/// Fills the fields that tasks and moderation jobs share. `problems` must be filled before.
fn fill_job<'t, D>(record: &mut Record<'t, D>, node: &Element<'_, 't, '_>) {
    record.job_id = node.field("JobId");
    record.state = node.field("State");
    record.outcome = outcome(node, &record.problems);
    record.created_at = node.time("CreationTime");
    record.started_at = node.time("StartTime");
    record.ended_at = node.time("EndTime");
    record.queue_id = node.field("QueueId");
}

/// Decides the outcome of a job, a run or a run's task, by its `State` and by the failures
/// inside; without a state, by its `Code`. An unknown state leaves a
/// warning.
fn outcome(element: &Element<'_, '_, '_>, problems: &[Problem<'_>]) -> Outcome {
    let succeeded = || match problems {
        [] => Outcome::Succeeded,
        _ => Outcome::Partial,
    };
    match element.text("State") {
        Some(_) if element.is_ambiguous("State") => Outcome::UNKNOWN,
        Some("Success") => succeeded(),
        Some("Failed") => Outcome::Failed,
        Some("Submitted" | "Running" | "Auditing" | "Pause") => Outcome::Pending,
        Some("Cancel") => Outcome::Cancelled,
        Some(other) => {
            element.warn_expected("State", "a known state", other);
            Outcome::UNKNOWN
        }
        None => match element.text("Code") {
            Some(_) if element.is_ambiguous("Code") => Outcome::UNKNOWN,
            Some(code) if is_success(code) => succeeded(),
            Some(_) => Outcome::Failed,
            None => Outcome::UNKNOWN,
        },
    }
}
/// Whether a `Code` means success.
fn is_success(code: &str) -> bool {
    matches!(code, "Success" | "0")
}

/// Returns an error, unless both parts are missing.
fn error<'t>(code: Option<Cow<'t, str>>, message: Option<Cow<'t, str>>) -> Option<Error<'t>> {
    if code.is_none() && message.is_none() {
        return None;
    }
    let mut error = Error::default();
    error.code = code;
    error.message = message;
    Some(error)
}

/// Returns the failure of an element: its `State` if that is `Failed`, else its `Code` if that does not
/// mean success. One of several values is enough.
fn problem<'t>(element: &Element<'_, 't, '_>) -> Option<Problem<'t>> {
    let values = |name| element.texts(name).map(|(index, text)| (index, trim(text)));
    let failed = values("State").find(|(_, state)| *state == "Failed");
    let code = values("Code").find(|(_, code)| !is_success(code));
    let (leaf, index) = match (failed, code) {
        (Some((index, _)), _) => ("State", index),
        (None, Some((index, _))) => ("Code", index),
        (None, None) => return None,
    };
    let mut problem = Problem::default();
    problem.path = element.path_to_item(leaf, index);
    problem.code = match code {
        Some((_, code)) => Some(Cow::Borrowed(code)),
        None => element.field("Code"),
    };
    problem.message = element.field("Message");
    Some(problem)
}

/// Returns the headers of the first of these elements that has any, as one map of texts with
/// lower-case names.
fn headers<'t>(
    holders: &[Option<Element<'_, 't, '_>>],
    name: &'static str,
) -> BTreeMap<Cow<'t, str>, Cow<'t, str>> {
    let Some(holder) = holders
        .iter()
        .flatten()
        .find(|holder| holder.object().values(name).first().is_some())
    else {
        return BTreeMap::new();
    };
    let mut joined: BTreeMap<Cow<'_, str>, Cow<'_, str>> = BTreeMap::new();
    for (header, values) in callback::headers(holder.object().values(name)) {
        for value in values {
            let Node::Text(text) = value else {
                holder.warn(name, &format!("expected texts, but found {}", value.kind()));
                continue;
            };
            let text = trim(text);
            joined
                .entry(lower_case(trim(header)))
                .and_modify(|joined| *joined.to_mut() += &format!(", {text}"))
                .or_insert(Cow::Borrowed(text));
        }
    }
    joined
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.chars().any(char::is_uppercase) {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
