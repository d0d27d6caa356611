//! The types of a record. Each field names its source in Tencent's body.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Family, Forbidden, Outcome, Verdict};

/// One job of a callback. A field is absent where Tencent's body has no value for it, or none that
/// can be used; then `warnings` has an entry.
///
/// Names like `Operation.UserData` are paths in Tencent's body, the same in XML and in JSON. They
/// begin at the vendor node: an element of `JobsDetail`, `WorkflowExecution`, or the body of moderation
/// Simple, the format with `code` and `data` in place of `JobsDetail`.
///
/// Tencent documents them in its repository `tencentyun/intlcloud-documents`, under 数据万象/API 文档:
/// 任务与工作流 for tasks, 工作流回调 in it for workflows, and 内容审核 for moderation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobRecord")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Record<'t, D = Box<RawValue>> {
    /// The kind of callback that reported the job.
    pub family: Family,
    /// Tencent's event: `EventName` next to the node, `data.event` in moderation Simple. Without one,
    /// a task has `TaskFinish` and a workflow `WorkflowFinish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'t, str>>,
    /// The kind of job: `Tag`. Without one, `<Name>` if `Operation` has exactly one child called
    /// `<Name>Result` other than `MediaResult`. `Workflow` for a workflow, the event for moderation,
    /// `VirusDetect` for virus detection.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// Tencent's id of the job: `JobId`, `RunId` of a workflow, `data.trace_id` in moderation
    /// Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// The state in Tencent's words: `State`. In moderation Simple, `Success` if `code` is 0, else
    /// `Failed`. It may be absent, most often if `outcome` is `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'t, str>>,
    /// The meaning of the state. Without a state, the meaning of `Code`.
    pub outcome: Outcome,
    /// Why the job failed: present only if `outcome` is `failed`, and only if Tencent reported a code
    /// or a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError<'t>>,
    /// The failures inside a job whose outcome is `partial`, and inside a failed workflow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem<'t>>,
    /// When the job was created: `CreationTime`, `CreateTime` of a workflow. RFC 3339 in UTC, whole
    /// seconds. A time before 1970 is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub created_at: Option<String>,
    /// When the job started: `StartTime`, in the form of `createdAt`. Jobs of documents and moderation
    /// have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub started_at: Option<String>,
    /// When the job ended: `EndTime`, in the form of `createdAt`. Without one, the latest
    /// `Tasks[].EndTime` of a workflow that has ended. Moderation has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub ended_at: Option<String>,
    /// Tencent's queue: `QueueId`. Workflows and moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<Cow<'t, str>>,
    /// What was passed with the job when it was submitted: `Operation.UserData`. Workflows and
    /// moderation have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Cow<'t, str>>,
    /// Tencent's template that the job used: `Operation.TemplateId`. Workflows and moderation have
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Cow<'t, str>>,
    /// What the job worked on: `Input` of a task, else the node itself, `data` in moderation Simple.
    /// Absent if the body names nothing, as for speech from a text. Its bucket, region and object
    /// always belong to one object.
    #[serde(default, skip_serializing_if = "Input::is_empty")]
    pub input: Input<'t>,
    /// The entries of `CosHeaders`, of `Input`, else of the node, else of `Operation.Input`. Names are in
    /// lower case. The values of a repeated name are joined by `, `.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Cow<'t, str>, Cow<'t, str>>,
    /// The objects that the job made, in the order of the body. A name of a template, a failed element,
    /// and what an unfinished job was asked for are not included. A failed job may have made objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output<'t>>,
    /// The result of the inspection of an image: `Operation.ImageInspectResult`. Absent if no image is
    /// known to be suspicious and not all are known to be harmless: absent does not mean harmless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection<'t>>,
    /// The workflow that started the job, or that the job is a run of.
    #[serde(default, skip_serializing_if = "Workflow::is_empty")]
    pub workflow: Workflow<'t>,
    /// The tasks of a workflow's run: `Tasks`. Absent for the other families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task<'t>>,
    /// The result of moderation. Absent for the other families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<Moderation<'t>>,
    /// Values that could not be used, each with its position in the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The complete vendor node in the normal form: Tencent's names, sorted; numbers with Tencent's digits. It
    /// may hold secrets that were submitted with the job.
    pub detail: D,
}

impl<D> Record<'_, D> {
    /// Creates a record with the fields that every message has. The others are absent.
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
            inspection: None,
            workflow: Workflow::default(),
            tasks: Vec::new(),
            moderation: None,
            warnings: Vec::new(),
            detail,
        }
    }
}

