//! Reads what all families share: a job's id, times, state, outcome, error, problems and headers.

use std::{borrow::Cow, collections::BTreeMap};

use cloud_infinite_job_record::{JobError, Outcome, Problem, Record};

use super::element::Element;
use crate::callback::{self, Node, trim};

/// Fills the fields that tasks and moderation jobs share. `problems` must be filled before.
pub(super) fn fill_job<'t, D>(record: &mut Record<'t, D>, node: &Element<'_, 't>) {
    record.job_id = node.field("JobId");
    record.state = state(node);
    record.outcome = outcome(node, &record.problems);
    record.created_at = node.time("CreationTime");
    record.started_at = node.time("StartTime");
    record.ended_at = node.time("EndTime");
    record.queue_id = node.field("QueueId");
}

/// Returns the outcome of a job, a run or a task of a run: by its `State` and the failures inside it, or
/// without a state by its `Code`. An unknown state leaves a warning.
pub(super) fn outcome(element: &Element<'_, '_>, problems: &[Problem<'_>]) -> Outcome {
    let succeeded = || match problems {
        [] => Outcome::Succeeded,
        _ => Outcome::Partial,
    };
    match state(element).as_deref() {
        Some("Success") => succeeded(),
        Some("Failed") => Outcome::Failed,
        Some("Submitted" | "Running" | "Auditing" | "Snapshoting" | "Pause") => Outcome::Pending,
        Some("Cancel") => Outcome::Cancelled,
        Some(other) => {
            element.warn_expected("State", "a known state", other);
            Outcome::UNKNOWN
        }
        // A state that is not one word was given, so the code does not replace it.
        None if element.members().has("State") => Outcome::UNKNOWN,
        None => match element.text("Code") {
            Some(_) if element.is_repeated("Code") => Outcome::UNKNOWN,
            Some(code) if is_success(code) => succeeded(),
            Some(_) => Outcome::Failed,
            None => Outcome::UNKNOWN,
        },
    }
}

/// Returns the state, if it is one word.
pub(super) fn state<'t>(element: &Element<'_, 't>) -> Option<Cow<'t, str>> {
    if element.is_repeated("State") {
        element.warn("State", "several values; none is used");
        return None;
    }
    element.field("State")
}

/// Whether a `Code` means success.
fn is_success(code: &str) -> bool {
    matches!(code, "Success" | "0")
}

/// Returns an error, unless both code and message are missing.
pub(super) fn error<'t>(
    code: Option<Cow<'t, str>>,
    message: Option<Cow<'t, str>>,
) -> Option<JobError<'t>> {
    if code.is_none() && message.is_none() {
        return None;
    }
    let mut error = JobError::default();
    error.code = code;
    error.message = message;
    Some(error)
}

/// Returns the failure of an element: its `State` if that is `Failed`, else its `Code` if that does not mean
/// success. If there are several values, one failure is enough.
pub(super) fn problem<'t>(element: &Element<'_, 't>) -> Option<Problem<'t>> {
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

/// Returns the headers of the first element that has any, as one map of texts with lower-case names.
pub(super) fn headers<'t>(
    elements: &[Option<Element<'_, 't>>],
    name: &'static str,
) -> BTreeMap<Cow<'t, str>, Cow<'t, str>> {
    let Some(element) = elements
        .iter()
        .flatten()
        .find(|element| element.members().has(name))
    else {
        return BTreeMap::new();
    };
    let mut joined: BTreeMap<Cow<'_, str>, Cow<'_, str>> = BTreeMap::new();
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
                .entry(lower_case(header))
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
