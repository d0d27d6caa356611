//! Reads what the families share: a job's id, times, state, outcome, problems, error and headers.

use std::{borrow::Cow, collections::BTreeMap};

use cloud_infinite_job_record::{Family, JobError, Outcome, Problem, Record};

use super::element::Element;
use crate::callback::{self, Node, trim};

/// Fills the fields that tasks and moderation jobs share. `problems` are the failures in the job.
pub(super) fn fill_from_jobs_detail<'t, D>(
    record: &mut Record<'t, D>,
    node: &Element<'_, 't>,
    problems: Vec<Problem<'t>>,
) {
    record.job_id = node.field("JobId");
    Status::new(node, problems).fill(record);
    record.created_at = node.time("CreationTime");
    record.started_at = node.time("StartTime");
    record.ended_at = node.time("EndTime");
    record.queue_id = node.field("QueueId");
}

/// How a job ended. The outcome follows from the state and from the failures in the job. It decides whether these
/// failures are kept, and whether there is an error.
pub(super) struct Status<'t> {
    pub(super) state: Option<Cow<'t, str>>,
    pub(super) outcome: Outcome,
    pub(super) problems: Vec<Problem<'t>>,
    pub(super) error: Option<JobError<'t>>,
}

impl<'t> Status<'t> {
    /// Reads the status of a job, a run or a task of a run. `problems` are the failures in it.
    pub(super) fn new(element: &Element<'_, 't>, problems: Vec<Problem<'t>>) -> Self {
        let state = element.only_text("State").map(Cow::Borrowed);
        let outcome = outcome(element, state.as_deref(), &problems);
        let error = match outcome {
            Outcome::Failed => error(element.field("Code"), element.field("Message")),
            _ => None,
        };
        Self {
            state,
            outcome,
            problems,
            error,
        }
    }

    /// Fills the fields of a record.
    pub(super) fn fill<D>(self, record: &mut Record<'t, D>) {
        let keep_problems = match self.outcome {
            Outcome::Partial => true,
            // A failed task has an error instead.
            Outcome::Failed => record.family == Family::Workflow,
            // The other outcomes are not final.
            _ => false,
        };
        if keep_problems {
            record.problems = self.problems;
        }
        record.state = self.state;
        record.outcome = self.outcome;
        record.error = self.error;
    }
}

/// Returns the outcome: by the state and the failures in the job, or without a state by the `Code`. An unknown
/// state adds a warning.
fn outcome(element: &Element<'_, '_>, state: Option<&str>, problems: &[Problem<'_>]) -> Outcome {
    let succeeded = || match problems {
        [] => Outcome::Succeeded,
        _ => Outcome::Partial,
    };
    match state {
        Some("Success") => succeeded(),
        Some("Failed") => Outcome::Failed,
        Some("Submitted" | "Running" | "Auditing" | "Snapshoting" | "Pause") => Outcome::Pending,
        Some("Cancel") => Outcome::Cancelled,
        Some(other) => {
            element.warn_quoting("State", "unknown state", other);
            Outcome::UNKNOWN
        }
        // A state that is not one word was given, so the code does not replace it.
        None if element.members().has("State") => Outcome::UNKNOWN,
        None => match element.only_text("Code") {
            Some(code) if is_success(code) => succeeded(),
            Some(_) => Outcome::Failed,
            None => Outcome::UNKNOWN,
        },
    }
}

/// Returns whether a `Code` means success.
fn is_success(code: &str) -> bool {
    matches!(code, "Success" | "0")
}

/// Returns an error, unless both code and message are missing.
pub(super) fn error<'t>(
    code: Option<Cow<'t, str>>,
    message: Option<Cow<'t, str>>,
) -> Option<JobError<'t>> {
    (code.is_some() || message.is_some()).then(|| JobError::new(code, message))
}

/// Returns the failure of an element: its `State` if that is `Failed`, else its `Code` if that does not mean
/// success. If there are several values, one failure is enough.
pub(super) fn problem<'t>(element: &Element<'_, 't>) -> Option<Problem<'t>> {
    let failed = element
        .texts("State")
        .find(|state| state.text() == "Failed");
    let code = element.texts("Code").find(|code| !is_success(code.text()));
    let path = failed.as_ref().or(code.as_ref())?.path();
    let code = match code {
        Some(code) => Some(Cow::Borrowed(code.text())),
        None => element.field("Code"),
    };
    Some(Problem::new(path, code, element.field("Message")))
}

/// Returns the headers of the first element that has any, as one map of texts with lower-case names.
pub(super) fn headers<'t>(
    elements: &[Option<Element<'_, 't>>],
    name: &'static str,
) -> BTreeMap<Cow<'t, str>, Cow<'t, str>> {
    let mut joined: BTreeMap<Cow<'_, str>, Cow<'_, str>> = BTreeMap::new();
    let mut elements = elements.iter().flatten();
    let Some(element) = elements.find(|element| element.members().has(name)) else {
        return joined;
    };
    for (header, values) in callback::cos_headers(element.members().values(name)) {
        let header = trim(header);
        if header.is_empty() {
            continue;
        }
        for value in values {
            let Node::Text(text) = value else {
                element.warn(name, "an object instead of text");
                continue;
            };
            let text = trim(text);
            joined
                .entry(Cow::Owned(header.to_lowercase()))
                .and_modify(|joined| *joined.to_mut() += &format!(", {text}"))
                .or_insert(Cow::Borrowed(text));
        }
    }
    joined
}
