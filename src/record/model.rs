//! The record's types. Each field says its source in the vendor's body and what its absence means.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;
use serde_json::value::RawValue;

use super::Detail;
use crate::callback::Family;

/// One job of a callback. A field without a value is absent.
///
/// The vendor's names in the descriptions are paths from the vendor node, which is one element of
/// `JobsDetail`, or `WorkflowExecution`, or of moderation Simple the whole body. They are the same
/// in XML and in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'t, 'a> {
    /// What kind of callback told of the job.
    pub family: Family,
    /// `EventName` beside the node, `data.event` of moderation Simple. Where the body has none, the
    /// one that the family implies; absent for moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<&'t str>,
    /// `Tag`; `Workflow` for workflows; the event for moderation.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'t str>,
    /// `JobId`; `RunId` of a workflow; `data.trace_id` of moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<&'t str>,
    /// `State`, the vendor's word. Moderation Simple has none: `Success` where `code` is 0, else
    /// `Failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'t str>,
    /// What the state means, from a closed set.
    pub outcome: Outcome,
    /// `Code` and `Message`, when the state is `Failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error<'t>>,
    /// The failures inside a job that has not failed, and inside a failed workflow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem<'t>>,
    /// `CreationTime`, of workflows `CreateTime`: RFC 3339 in UTC, whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// `StartTime`, in the same form. Documents and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// `EndTime`, in the same form. Workflows and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// `QueueId`. Workflows and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<&'t str>,
    /// `Operation.UserData`: what the submitter passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<&'t str>,
    /// `Operation.TemplateId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<&'t str>,
    /// What the job worked on.
    #[serde(skip_serializing_if = "Input::is_empty")]
    pub input: Input<'t>,
    /// `CosHeaders` of the input: one map. A name that repeats has its values joined by `, `.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<&'t str, Cow<'t, str>>,
    /// The objects that the job made, in the body's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output<'t>>,
    /// The workflow that the job belongs to, or is.
    #[serde(skip_serializing_if = "Workflow::is_empty")]
    pub workflow: Workflow<'t>,
    /// The nodes of a workflow's run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task<'t>>,
    /// The verdict, for moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<Moderation<'t>>,
    /// What could not be used as it stood, with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The vendor node, whole, in the normal form.
    pub detail: Detail<'t, 'a>,
    /// `Operation.Output.Bucket`: where the job is at home if its input does not tell.
    #[serde(skip)]
    pub(crate) output_bucket: Option<&'t str>,
    /// `Operation.Output.Region`.
    #[serde(skip)]
    pub(crate) output_region: Option<&'t str>,
}

/// What a job's state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// `Success`, and nothing inside failed.
    Succeeded,
    /// `Failed`.
    Failed,
    /// `Success`, but something inside failed: see `problems`.
    Partial,
    /// `Submitted`, `Running`, `Auditing`, `Pause`.
    Pending,
    /// `Cancel`.
    Cancelled,
    /// Any other word, or none.
    Unknown,
}

impl Outcome {
    /// The outcome as it stands in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Pending => "pending",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome of a state and of what was found to have failed inside.
    pub(super) fn of(state: Option<&str>, problems: &[Problem<'_>]) -> Self {
        match state {
            Some("Success") if problems.is_empty() => Self::Succeeded,
            Some("Success") => Self::Partial,
            Some("Failed") => Self::Failed,
            Some("Submitted" | "Running" | "Auditing" | "Pause") => Self::Pending,
            Some("Cancel") => Self::Cancelled,
            _ => Self::Unknown,
        }
    }
}

/// Why a job failed.
#[derive(Debug, Serialize)]
pub struct Error<'t> {
    /// A name (`InvalidArgument`) or a number (`-61011`), as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'t str>,
    /// The vendor's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'t str>,
}

/// A failure inside a job.
#[derive(Debug, Serialize)]
pub struct Problem<'t> {
    /// The dotted path from the vendor node to the leaf that says so.
    pub path: String,
    /// The code beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'t str>,
    /// The message beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'t str>,
}

/// What a job worked on.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Input<'t> {
    /// `<name>-<APPID>`: `BucketId` of the input, else what the URL says; for documents
    /// `Operation.Output.Bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// For example `ap-chongqing`: `Region`, found like the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The key: `Object`, else what the URL says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Cow<'t, str>>,
    /// `Url`. It may be signed: handle it as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'t str>,
    /// `DataId`: what the submitter of a moderation job passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_id: Option<&'t str>,
}

impl Input<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.bucket.is_none()
            && self.region.is_none()
            && self.object.is_none()
            && self.url.is_none()
            && self.data_id.is_none()
    }
}

/// An object that a job made.
#[derive(Debug, Serialize)]
pub struct Output<'t> {
    /// Beside the name, else `Operation.Output.Bucket`; of workflows what the URL says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// Found like the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The key, without a leading `/`.
    pub object: Cow<'t, str>,
    /// `ObjectUrl`, of workflows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'t str>,
    /// `Md5Info[].Md5` of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<&'t str>,
}

/// A workflow's run.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workflow<'t> {
    /// `WorkflowId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'t str>,
    /// `WorkflowName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'t str>,
    /// `RunId`, which the run's own callback and those of its tasks share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<&'t str>,
    /// `Workflow.Name` of a task: its node in the workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<&'t str>,
}

impl Workflow<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.run_id.is_none() && self.node.is_none()
    }
}

/// One task of a workflow's run: `Tasks[]`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task<'t> {
    /// `JobId`, the same as in the task's own callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<&'t str>,
    /// `Type`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'t str>,
    /// `State`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'t str>,
    /// What the state means.
    pub outcome: Outcome,
    /// `Name`: the node in the workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'t str>,
    /// `TemplateId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<&'t str>,
    /// `CreateTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// `StartTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// `EndTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// A moderation job's result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moderation<'t> {
    /// `Result`; `Suggestion` of documents and web pages; `data.result` of moderation Simple.
    pub verdict: Verdict,
    /// `Label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'t str>,
    /// `SubLabel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<&'t str>,
    /// `Score`, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<&'t RawValue>,
    /// `ForbidState`; `data.forbidden_status` of moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Forbidden>,
    /// The scenes that were hit (`porn`, `ads`), sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<String>,
}

/// What moderation found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// 0.
    Normal,
    /// 1.
    Sensitive,
    /// 2: for a person to look at.
    Suspected,
    /// Any other, or none.
    Unknown,
}

/// What the vendor did with the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Forbidden {
    /// 0.
    None,
    /// 1: it cannot be read.
    Frozen,
    /// 2: it was moved to a backup bucket.
    Moved,
}
