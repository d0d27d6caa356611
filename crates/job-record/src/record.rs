//! The types of a record. The description of each field names its source in Tencent's body.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Family, Forbidden, Outcome, Verdict};

/// One job of a callback. A field is absent if Tencent's body contains no value for it. If the value is
/// unusable, `warnings` has an entry.
///
/// Names like `Operation.UserData` are paths in Tencent's body, and are the same in XML and JSON. They begin at
/// the vendor node, which is an element of `JobsDetail`, `WorkflowExecution`, or the body of moderation Simple.
/// Moderation Simple is the format that has `code` and `data` instead of `JobsDetail`.
///
/// Tencent documents them in the repository `tencentyun/intlcloud-documents`, under 数据万象/API 文档: tasks in
/// 任务与工作流, workflows on its page 工作流回调, and moderation in 内容审核.
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
    /// Tencent's event: `EventName` in the node or next to it, or `data.event` in moderation Simple. The default is
    /// `TaskFinish` for tasks and `WorkflowFinish` for workflows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Cow<'t, str>>,
    /// The kind of job: `Tag`. If it is absent, `<Name>` if `Operation` has exactly one child named
    /// `<Name>Result` other than `MediaResult`. It is `Workflow` for workflows, `VirusDetect` for virus
    /// detection, and the event for other moderation.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// Tencent's id of the job: `JobId`, `RunId` for workflows, or `data.trace_id` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// The state as reported by Tencent: `State`. In moderation Simple, it is `Success` if `code` is 0, or else
    /// `Failed`. It may be absent, usually if `outcome` is `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'t, str>>,
    /// The meaning of the state or, if it is absent, of `Code`; `partial` if something inside the job failed.
    pub outcome: Outcome,
    /// Why the job failed. Present only if `outcome` is `failed` and Tencent reported a code or a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError<'t>>,
    /// The failures inside a job whose outcome is `partial`, and inside a failed workflow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem<'t>>,
    /// When the job was created: `CreationTime`, or `CreateTime` for workflows. The format is RFC 3339 in UTC,
    /// with whole seconds. A time before 1970 is omitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub created_at: Option<String>,
    /// When the job started: `StartTime`, in the format of `createdAt`. Tencent does not report it for documents
    /// and moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub started_at: Option<String>,
    /// When the job ended: `EndTime`, in the format of `createdAt`. If it is absent, the latest
    /// `Tasks[].EndTime` of an ended workflow. Tencent does not report it for moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub ended_at: Option<String>,
    /// Tencent's queue: `QueueId`. Tencent does not report it for workflows and moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<Cow<'t, str>>,
    /// The user data that was submitted with the job: `Operation.UserData`. Absent for workflows and
    /// moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Cow<'t, str>>,
    /// The Tencent template that the job used: `Operation.TemplateId`. Absent for workflows and moderation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Cow<'t, str>>,
    /// The input of the job: `Input` of a task, `data` in moderation Simple, otherwise the node itself. Absent if
    /// the body names no input, for example for text-to-speech. Its bucket, region and object always belong to
    /// the same object.
    #[serde(default, skip_serializing_if = "Input::is_empty")]
    pub input: Input<'t>,
    /// The entries of `CosHeaders` in `Input`, otherwise in the node, otherwise in `Operation.Input`; of
    /// `data.cos_headers` in moderation Simple. Names are in
    /// lower case. The values of a repeated name are joined by `, `.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Cow<'t, str>, Cow<'t, str>>,
    /// The objects that the job created, in the order of the body. Failed elements, template names, and the
    /// requested outputs of unfinished jobs are not included. A failed job may have created objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output<'t>>,
    /// The result of the inspection of an image: `Operation.ImageInspectResult`. Absent if no image is
    /// suspicious, unless all images are known to be harmless: an absent inspection does not mean harmless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection<'t>>,
    /// The workflow of the run, or of the task if a workflow started it.
    #[serde(default, skip_serializing_if = "Workflow::is_empty")]
    pub workflow: Workflow<'t>,
    /// The tasks of a workflow run: `Tasks`. Absent for the other families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task<'t>>,
    /// The result of moderation. Absent for the other families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<Moderation<'t>>,
    /// What could not be used as it was, each with its position in the body: for example unusable values, and
    /// trailing commas that were skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The complete vendor node in the normal form. Names are sorted, and numbers keep their digits. It may
    /// contain secrets that were submitted with the job.
    pub detail: D,
}

