//! The vault: one S3 bucket for whatever the queue cannot or may not hold.

use std::{fmt, sync::OnceLock, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    primitives::ByteStream,
};
use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::aws;

/// The time for all attempts at one object. With the queue's default budget that makes 4 s, the
/// longest that the vendor waits for an answer.
pub const BUDGET: Duration = Duration::from_millis(1500);

/// How often a call is tried. The time is bounded by the budget; this bounds the load.
const MAX_ATTEMPTS: u32 = 4;

/// The wait before the first retry, at most: see the queue's.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// A server that has not answered by then is tried again: S3 takes a body of 4 MB in 200 ms.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1000);

/// Within a region a connection takes a millisecond, and a first name look-up some more.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// How much of a reason an object carries, in characters: S3 takes 2 KB of metadata in all.
const MAX_REASON_LENGTH: usize = 512;

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
}

/// Where messages and bodies are kept.
pub struct Vault {
    bucket: String,
    sdk_config: SdkConfig,
    endpoint: Option<String>,
    /// Made when it is first needed: most functions never do, and it costs time at start.
    client: OnceLock<Client>,
}

/// Why something could not be kept, without a word of it.
#[derive(Debug, PartialEq, Eq)]
pub struct NotKept {
    /// What S3 or the way to it said.
    pub reason: String,
}

impl fmt::Display for NotKept {
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
            client: OnceLock::new(),
        }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Keeps `content` as `<folder>/YYYY/MM/DD/<name>` and gives its key. It is tried again until
    /// the budget or `deadline` ends.
    ///
    /// # Errors
    /// Where S3 has not said by then that it has it.
    pub async fn keep(
        &self,
        folder: Folder,
        name: &str,
        content: Bytes,
        reason: &str,
        receipt: &Receipt,
        deadline: Instant,
    ) -> Result<String, NotKept> {
        let day = receipt.received_at.strftime("%Y/%m/%d");
        let key = format!("{}/{day}/{name}", folder.as_str());
        let time = BUDGET.min(deadline.saturating_duration_since(Instant::now()));
        let request = self
            .client()
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .body(ByteStream::from(content))
            .content_type(&receipt.content_type)
            .metadata("reason", printable(reason))
            .metadata("received-at", receipt.received_at.to_string())
            .metadata("request-id", printable(&receipt.request_id));
        match timeout(time, request.send()).await {
            Ok(Ok(_)) => Ok(key),
            Ok(Err(error)) => Err(NotKept {
                reason: aws::describe(&error),
            }),
            Err(_) => Err(NotKept {
                reason: format!(
                    "expected an answer of the vault within {} ms",
                    time.as_millis()
                ),
            }),
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.sdk_config)
                .retry_config(
                    RetryConfig::standard()
                        .with_max_attempts(MAX_ATTEMPTS)
                        .with_initial_backoff(FIRST_BACKOFF),
                )
                .timeout_config(
                    TimeoutConfig::builder()
                        .connect_timeout(CONNECT_TIMEOUT)
                        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                        .build(),
                );
            let config = match &self.endpoint {
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
    let cut = text.chars().take(MAX_REASON_LENGTH);
    cut.map(|character| {
        if is_printable(character) {
            character
        } else {
            '?'
        }
    })
    .collect()
}
