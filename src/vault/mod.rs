//! The vault: one S3 bucket for whatever the queue cannot or may not hold.

#[cfg(feature = "cli")]
mod admin;

use std::{fmt, sync::OnceLock, time::Duration};

use aws_sdk_s3::{Client, primitives::ByteStream};
use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

#[cfg(feature = "cli")]
pub use self::admin::{About, Entry};
use crate::aws::{self, Fault, Limit};

/// The time for all attempts at one object. With the queue's default budget that makes 4 s; how
/// long the vendor waits is not published.
pub(crate) const BUDGET: Duration = Duration::from_millis(1500);

/// How long each value of an object's metadata may be, in characters: S3 takes 2 KB in all.
const MAX_VALUE_LENGTH: usize = 512;

/// What is kept, each kind below a prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Bodies that cannot be read.
    Quarantine,
    /// Bodies that the queue did not take in time.
    Spill,
    /// Messages over the queue's limit, which the queue has pointers to.
    Oversize,
}

impl Folder {
    /// The first part of the keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Spill => "spill",
            Self::Oversize => "oversize",
        }
    }
}

/// What is known of a request beside its body.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// When the request came in.
    pub received_at: Timestamp,
    /// The sender's `Content-Type`.
    pub content_type: String,
    /// The sender's `Content-Encoding`.
    pub content_encoding: Option<String>,
}

/// Where messages and bodies are kept.
pub struct Vault {
    bucket: String,
    sdk_config: SdkConfig,
    endpoint: Option<String>,
    /// The time for all attempts at one object.
    budget: Duration,
    max_tries: usize,
    /// Made when it is first needed: most functions never do, and it costs time at start.
    client: OnceLock<Client>,
}

/// Why something could not be kept, without a word of it.
#[derive(Debug, PartialEq, Eq)]
pub struct VaultError {
    /// What S3 or the way to it said.
    pub reason: String,
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Vault {
    /// A vault in `bucket`; nothing is sent or built yet.
    pub fn new(bucket: String, sdk_config: SdkConfig, endpoint: Option<String>) -> Self {
        Self {
            bucket,
            sdk_config,
            endpoint,
            budget: BUDGET,
            max_tries: usize::MAX,
            client: OnceLock::new(),
        }
    }

    /// The time for all attempts at one object.
    pub(crate) fn budget(&self) -> Duration {
        self.budget
    }

    /// The bucket's name.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Keeps `content` as `<folder>/YYYY/MM/DD/<name>` and returns its key. It is tried again after any
    /// fault until the budget or `deadline` ends: there is no other place for it.
    ///
    /// # Errors
    /// If S3 has not confirmed by then that it has it.
    pub(crate) async fn keep(
        &self,
        folder: Folder,
        name: &str,
        content: Bytes,
        reason: &str,
        receipt: &Receipt,
        deadline: Instant,
    ) -> Result<String, VaultError> {
        let day = receipt.received_at.strftime("%Y/%m/%d");
        let key = format!("{}/{day}/{name}", folder.as_str());
        let limit = Limit {
            deadline: deadline.min(Instant::now() + self.budget),
            tries: self.max_tries,
        };
        let mut retries = 0;
        let kept = aws::retry(limit, &mut retries, async || {
            let encoding = receipt.content_encoding.as_deref().map(printable);
            let mut request = self
                .client()
                .put_object()
                .bucket(&self.bucket)
                .key(&key)
                .body(ByteStream::from(content.clone()))
                .content_type(printable(&receipt.content_type))
                .metadata("reason", printable(reason))
                .metadata("received-at", receipt.received_at.to_string())
                .metadata("request-id", printable(&receipt.request_id));
            if let Some(encoding) = encoding {
                request = request.metadata("content-encoding", encoding);
            }
            // Boxed for the same reason as the queue's.
            let reason = match Box::pin(request.send()).await {
                // A server that is not S3 may answer 200 to anything.
                Ok(answer) if answer.e_tag().is_some_and(|tag| !tag.is_empty()) => return Ok(()),
                Ok(_) => "the answer has no ETag".to_owned(),
                Err(error) => aws::describe(&error),
            };
            Err(Fault {
                reason,
                can_pass: true,
            })
        });
        match kept.await {
            Ok(()) => Ok(key),
            Err(reason) => Err(VaultError { reason }),
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.sdk_config);
            let config = match self.endpoint.as_deref().or(self.sdk_config.endpoint_url()) {
                // Names of buckets are no hosts at an endpoint of one's own.
                Some(endpoint) => config.endpoint_url(endpoint).force_path_style(true),
                None => config,
            };
            Client::from_conf(config.build())
        })
    }
}

/// Text as the value of a header: S3 takes ASCII without control characters.
fn printable(text: &str) -> String {
    let is_printable = |character: char| character == ' ' || character.is_ascii_graphic();
    let cut = text.chars().take(MAX_VALUE_LENGTH);
    cut.map(|character| {
        if is_printable(character) {
            character
        } else {
            '?'
        }
    })
    .collect()
}
