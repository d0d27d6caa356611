//! The record's types. Each field says its source in the vendor's body and what its absence means.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Family, Forbidden, Outcome, Verdict};

/// One job of a callback. A field without a value is absent.
///
/// The vendor's names in the descriptions are paths from the vendor node, which is one element of
/// `JobsDetail`, or `WorkflowExecution`, or the whole body of moderation Simple: the form with
/// `code` and `data`, where Detail has `JobsDetail`. They are the same in XML and in JSON.
///
/// Their source is the vendor's pages in its repository `tencentyun/intlcloud-documents`, below
/// 数据万象/API 文档: 任务与工作流 for tasks, there 工作流回调 for workflows, and 内容审核 for moderation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Record"))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Record<'t, D = Box<RawValue>> {
    /// The kind of callback that reported the job.
    pub family: Family,
    /// `EventName` beside the node, `data.event` of moderation Simple. Where the body has none, the
    /// one that the family implies (`TaskFinish`, `WorkflowFinish`); absent for moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'t, str>>,
    /// `Tag`; without one, `<Name>` where `Operation` has exactly one child called `<Name>Result`
    /// other than `MediaResult`. `Workflow` for workflows; the event for moderation.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// `JobId`; `RunId` of a workflow; `data.trace_id` of moderation Simple. Absent where the body
    /// names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// `State`, the vendor's word. Moderation Simple has none: `Success` where `code` is 0, else
    /// `Failed`. Absent where any other body has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'t, str>>,
    /// What the state means. Where the body has no state, what `Code` means.
    pub outcome: Outcome,
    /// `Code` and `Message` of a failed job; of moderation Simple `code` and `message`. Absent for
    /// any other outcome, and where the body gives no reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error<'t>>,
    /// The failures inside a job whose outcome is `partial`, and inside a failed workflow. Absent
    /// where nothing inside failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem<'t>>,
    /// `CreationTime`, of workflows `CreateTime`: RFC 3339 in UTC, whole seconds. Absent where
    /// the body has none, has `-` (not yet), or it cannot be read or is before 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub created_at: Option<String>,
    /// `StartTime`, in the same form. Documents and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub started_at: Option<String>,
    /// `EndTime`, in the same form. Of a workflow that has ended, the latest `Tasks[].EndTime`.
    /// Moderation has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub ended_at: Option<String>,
    /// `QueueId`. Workflows and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<Cow<'t, str>>,
    /// `Operation.UserData`: what the submitter passed. Absent where nothing was; workflows and
    /// moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Cow<'t, str>>,
    /// `Operation.TemplateId`. Absent where no template was used; workflows and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Cow<'t, str>>,
    /// What the job worked on: `Input` of a task, else the node itself; `data` of moderation Simple.
    /// Absent where the body does not say, as for speech made from a text. Bucket, region and object
    /// are never taken from two objects.
    #[serde(default, skip_serializing_if = "Input::is_empty")]
    pub input: Input<'t>,
    /// `CosHeaders` of `Input`, else of the node, else of `Operation.Input`: one map with lower-case
    /// names. A name that repeats, in whatever case, has its values joined by `, `.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Cow<'t, str>, Cow<'t, str>>,
    /// The objects that the job made, in the body's order: real objects only, never the name of a
    /// template, an element that failed, or what an unfinished job was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output<'t>>,
    /// The workflow that the job belongs to, or is. Absent for a job of its own.
    #[serde(default, skip_serializing_if = "Workflow::is_empty")]
    pub workflow: Workflow<'t>,
    /// `Tasks`: the nodes of a workflow's run. Absent for the other families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task<'t>>,
    /// What moderation found. Absent for all other families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<Moderation<'t>>,
    /// Values that could not be used, each with its location. Absent where there was nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The vendor node, whole, in the normal form: the vendor's names, sorted; numbers with their
    /// digits. It may hold secrets that were submitted with the job.
    pub detail: D,
}

impl<D> Record<'_, D> {
    /// Creates a record with the fields that every message has. All others are absent.
    pub fn new(family: Family, outcome: Outcome, detail: D) -> Self {
        Self {
            family,
            event: None,
            kind: None,
            job_id: None,
            state: None,
            outcome,
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
            detail,
        }
    }
}

/// Why a job failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Error<'t> {
    /// A name (`InvalidArgument`) or a number (`-61011`), as text. Absent where the vendor gives
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'t, str>>,
    /// The vendor's words. Absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'t, str>>,
}

/// A failure inside a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Problem<'t> {
    /// The dotted path from the vendor node to the field that reports it.
    pub path: String,
    /// The `Code` beside it. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'t, str>>,
    /// The `Message` beside it. Absent where there is none, and for `DigitalWatermark`, whose
    /// `Message` is the text to embed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'t, str>>,
}

/// What a job worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Input<'t> {
    /// `<name>-<APPID>`: `BucketId`, else that of a COS URL in `Url` that names the same object;
    /// where only the object is known, as for documents, `Operation.Output.Bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// `Region`, found like the bucket; of a workflow also that of its first output in the same
    /// bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The key: `Object`, else that of the URL, percent-decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Cow<'t, str>>,
    /// `Url`. It may be signed: handle it as a secret. Absent where the body has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Cow<'t, str>>,
    /// `DataId`: what the submitter of a moderation job passed. Absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_id: Option<Cow<'t, str>>,
}

impl Input<'_> {
    fn is_empty(&self) -> bool {
        self.bucket.is_none()
            && self.region.is_none()
            && self.object.is_none()
            && self.url.is_none()
            && self.data_id.is_none()
    }
}