impl<D> Record<'_, D> {
    /// Creates a record with the required fields. The others are absent.
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
    /// The error code: `Code`, or `code` in moderation Simple. It is a name (`InvalidArgument`) or a number
    /// (`-61011`), as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'t, str>>,
    /// The error message: `Message`, or `message` in moderation Simple.
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
    /// The dotted path of the field that reports the failure, relative to the vendor node
    /// (`Tasks[0].ResultInfo.ObjectInfo[2].Code`).
    pub path: String,
    /// The `Code` or `SubErrCode` next to that field. Absent if a counter reports the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'t, str>>,
    /// The `Message` next to that field. Absent for `DigitalWatermark`, whose `Message` is the text to embed.
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

/// The input of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobInput")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Input<'t> {
    /// The bucket, `<name>-<APPID>`: `BucketId`, or the bucket of a COS URL in `Url` that names the same
    /// object. If only the object's key is known, as for documents, the bucket is
    /// `Operation.Output.Bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// The bucket's region: `Region`, or the region in the URL or in `Operation.Output`. For a workflow, it can
    /// also be the region of the first output in the same bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The object's key: `Object`, or the percent-decoded key in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Cow<'t, str>>,
    /// The URL that was submitted: `Url`, or `data.url` in moderation Simple. It may be signed: handle it as a
    /// secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Cow<'t, str>>,
    /// The id that was submitted with a moderation job: `DataId`, or `data.data_id` in moderation Simple.
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

/// An object that a job created.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobOutput")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Output<'t> {
    /// The bucket: `Bucket` next to the name, or in `Operation.Output`. For a workflow, it is the bucket of
    /// `ObjectUrl`. If it is absent, do not assume the bucket of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<Cow<'t, str>>,
    /// The bucket's region, from the same sources as the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'t, str>>,
    /// The object's key, without a leading `/`: `ObjectPrefix` and `ObjectName`, or the equivalent fields of
    /// the kind of job.
    pub object: Cow<'t, str>,
    /// The dotted path of the field that names the object, relative to the vendor node
    /// (`Operation.MediaResult.OutputFile.ObjectName[0]`). It distinguishes a transcript from its detail file,
    /// and a frame from a sprite. A field that is an array in `detail` has an index.
    pub path: String,
    /// The object's URL: `ObjectUrl` next to the name, if there are as many URLs as names. It may be
    /// signed: handle it as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Cow<'t, str>>,
    /// The object's MD5: `Md5Info[].Md5` of the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<Cow<'t, str>>,
    /// The job id of the task that created the object: `Tasks[].JobId`. Only for workflows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'t, str>>,
    /// The page number in a document, starting at 1: `PageInfo[].PageNo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub page: Option<Cow<'t, RawValue>>,
    /// The size in bytes: `ProcessResult.Size` in a `PicProcessResult`;
    /// `Operation.MediaInfo.Format.Size` if it is the only output of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub bytes: Option<Cow<'t, RawValue>>,
    /// The width in pixels: `ProcessResult.Width`, or the `Width` of the first
    /// `Operation.MediaInfo.Stream.Video`, under the same conditions as `bytes`.
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
    /// Creates an output with the required fields. The others are absent.
    pub fn new(object: Cow<'t, str>, path: String) -> Self {
        Self {
            object,
            path,
            ..Self::default()
        }
    }
}

/// The result of the inspection of an image: a `ProcessResult` in `Operation.ImageInspectResult`. If there are
/// several, the first suspicious one, otherwise the first one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobInspection")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inspection<'t> {
    /// Whether the file contains something other than the image: `Suspicious`. If there are several images, it
    /// is the value of the first suspicious one that did not fail.
    pub suspicious: bool,
    /// The type of the suspicious content (`MPEG-TS`): `SuspiciousType`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'t, str>>,
    /// The offset of the first suspicious byte: `SuspiciousBeginByte`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub begin_byte: Option<Cow<'t, RawValue>>,
    /// The offset of the last suspicious byte: `SuspiciousEndByte`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub end_byte: Option<Cow<'t, RawValue>>,
    /// The size of the suspicious content in bytes: `SuspiciousSize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub bytes: Option<Cow<'t, RawValue>>,
}

