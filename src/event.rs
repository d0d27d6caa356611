//! A job's record into its event: what identifies it, and where the job is at home.

use std::borrow::Cow;

use cloud_infinite_job_record::{Event, Family, Record};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::{
    callback::Callback,
    normalize::{self, BucketRef, Detail},
};

/// The longest id: what SQS takes for a deduplication id.
const MAX_ID_LENGTH: usize = 128;

/// How much of a digest, in hexadecimal digits, tells the bodies of one job apart.
const SHORT_DIGEST_LENGTH: usize = 16;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An event as the function makes it, with what SQS wants to know of its job.
#[derive(Debug)]
pub struct Outgoing<'t, 'a> {
    /// The message.
    pub(crate) event: Event<'t, Detail<'t, 'a>>,
    /// The job's bucket: the input's, else the one that it writes to.
    pub(crate) bucket: Option<Cow<'t, str>>,
    /// The job's region, found like the bucket.
    pub(crate) region: Option<Cow<'t, str>>,
}

impl<'t, 'a> Outgoing<'t, 'a> {
    /// The events of a callback, a job each, made one by one as they are asked for: a body may hold
    /// thousands of jobs, and the messages together are larger than it.
    pub fn all(callback: &'t Callback<'a>) -> impl ExactSizeIterator<Item = Self> {
        let jobs = callback.jobs.iter().enumerate();
        jobs.map(|(index, job)| {
            let (record, home) = normalize::record(callback, job, index);
            Self::of(record, home)
        })
    }

    fn of(record: Record<'t, Detail<'t, 'a>>, home: BucketRef<'t>) -> Self {
        let input = &record.input;
        let read = BucketRef {
            bucket: input.bucket.clone(),
            region: input.region.clone(),
        };
        let is_known = read.bucket.is_some() || home.bucket.is_none();
        let BucketRef { bucket, region } = if is_known {
            read.or(&home)
        } else {
            home.or(&read)
        };
        let source = match (&bucket, &region) {
            (Some(bucket), Some(region)) => format!(
                "//{}.ci.{}.myqcloud.com",
                utf8_percent_encode(bucket, UNRESERVED),
                utf8_percent_encode(region, UNRESERVED)
            ),
            _ => "//ci.myqcloud.com".to_owned(),
        };
        let subject = input.object.clone().or_else(|| input.url.clone());
        let time = record
            .ended_at
            .clone()
            .or_else(|| record.created_at.clone());
        let mut event = Event::new(id(&record), source, record);
        event.subject = subject;
        event.time = time;
        Self {
            event,
            bucket,
            region,
        }
    }
}

/// Returns the events of a callback, a job each, made one by one.
pub fn events<'t, 'a: 't>(
    callback: &'t Callback<'a>,
) -> impl ExactSizeIterator<Item = Event<'t, Detail<'t, 'a>>> {
    Outgoing::all(callback).map(|outgoing| outgoing.event)
}

/// Returns the message's body, in characters that SQS takes.
pub fn to_json(event: &Event<'_, Detail<'_, '_>>) -> String {
    legal(serde_json::to_string(event).expect(SERIALIZES))
}

/// Returns the same for people: indented.
pub fn to_pretty_json(event: &Event<'_, Detail<'_, '_>>) -> String {
    legal(serde_json::to_string_pretty(event).expect(SERIALIZES))
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

fn id(record: &Record<'_, Detail<'_, '_>>) -> String {
    let state = record.state.as_deref().unwrap_or("unknown");
    let id = match (record.job_id.as_deref(), &record.family) {
        (None, _) => return hex::encode(detail_digest(record)),
        // One job of these may send several bodies.
        (Some(job), Family::Moderation | Family::Unknown(_)) => {
            let digest = hex::encode(detail_digest(record));
            format!("{job}:{state}:{}", &digest[..SHORT_DIGEST_LENGTH])
        }
        (Some(job), _) => format!("{job}:{state}"),
    };
    let is_legal = id.len() <= MAX_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_legal { id } else { sha256_hex(&id) }
}

fn detail_digest(record: &Record<'_, Detail<'_, '_>>) -> [u8; 32] {
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
