//! The envelope: a job record as a CloudEvents 1.0 event in structured JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Record;

/// The version of the schema: the message attribute `schemaVersion`.
pub const SCHEMA_VERSION: &str = "1";

/// A message: a CloudEvents 1.0 event about one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "Message")
)]
#[non_exhaustive]
pub struct Event<'t, D = Box<RawValue>> {
    /// The version of CloudEvents.
    pub specversion: SpecVersion,
    /// The idempotency key: `<jobId>:<state>`. It is the same for every delivery of the same event, in XML and
    /// JSON. For moderation and the family `unknown`, a digest of `detail` is appended, because these jobs may
    /// send several events. It is a digest if the job has no id or the id would be too long, and contains one if
    /// an earlier job of the body has the same id. It has at most 128 characters from `!` to `~`.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[!-~]{1,128}$")))]
    pub id: String,
    /// `//<bucket>.ci.<region>.myqcloud.com`, or `//ci.myqcloud.com` if either is unknown.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uri-reference", "pattern" = "^//")))]
    pub source: String,
    /// `com.tencent.ci.<family>.<outcome>`.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^com\.tencent\.ci\.[a-z]+\.[a-z]+$")))]
    #[serde(rename = "type")]
    pub kind: String,
    /// The key of the input object, or its URL. A URL may be signed: handle it as a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'t, str>>,
    /// When the job ended or, if that is unknown, when it was created. The format is RFC 3339 in UTC, with
    /// whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::time"))]
    pub time: Option<String>,
    /// The media type of `data`.
    pub datacontenttype: DataContentType,
    /// The schema of `data`.
    pub dataschema: DataSchema,
    /// The job record.
    pub data: Record<'t, D>,
}

impl<'t, D> Event<'t, D> {
    /// Wraps a record in an envelope. `subject` and `time` are absent.
    pub fn new(id: String, source: String, data: Record<'t, D>) -> Self {
        Self {
            specversion: SpecVersion::V1,
            id,
            source,
            kind: format!(
                "com.tencent.ci.{}.{}",
                data.family.as_str(),
                data.outcome.as_str()
            ),
            subject: None,
            time: None,
            datacontenttype: DataContentType::Json,
            dataschema: DataSchema::JobRecord1,
            data,
        }
    }
}

/// The version of CloudEvents. Other versions are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum SpecVersion {
    /// `1.0`.
    #[serde(rename = "1.0")]
    V1,
}

/// The media type of an event's data. Other types are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum DataContentType {
    /// `application/json`.
    #[serde(rename = "application/json")]
    Json,
}

/// The schema of an event's data. Other schemas are errors, because their fields may have other meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum DataSchema {
    /// `urn:cloud-infinite-callback:job-record:1`.
    #[serde(rename = "urn:cloud-infinite-callback:job-record:1")]
    JobRecord1,
}