impl Inspection<'_> {
    /// Creates an inspection with the required field. The others are absent.
    pub fn new(suspicious: bool) -> Self {
        Self {
            suspicious,
            ..Self::default()
        }
    }
}

/// A workflow and its run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "JobWorkflow")
)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Workflow<'t> {
    /// The workflow's id: `WorkflowId`, or `Workflow.WorkflowId` for tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'t, str>>,
    /// The workflow's name: `WorkflowName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'t, str>>,
    /// The id of the run: `RunId`. It is the same in the callbacks of the run and of its tasks.
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

/// A task of a workflow run: an element of `Tasks`.
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
    /// The state as reported by Tencent: `State`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'t, str>>,
    /// The meaning of the state, as for a job outside a workflow.
    pub outcome: Outcome,
    /// Why the task failed: its `Code` and `Message`, or those of its first failed object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(title = "TaskError"))]
    pub error: Option<JobError<'t>>,
    /// The node in the workflow: `Name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'t, str>>,
    /// The Tencent template that the task used: `TemplateId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Cow<'t, str>>,
    /// When the task was created: `CreateTime`. The format is RFC 3339 in UTC, with whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub created_at: Option<String>,
    /// When the task started: `StartTime`, in the format of `createdAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub started_at: Option<String>,
    /// When the task ended: `EndTime`, in the format of `createdAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub ended_at: Option<String>,
}

impl Task<'_> {
    /// Creates a task with the required field. The others are absent.
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
    /// The verdict: `Result`, or `Suggestion` for documents, web pages and virus detection, or `data.result` in
    /// moderation Simple. It is `unknown` unless the outcome is `succeeded`, `partial` or `pending`, because
    /// failed jobs report 0, too. If the outcome is `pending` (live video), or the URL in moderation Simple is
    /// a live stream, `normal` becomes `unknown`.
    pub verdict: Verdict,
    /// The label: `Label`, or `label` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'t, str>>,
    /// The more specific label: `SubLabel`, or `sub_label` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<Cow<'t, str>>,
    /// The category within the label (`Sexy` in `Porn`): `Category`, or `category` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'t, str>>,
    /// The score from 0 to 100, with its original digits: `Score`, or `score` in moderation Simple.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub score: Option<Cow<'t, RawValue>>,
    /// The action on the object: `ForbidState`, or `data.forbidden_status` in moderation Simple. Absent if the
    /// number is unknown, or if the outcome is not `succeeded`, `partial` or `pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Forbidden>,
    /// The sorted names of the scenes whose `HitFlag` is not 0 (`porn`, `ads`), for any outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<String>,
    /// The scenes that were checked, sorted by name: each element `*Info` with a `HitFlag`, in the node and
    /// then in its `Labels`, or `*_info` with `hit_flag` in moderation Simple.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<Scene<'t>>,
}

impl Moderation<'_> {
    /// Creates a result with the required field. The others are absent.
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
    /// The verdict: `HitFlag`, under the same conditions as the verdict of the job.
    pub verdict: Verdict,
    /// The score from 0 to 100, with its original digits: `Score`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub score: Option<Cow<'t, RawValue>>,
    /// The number of parts (frames, sections) with a hit: `Count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Number"))]
    pub count: Option<Cow<'t, RawValue>>,
    /// The label: `Label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'t, str>>,
    /// The more specific label: `SubLabel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_label: Option<Cow<'t, str>>,
    /// The category within the label: `Category`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Cow<'t, str>>,
}

impl Scene<'_> {
    /// Creates a scene with the required fields. The others are absent.
    pub fn new(name: String, verdict: Verdict) -> Self {
        Self {
            name,
            verdict,
            ..Self::default()
        }
    }
}