/// Why a job or a task failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobError")
)]
#[non_exhaustive]
pub struct JobError<'t> {
    /// `Code`, `code` in moderation Simple: a name (`InvalidArgument`) or a number (`-61011`), as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'t, str>>,
    /// `Message`, `message` in moderation Simple: Tencent's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'t, str>>,
}

impl<'t> JobError<'t> {
    /// Creates an error.
    pub fn new(code: Option<Cow<'t, str>>, message: Option<Cow<'t, str>>) -> Self {
        Self { code, message }
    }
}

/// A failure inside a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobProblem")
)]
#[non_exhaustive]
pub struct Problem<'t> {
    /// The dotted path, from the vendor node, of the field that reports the failure
    /// (`Tasks[0].ResultInfo.ObjectInfo[2].Code`).
    pub path: String,
    /// The `Code` next to that field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'t, str>>,
    /// The `Message` next to that field. `DigitalWatermark` has none, since its `Message` is the text to
    /// embed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'t, str>>,
}

impl<'t> Problem<'t> {
    /// Creates a problem.
    pub fn new(path: String, code: Option<Cow<'t, str>>, message: Option<Cow<'t, str>>) -> Self {
        Self {
            path,
            code,
            message,
        }
    }
}

/// What a job worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobInput")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Input<'t> {
    /// The bucket, `<name>-<APPID>`: `BucketId`, else that of a COS URL in `Url` that names the same
    /// object. If only the object is known, as for documents, `Operation.Output.Bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// The bucket's region: `Region`, else from the same sources as the bucket. For a workflow also
    /// that of its first output in the same bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The object's key: `Object`, else that of the URL, percent-decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Cow<'t, str>>,
    /// The URL that was submitted: `Url`. It may be signed: handle it as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Cow<'t, str>>,
    /// What was passed with a moderation job when it was submitted: `DataId`.
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
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobOutput")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Output<'t> {
    /// The bucket: `Bucket` next to the name, else of `Operation.Output`; for a workflow that of
    /// `ObjectUrl`. If it is absent, do not assume the bucket of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// The bucket's region, from the sources of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The object's key, without a leading `/`: `ObjectPrefix` and `ObjectName`, or what the kind of
    /// job has instead.
    pub object: Cow<'t, str>,
    /// The dotted path, from the vendor node, of the leaf that names the object
    /// (`Operation.MediaResult.OutputFile.ObjectName[0]`). It distinguishes a transcript from its detail
    /// file, and a frame from a sprite. A name that is an array in `detail` has an index.
    pub path: String,
    /// The object's URL: `ObjectUrl` next to the name, if there are as many URLs as names. It may be
    /// signed: handle it as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Cow<'t, str>>,
    /// The object's MD5: `Md5Info[].Md5` of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<Cow<'t, str>>,
    /// The job id of the task that made it: `Tasks[].JobId`. Workflows only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// The page of a document, from 1: `PageInfo[].PageNo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub page: Option<Cow<'t, RawValue>>,
    /// The size in bytes: `ProcessResult.Size` in a `PicProcessResult`;
    /// `Operation.MediaInfo.Format.Size` if it is the only output of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub bytes: Option<Cow<'t, RawValue>>,
    /// The width in pixels: `ProcessResult.Width`, or the `Width` of the first
    /// `Operation.MediaInfo.Stream.Video`, on the conditions of `bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub width: Option<Cow<'t, RawValue>>,
    /// The height in pixels: `Height`, from the same sources as the width.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub height: Option<Cow<'t, RawValue>>,
    /// The duration in seconds: `Operation.MediaInfo.Format.Duration` if it is the only output of a
    /// task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub duration: Option<Cow<'t, RawValue>>,
    /// The format of a picture (`png`): `ProcessResult.Format` in a `PicProcessResult`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Cow<'t, str>>,
    /// The ETag of a picture: `ProcessResult.Etag` in a `PicProcessResult`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<Cow<'t, str>>,
}

impl<'t> Output<'t> {
    /// Creates an output with the fields that every output has. The others are absent.
    pub fn new(object: Cow<'t, str>, path: String) -> Self {
        Self {
            object,
            path,
            ..Self::default()
        }
    }
}

/// The result of the inspection of an image: a `ProcessResult` in `Operation.ImageInspectResult`. Of
/// several, the first suspicious one, else the first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobInspection")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inspection<'t> {
    /// Whether the file contains something other than the image: `Suspicious`. Of several images, that of
    /// the first suspicious one that did not fail.
    pub suspicious: bool,
    /// What it contains (`MPEG-TS`): `SuspiciousType`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// The offset of its first byte: `SuspiciousBeginByte`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub begin_byte: Option<Cow<'t, RawValue>>,
    /// The offset of its last byte: `SuspiciousEndByte`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub end_byte: Option<Cow<'t, RawValue>>,
    /// Its size in bytes: `SuspiciousSize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub bytes: Option<Cow<'t, RawValue>>,
}

