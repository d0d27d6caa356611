//! Wraps a job record in a CloudEvents envelope: its id, source and type.

use std::{borrow::Cow, collections::HashMap};

use cloud_infinite_job_record::{Event, Family, Record};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::{
    callback::Callback,
    normalize::{Detail, Job},
};

/// The longest id, in characters: the limit of SQS for deduplication and group ids. Tencent's job ids have at
/// most 38.
pub const MAX_ID_LENGTH: usize = 128;

/// The length of a digest in an id, or in the log instead of an id, in hexadecimal digits.
const SHORT_DIGEST_LENGTH: usize = 16;

/// The unreserved characters of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An event with its routing: the job's bucket and region.
#[derive(Debug)]
pub struct JobEvent<'t> {
    /// The event.
    pub(crate) event: Event<'t, Detail<'t>>,
    /// The job's bucket.
    pub(crate) bucket: Option<Cow<'t, str>>,
    /// The job's region.
    pub(crate) region: Option<Cow<'t, str>>,
}

/// Returns the events of a callback, one for each job. They are created lazily: a body may contain thousands
/// of jobs, whose messages together are larger than the body.
pub fn job_events<'t>(callback: &'t Callback<'t>) -> impl ExactSizeIterator<Item = JobEvent<'t>> {
    let mut ids = UniqueIds::default();
    let count = callback.jobs.len();
    (0..count).map(move |index| {
        let mut job_event = JobEvent::new(Job::new(callback, index));
        if count > 1 {
            ids.make_unique(&mut job_event.event, || callback.path(index));
        }
        job_event
    })
}

impl<'t> JobEvent<'t> {
    fn new(job: Job<'t>) -> Self {
        let Job {
            record,
            bucket,
            region,
        } = job;
        let source = match (&bucket, &region) {
            (Some(bucket), Some(region)) => format!(
                "//{}.ci.{}.myqcloud.com",
                utf8_percent_encode(bucket, UNRESERVED),
                utf8_percent_encode(region, UNRESERVED)
            ),
            _ => "//ci.myqcloud.com".to_owned(),
        };
        let input = &record.input;
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

/// Returns the events of a callback without their routing.
pub fn events<'t>(
    callback: &'t Callback<'t>,
) -> impl ExactSizeIterator<Item = Event<'t, Detail<'t>>> {
    job_events(callback).map(|job_event| job_event.event)
}

/// Serializes an event as the body of a message: JSON in characters that SQS accepts.
pub fn to_json(event: &Event<'_, Detail<'_>>) -> String {
    escape_for_sqs(serde_json::to_string(event).expect(SERIALIZES))
}

/// Serializes an event like [`to_json`], but indented.
pub fn to_pretty_json(event: &Event<'_, Detail<'_>>) -> String {
    escape_for_sqs(serde_json::to_string_pretty(event).expect(SERIALIZES))
}

/// Why serializing cannot fail.
const SERIALIZES: &str = "all keys of a record are text, and writing to memory does not fail";

/// Escapes the two characters that JSON allows but SQS rejects. They occur only in strings, where escapes are
/// equivalent.
fn escape_for_sqs(json: String) -> String {
    // Searching for a single character is vectorized.
    if json.contains('\u{FFFE}') || json.contains('\u{FFFF}') {
        json.replace('\u{FFFE}', "\\ufffe")
            .replace('\u{FFFF}', "\\uffff")
    } else {
        json
    }
}

/// The ids of the events of one body, each with the digest of its job's `detail`.
#[derive(Default)]
struct UniqueIds(HashMap<String, [u8; 32]>);

impl UniqueIds {
    /// Adds a digest to the id of an event, if an earlier event of the body has that id and another `detail`: a
    /// queue would discard the event as a duplicate.
    fn make_unique(&mut self, event: &mut Event<'_, Detail<'_>>, place: impl Fn() -> String) {
        let digest = detail_digest(&event.data);
        let hex = hex::encode(digest);
        let long = format!("{}:{}", event.id, &hex[..SHORT_DIGEST_LENGTH]);
        let unique = match long.len() <= MAX_ID_LENGTH {
            true => long,
            false => hex.clone(),
        };
        // The last id belongs to a job without an id, so it is unique.
        for id in [event.id.clone(), unique, hex] {
            let owner = self.0.entry(id.clone()).or_insert(digest);
            if *owner == digest {
                if event.id != id {
                    event.data.warnings.push(format!(
                        "{}: an earlier job of this body has the same id; a digest was added to the id of \
                         this event",
                        place()
                    ));
                }
                event.id = id;
                return;
            }
        }
    }
}

fn id(record: &Record<'_, Detail<'_>>) -> String {
    let state = record.state.as_deref().unwrap_or("unknown");
    let id = match (record.job_id.as_deref(), &record.family) {
        (None, _) => return hex::encode(detail_digest(record)),
        // Tencent may send several bodies for one of these jobs.
        (Some(job), Family::Moderation | Family::Unknown(_)) => {
            let digest = hex::encode(detail_digest(record));
            format!("{job}:{state}:{}", &digest[..SHORT_DIGEST_LENGTH])
        }
        (Some(job), _) => format!("{job}:{state}"),
    };
    id_for_sqs(id)
}

/// Returns an id, or its SHA-256 in hexadecimal digits if SQS refuses it as a deduplication or group id.
pub(crate) fn id_for_sqs(id: String) -> String {
    if id.len() <= MAX_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        id
    } else {
        hex::encode(Sha256::digest(id))
    }
}

/// Returns an id of a job or an event as the log contains it: as it is, if it consists of ASCII letters, digits,
/// `.`, `_`, `-` and `:`, else `sha256:` and the beginning of its digest. Tencent's ids can be any text, such as a
/// signed URL or control characters.
pub fn loggable_id(id: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if id.len() <= MAX_ID_LENGTH && id.bytes().all(is_plain) {
        return Cow::Borrowed(id);
    }
    let digest = hex::encode(Sha256::digest(id));
    Cow::Owned(format!("sha256:{}", &digest[..SHORT_DIGEST_LENGTH]))
}

fn detail_digest(record: &Record<'_, Detail<'_>>) -> [u8; 32] {
    let detail = serde_json::to_vec(&record.detail).expect(SERIALIZES);
    Sha256::digest(detail).into()
}