/// An object that a job made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Output<'t> {
    /// `Bucket` beside the name, else of `Operation.Output`; of workflows that of `ObjectUrl`.
    /// Absent where none of them is there: it is then unknown, not the input's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// `Region`, found like the bucket, and never that of another bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The key, without a leading `/`: `ObjectPrefix` with `ObjectName`, or what the job's kind has
    /// instead.
    pub object: Cow<'t, str>,
    /// The dotted path from the vendor node to the leaf that names the object: it tells a transcript
    /// from its detail file, and a frame from a sprite. A name that is an array in `detail` has its
    /// index.
    pub path: String,
    /// `ObjectUrl` beside the name, where there are as many URLs as names. It may be signed: handle
    /// it as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Cow<'t, str>>,
    /// `Md5Info[].Md5` of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<Cow<'t, str>>,
    /// `Tasks[].JobId` of the task that made it. Workflows only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// `PageInfo[].PageNo`: the page of a document, from 1. Documents only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub page: Option<Cow<'t, RawValue>>,
    /// Its size: `ProcessResult.Size` of a `PicProcessResult`; where it is the task's only output,
    /// `Operation.MediaInfo.Format.Size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub bytes: Option<Cow<'t, RawValue>>,
    /// In pixels: `ProcessResult.Width`; of the only output the `Width` of the first
    /// `Operation.MediaInfo.Stream.Video`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub width: Option<Cow<'t, RawValue>>,
    /// In pixels: `Height`, found like the width.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub height: Option<Cow<'t, RawValue>>,
    /// In seconds: `Operation.MediaInfo.Format.Duration` of the only output.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub duration: Option<Cow<'t, RawValue>>,
    /// `ProcessResult.Format` of a `PicProcessResult` (`png`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Cow<'t, str>>,
    /// `ProcessResult.Etag` of a `PicProcessResult`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<Cow<'t, str>>,
}

/// A workflow's run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Workflow<'t> {
    /// `WorkflowId`; of a task `Workflow.WorkflowId`. Absent where the body has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'t, str>>,
    /// `WorkflowName`. Absent where the body does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'t, str>>,
    /// `RunId`: the run's own callback and those of its tasks share it. Absent where the body does
    /// not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Cow<'t, str>>,
    /// `Workflow.Name` of a task: its node in the workflow. Absent for the run itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Cow<'t, str>>,
}

impl Workflow<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.run_id.is_none() && self.node.is_none()
    }
}

/// One task of a workflow's run: `Tasks[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Task<'t> {
    /// `JobId`, the same as in the task's own callback. Absent where the body has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// `Type`. Absent where the body has none.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// `State`, the vendor's word. Absent where the body has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'t, str>>,
    /// What the state means, as for a job of its own.
    pub outcome: Outcome,
    /// `Code` and `Message` of a failed task, else those of its first failed object. Absent where
    /// the task did not fail, or the vendor gives no reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(title = "TaskError"))]
    pub error: Option<Error<'t>>,
    /// `Name`: the node in the workflow. Absent where the body has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'t, str>>,
    /// `TemplateId`. Absent where the node uses none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Cow<'t, str>>,
    /// `CreateTime`. Absent where the body has none, or `-`: not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub created_at: Option<String>,
    /// `StartTime`. Absent where the body has none, or `-`: not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub started_at: Option<String>,
    /// `EndTime`. Absent where the body has none, or `-`: not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub ended_at: Option<String>,
}

/// A moderation job's result.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Moderation<'t> {
    /// `Result`; `Suggestion` of documents and web pages; `data.result` of moderation Simple. The
    /// vendor's number counts only where the outcome is `succeeded` or `partial`: a failed job has
    /// 0 there, too. Where it is `pending` (live video), `normal` reads `unknown`.
    pub verdict: Verdict,
    /// `Label`; `label` of moderation Simple. Absent where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'t, str>>,
    /// `SubLabel`; `sub_label` of moderation Simple. Absent where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<Cow<'t, str>>,
    /// `Score`; `score` of moderation Simple: 0 to 100, the digits as the vendor wrote them. Absent
    /// where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub score: Option<Cow<'t, RawValue>>,
    /// `ForbidState`; `data.forbidden_status` of moderation Simple. Absent where the vendor gives
    /// none or an unknown number, and where the outcome is neither `succeeded`, `partial` nor
    /// `pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Forbidden>,
    /// The scenes that were hit (`porn`, `ads`), sorted: those whose `HitFlag` is not 0, whatever
    /// the outcome. Absent where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<String>,
    /// The scenes that were looked for, sorted by name: each `*Info` with a `HitFlag` of the node,
    /// then of its `Labels`; `*_info` with `hit_flag` of moderation Simple. Absent where the vendor
    /// lists none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<Scene<'t>>,
}

/// What moderation found of one scene.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Scene<'t> {
    /// The name of the element in lower case, without `Info`: `porn`, `ads`, `terrorism`.
    pub name: String,
    /// `HitFlag`, with the outcome's effect as for the verdict of the job.
    pub verdict: Verdict,
    /// `Score`: 0 to 100, the digits as the vendor wrote them. Absent where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub score: Option<Cow<'t, RawValue>>,
    /// `Count`: how many parts (frames, sections) were hit. Absent where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub count: Option<Cow<'t, RawValue>>,
    /// `Label`. Absent where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'t, str>>,
    /// `SubLabel`. Absent where the vendor gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<Cow<'t, str>>,
}