impl Inspection<'_> {
    /// Creates an inspection with the field that every inspection has. The others are absent.
    pub fn new(suspicious: bool) -> Self {
        Self {
            suspicious,
            ..Self::default()
        }
    }
}

/// A workflow, and its run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobWorkflow")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Workflow<'t> {
    /// The workflow's id: `WorkflowId`, `Workflow.WorkflowId` of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'t, str>>,
    /// The workflow's name: `WorkflowName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'t, str>>,
    /// The id of the run: `RunId`. The callbacks of the run and of its tasks share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Cow<'t, str>>,
    /// The task's node in the workflow: `Workflow.Name`. Absent for the run itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Cow<'t, str>>,
}

impl Workflow<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.run_id.is_none() && self.node.is_none()
    }
}

/// One task of a workflow's run: an element of `Tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobTask")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Task<'t> {
    /// Tencent's id of the job: `JobId`, the same as in the task's own callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// The kind of job: `Type`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// The state in Tencent's words: `State`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'t, str>>,
    /// The meaning of the state, as for a job outside a workflow.
    pub outcome: Outcome,
    /// Why the task failed: its `Code` and `Message`, else those of its first failed object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(title = "TaskError"))]
    pub error: Option<JobError<'t>>,
    /// The node in the workflow: `Name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'t, str>>,
    /// Tencent's template that the task used: `TemplateId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Cow<'t, str>>,
    /// When the task was created: `CreateTime`. RFC 3339 in UTC, whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub created_at: Option<String>,
    /// When the task started: `StartTime`, in the form of `createdAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub started_at: Option<String>,
    /// When the task ended: `EndTime`, in the form of `createdAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub ended_at: Option<String>,
}

impl Task<'_> {
    /// Creates a task with the field that every task has. The others are absent.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            ..Self::default()
        }
    }
}

/// The result of moderation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobModeration")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Moderation<'t> {
    /// The verdict: `Result`, `Suggestion` for documents, web pages and virus detection, `data.result` in
    /// moderation Simple. It counts if the outcome is `succeeded` or `partial`. If it is `pending` (live
    /// video), or the URL of moderation Simple is a live stream, `normal` becomes `unknown`. Otherwise it is
    /// `unknown`, since a failed job reports 0, too.
    pub verdict: Verdict,
    /// The label: `Label`, `label` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'t, str>>,
    /// The more precise label: `SubLabel`, `sub_label` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<Cow<'t, str>>,
    /// The category within the label (`Sexy` in `Porn`): `Category`, `category` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'t, str>>,
    /// The score, 0 to 100, with Tencent's digits: `Score`, `score` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub score: Option<Cow<'t, RawValue>>,
    /// What Tencent did with the object: `ForbidState`, `data.forbidden_status` in moderation
    /// Simple. Absent for an unknown number, and if the outcome is neither `succeeded`, `partial` nor
    /// `pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Forbidden>,
    /// The names of the scenes that were hit (`porn`, `ads`), sorted: those whose `HitFlag` is not 0,
    /// whatever the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<String>,
    /// The scenes that were looked for, sorted by name: each `*Info` with a `HitFlag`, of the node and
    /// then of its `Labels`; `*_info` with `hit_flag` in moderation Simple.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<Scene<'t>>,
}

impl Moderation<'_> {
    /// Creates a result with the field that every result has. The others are absent.
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            ..Self::default()
        }
    }
}

/// The result of moderation for one scene.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobScene")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Scene<'t> {
    /// The name of the element in lower case, without `Info`: `porn`, `ads`, `terrorism`.
    pub name: String,
    /// The verdict: `HitFlag`, on the same conditions as the verdict of the job.
    pub verdict: Verdict,
    /// The score, 0 to 100, with Tencent's digits: `Score`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub score: Option<Cow<'t, RawValue>>,
    /// The number of parts (frames, sections) that were hit: `Count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub count: Option<Cow<'t, RawValue>>,
    /// The label: `Label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'t, str>>,
    /// The more precise label: `SubLabel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<Cow<'t, str>>,
    /// The category within the label: `Category`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'t, str>>,
}

impl Scene<'_> {
    /// Creates a scene with the fields that every scene has. The others are absent.
    pub fn new(name: String, verdict: Verdict) -> Self {
        Self {
            name,
            verdict,
            ..Self::default()
        }
    }
}
