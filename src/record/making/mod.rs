//! A job into its record: the same fields whatever the family and the format.
//!
//! `Record::of` makes one. `task`, `workflow` and `moderation` fill it, each for its family;
//! `element` is how they look at the vendor's node, `location` what they read off a URL, and
//! `detail` how the node is kept whole.

mod detail;
mod element;
mod location;
mod moderation;
mod task;
mod workflow;

use std::{borrow::Cow, collections::BTreeMap};

use super::{Error, Family, Input, Outcome, Problem, Record, Workflow};
use crate::{
    callback::{self, Callback, Node, Object, Shape},
    vocabulary::Dialect,
};
pub use detail::Detail;
use element::{Element, Warnings};

/// A bucket and its region, as far as the body names them.
#[derive(Default)]
pub(crate) struct Home<'t> {
    pub(crate) bucket: Option<&'t str>,
    pub(crate) region: Option<&'t str>,
}

impl<'t, 'a> Record<'t, Detail<'t, 'a>> {
    /// The record of one of a callback's jobs, and where the job writes to.
    pub(crate) fn of(
        callback: &'t Callback<'a>,
        job: &'t Object<'a>,
        index: usize,
    ) -> (Self, Home<'t>) {
        let dialect = match callback.family {
            Family::Moderation => Dialect::Moderation,
            _ => Dialect::Jobs,
        };
        let name = callback.shape.name();
        let is_listed = callback.shape == Shape::JobsDetail || callback.jobs.len() > 1;
        let index = is_listed.then_some(index);
        let warnings = Warnings::default();
        for warning in &callback.warnings {
            warnings.add(warning.clone());
        }
        let node = Element::node(job, name, index, dialect, &warnings);
        let mut record = Self {
            family: callback.family.clone(),
            event: callback.event.as_deref().map(Cow::Borrowed),
            kind: None,
            job_id: None,
            state: None,
            outcome: Outcome::UNKNOWN,
            error: None,
            problems: Vec::new(),
            created_at: None,
            started_at: None,
            ended_at: None,
            queue_id: None,
            user_data: None,
            template_id: None,
            input: Input::default(),
            headers: BTreeMap::new(),
            outputs: Vec::new(),
            workflow: Workflow::default(),
            tasks: Vec::new(),
            moderation: None,
            warnings: Vec::new(),
            detail: Detail {
                node: job,
                siblings: &callback.siblings,
                name,
                dialect,
            },
        };
        let mut home = Home::default();
        match (&callback.family, callback.shape) {
            (Family::Task | Family::Unknown(_), _) => home = task::fill(&mut record, node),
            (Family::Workflow, _) => workflow::fill(&mut record, node),
            (Family::Moderation, Shape::Simple) => moderation::fill_simple(&mut record, node),
            (Family::Moderation, _) => moderation::fill_detail(&mut record, node),
        }
        record.outcome = Outcome::of(record.state.as_deref(), &record.problems);
        let is_failed_workflow =
            record.outcome == Outcome::Failed && record.family == Family::Workflow;
        if record.outcome != Outcome::Partial && !is_failed_workflow {
            // A failed task has an error; of the others nothing is known yet.
            record.problems.clear();
        }
        if record.outcome == Outcome::Failed && record.error.is_none() {
            record.error = Error::of(node.field("Code"), node.field("Message"));
        }
        record.warnings = warnings.into_vec();
        // Whatever else is said of the job: a sibling without a place has no other.
        let taken = detail::taken_siblings(job, &callback.siblings, dialect);
        record.warnings.extend(taken.map(|(name, value)| {
            format!(
                "{name}: expected a name that is free in detail, but found it there; it is {value}"
            )
        }));
        (record, home)
    }
}

impl<'t, D> Record<'t, D> {
    /// What tasks and moderation jobs have in common.
    fn fill_job(&mut self, node: &Element<'_, 't, '_>) {
        self.job_id = node.field("JobId");
        self.state = node.field("State");
        self.created_at = node.time("CreationTime");
        self.started_at = node.time("StartTime");
        self.ended_at = node.time("EndTime");
        self.queue_id = node.field("QueueId");
    }
}

impl Outcome {
    /// The outcome of a state and of what was found to have failed inside.
    fn of(state: Option<&str>, problems: &[Problem<'_>]) -> Self {
        match state {
            Some("Success") if problems.is_empty() => Self::Succeeded,
            Some("Success") => Self::Partial,
            Some("Failed") => Self::Failed,
            Some("Submitted" | "Running" | "Auditing" | "Pause") => Self::Pending,
            Some("Cancel") => Self::Cancelled,
            _ => Self::UNKNOWN,
        }
    }
}

impl<'t> Error<'t> {
    /// An error, unless nothing is known of it.
    fn of(code: Option<Cow<'t, str>>, message: Option<Cow<'t, str>>) -> Option<Self> {
        (code.is_some() || message.is_some()).then_some(Self { code, message })
    }
}

impl<'t> Problem<'t> {
    /// What an element says of its own failure: its `State` if that is `Failed`, else its `Code` if
    /// that is none of those that mean success.
    fn of(element: &Element<'_, 't, '_>) -> Option<Self> {
        let (state, code) = (element.text("State"), element.text("Code"));
        let leaf = match (state, code) {
            (Some("Failed"), _) => "State",
            (_, Some(code)) if !matches!(code, "Success" | "0") => "Code",
            _ => return None,
        };
        Some(Self {
            path: element.path_to(leaf),
            code: code.map(Cow::Borrowed),
            message: element.field("Message"),
        })
    }
}

/// The first of these elements that has headers, as one map of strings.
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
            joined
                .entry(Cow::Borrowed(header))
                .and_modify(|joined| *joined.to_mut() += &format!(", {text}"))
                .or_insert(Cow::Borrowed(text));
        }
    }
    joined
}

/// The key of a real object: without a leading `/`, and no template's.
fn key(name: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let key = match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.trim_start_matches('/')),
        Cow::Owned(name) => Cow::Owned(name.trim_start_matches('/').to_owned()),
    };
    (!key.is_empty() && !key.contains("${")).then_some(key)
}
