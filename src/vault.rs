//! Stores bodies and messages that the queue cannot hold in the vault, an S3 bucket.

use std::{fmt, sync::LazyLock, time::Duration};

use aws_sdk_s3::{Client, primitives::ByteStream};
use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    aws,
    retry::{self, Fault, FaultKind, RetryLimit},
};

/// The time for all attempts at one object. With the queue's default budget the total is 4 s. The vendor
/// does not publish its time-out.
pub(crate) const BUDGET: Duration = Duration::from_millis(1500);

/// The longest metadata value, in characters: S3 accepts 2 KB in total.
const MAX_VALUE_LENGTH: usize = 512;

/// The kinds of objects, each with its own key prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Bodies that cannot be read.
    Quarantine,
    /// Bodies that the queue did not accept in time.
    Spill,
    /// Messages over the queue's limit. The queue has pointers to them.
    Oversize,
}

impl Folder {
    /// Returns the first part of the folder's keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Spill => "spill",
            Self::Oversize => "oversize",
        }
    }
}

/// The metadata of a request, which is stored with its body.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The id of the invocation.
    pub request_id: String,
    /// When the request was received.
    pub received_at: Timestamp,
    /// The sender's `Content-Type`.
    pub content_type: String,
    /// The sender's `Content-Encoding`.
    pub content_encoding: Option<String>,
}

/// The bucket for bodies and large messages.
pub struct Vault {
    bucket: String,
    /// The time for all attempts at one object.
    budget: Duration,
    max_attempts: usize,
    /// Created on first use: most instances never need it, and it would lengthen each cold start.
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
}

/// Why an object was not stored, without quoting it.
#[derive(Debug, PartialEq, Eq)]
pub enum VaultError {
    /// No vault is configured.
    NotConfigured,
    /// The error of S3 or of the connection.
    Unavailable(String),
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("no vault is configured"),
            Self::Unavailable(reason) => write!(f, "the vault: {reason}"),
        }
    }
}

/// Creates an S3 client.
pub fn client(sdk_config: &SdkConfig, endpoint: Option<&str>) -> Client {
    let config = aws_sdk_s3::config::Builder::from(sdk_config);
    let config = match endpoint {
        // A custom endpoint may not support virtual-hosted-style requests.
        Some(endpoint) => config.endpoint_url(endpoint).force_path_style(true),
        None => config,
    };
    Client::from_conf(config.build())
}

impl Vault {
    /// Creates a vault in `bucket`. Calls `client` when it first stores an object.
    pub fn new(bucket: String, client: impl FnOnce() -> Client + Send + 'static) -> Self {
        Self {
            bucket,
            budget: BUDGET,
            max_attempts: usize::MAX,
            client: LazyLock::new(Box::new(client)),
        }
    }

    /// Sets the time and the maximum number of attempts for one object.
    #[must_use]
    pub fn with_limits(self, budget: Duration, max_attempts: usize) -> Self {
        Self {
            budget,
            max_attempts,
            ..self
        }
    }

    /// Returns the time for all attempts at one object.
    pub(crate) fn budget(&self) -> Duration {
        self.budget
    }

    /// Returns the name of the bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Stores `content` as `<folder>/YYYY/MM/DD/<name>` and returns its key. The vault is the last resort, so
    /// this retries after any fault until the budget or `deadline` ends.
    ///
    /// # Errors
    /// Returns [`VaultError`] if S3 has not confirmed it by then.
    pub(crate) async fn store(
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
        let limit = RetryLimit {
            deadline: deadline.min(Instant::now() + self.budget),
            attempts: self.max_attempts,
        };
        let mut retries = 0;
        let stored = retry::retry(limit, &mut retries, async || {
            let encoding = receipt.content_encoding.as_deref().map(printable);
            let mut request = self
                .client
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
            // Boxed, like the call to the queue.
            let reason = match Box::pin(request.send()).await {
                // A server that is not S3 may return 200 for anything.
                Ok(response) if response.e_tag().is_some_and(|tag| !tag.is_empty()) => {
                    return Ok(());
                }
                Ok(_) => "the response has no ETag".to_owned(),
                Err(error) => aws::describe(&error),
            };
            Err(Fault {
                reason,
                kind: FaultKind::Transient,
            })
        });
        match stored.await {
            Ok(()) => Ok(key),
            Err(fault) => Err(VaultError::Unavailable(fault.reason)),
        }
    }
}

/// Sanitizes the value of a header: S3 accepts ASCII without control characters.
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
