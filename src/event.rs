//! The envelope: a job record as a CloudEvents 1.0 event in structured JSON.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    callback::{Callback, Family},
    record::Record,
};

/// The version of the record, which workers can rely on.
pub const SCHEMA_VERSION: &str = "1";

/// The longest id: what SQS takes for a deduplication id.
const MAX_ID_LENGTH: usize = 128;

/// How much of a digest tells the bodies of one moderation job apart.
const SHORT_DIGEST_LENGTH: usize = 16;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One message: an event about one job.
#[derive(Debug, Serialize)]
pub struct Event<'t, 'a> {
    /// The version of CloudEvents.
    pub specversion: &'static str,
    /// The same for every delivery of the same news, in either format: `<jobId>:<state>`, for
    /// moderation with a digest of the detail, since one job may send several bodies.
    pub id: String,
    /// `//<bucket>.ci.<region>.myqcloud.com`, or `//ci.myqcloud.com` where either is unknown.
    pub source: String,
    /// `com.tencent.ci.<family>.<outcome>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The input's key, else its URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Cow<'t, str>>,
    /// When the job ended, else when it was made: RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What `data` is.
    pub datacontenttype: &'static str,
    /// The schema that `data` keeps to.
    pub dataschema: &'static str,
    /// The record.
    pub data: Record<'t, 'a>,
    /// The job's bucket: the input's, else the one that it writes to.
    #[serde(skip)]
    pub bucket: Option<Cow<'t, str>>,
    /// The job's region, found like the bucket.
    #[serde(skip)]
    pub region: Option<Cow<'t, str>>,
}

impl<'t, 'a> Event<'t, 'a> {
    /// The events of a callback, a job each, made one by one as they are asked for: a body may hold
    /// thousands of jobs, and the messages together are larger than it.
    pub fn all(callback: &'t Callback<'a>) -> impl ExactSizeIterator<Item = Self> {
        callback
            .jobs
            .iter()
            .enumerate()
            .map(|(index, job)| Self::of(Record::of(callback, job, index)))
    }

    fn of(record: Record<'t, 'a>) -> Self {
        let bucket = record
            .input
            .bucket
            .clone()
            .or(record.output_bucket.map(Cow::Borrowed));
        let region = record
            .input
            .region
            .clone()
            .or(record.output_region.map(Cow::Borrowed));
        let source = match (&bucket, &region) {
            (Some(bucket), Some(region)) => format!(
                "//{}.ci.{}.myqcloud.com",
                utf8_percent_encode(bucket, UNRESERVED),
                utf8_percent_encode(region, UNRESERVED)
            ),
            _ => "//ci.myqcloud.com".to_owned(),
        };
        Self {
            specversion: "1.0",
            id: id(&record),
            source,
            kind: format!(
                "com.tencent.ci.{}.{}",
                record.family.as_str(),
                record.outcome.as_str()
            ),
            subject: record
                .input
                .object
                .clone()
                .or(record.input.url.map(Cow::Borrowed)),
            time: record
                .ended_at
                .clone()
                .or_else(|| record.created_at.clone()),
            datacontenttype: "application/json",
            dataschema: "urn:cloud-infinite-callback:job-record:1",
            bucket,
            region,
            data: record,
        }
    }

    /// The message's body, in characters that SQS takes.
    pub fn to_json(&self) -> String {
        legal(serde_json::to_string(self).expect(SERIALIZES))
    }

    /// The same for people.
    pub fn to_pretty_json(&self) -> String {
        legal(serde_json::to_string_pretty(self).expect(SERIALIZES))
    }
}

/// Why serializing cannot fail.
const SERIALIZES: &str = "a record has text for keys, and neither memory nor a digest refuses it";

/// JSON without the two characters that it may hold as they are and SQS refuses. They can stand
/// only inside strings, where an escape says the same.
fn legal(json: String) -> String {
    // One character at a time is found many bytes at a time.
    if json.contains('\u{FFFE}') || json.contains('\u{FFFF}') {
        json.replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff")
    } else {
        json
    }
}

fn id(record: &Record<'_, '_>) -> String {
    let id = match (record.job_id, record.family) {
        (None, _) => return hex::encode(detail_digest(record)),
        (Some(job), Family::Moderation) => {
            let digest = hex::encode(detail_digest(record));
            let state = record.state.unwrap_or("unknown");
            format!("{job}:{state}:{}", &digest[..SHORT_DIGEST_LENGTH])
        }
        (Some(job), _) => format!("{job}:{}", record.state.unwrap_or("unknown")),
    };
    let is_legal = id.len() <= MAX_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_legal { id } else { sha256_hex(&id) }
}

fn detail_digest(record: &Record<'_, '_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    serde_json::to_writer(HashWriter(&mut hasher), &record.detail).expect(SERIALIZES);
    hasher.finalize().into()
}

/// A text's SHA-256 in hexadecimal digits: what stands for a text that SQS would refuse.
pub(crate) fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Takes what serde_json writes into a digest.
struct HashWriter<'h>(&'h mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
