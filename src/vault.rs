//! Stores bodies and messages that the queue cannot hold in the vault, an S3 bucket.

use std::{fmt, sync::LazyLock, time::Duration};

use aws_sdk_s3::{
    Client, operation::put_object::builders::PutObjectFluentBuilder, primitives::ByteStream,
};
use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    aws,
    retry::{self, Fault, FaultKind},
};

/// The time for all attempts at one body, and at all oversize messages of a body together. In the worst case, a
/// callback uses this time twice, in addition to the budget of the queue.
pub(crate) const BUDGET: Duration = Duration::from_millis(1500);

/// The longest metadata value, in characters: S3 accepts 2 KB in total.
const MAX_VALUE_LENGTH: usize = 512;

/// The kinds of objects, each with its own key prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPrefix {
    /// Bodies that are unreadable, or during which the receiver panicked.
    Quarantine,
    /// Bodies whose jobs are not all on the queue.
    Spill,
    /// Messages over the queue's limit. The queue receives pointers to them.
    Oversize,
}

impl KeyPrefix {
    /// Returns the first part of the keys.
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
pub struct RequestMetadata {
    /// The id of the invocation.
    pub request_id: String,
    /// When the request was received.
    pub received_at: Timestamp,
    /// The sender's `Content-Type`.
    pub content_type: String,
    /// The sender's `Content-Encoding`.
    pub content_encoding: Option<String>,
}

/// An object to store.
pub(crate) struct NewObject<'o> {
    pub(crate) prefix: KeyPrefix,
    /// The last part of its key.
    pub(crate) name: &'o str,
    pub(crate) content: Bytes,
    /// Why the object is stored, without quoting the object.
    pub(crate) reason: &'o str,
    pub(crate) request: &'o RequestMetadata,
}

/// The bucket for bodies and large messages.
pub struct Vault {
    bucket: String,
    /// The time for all attempts at one body, and at all oversize messages of a body together.
    budget: Duration,
    /// Created on first use, because most instances never need it, and creating it would extend each cold
    /// start.
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
}

/// An error of S3 or of the connection. Its text never contains the object.
#[derive(Debug, PartialEq, Eq)]
pub struct VaultError(pub String);

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the vault: {}", self.0)
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
            client: LazyLock::new(Box::new(client)),
        }
    }

    /// Sets the time for all attempts: see `BUDGET`.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// Returns the time for all attempts.
    pub(crate) fn budget(&self) -> Duration {
        self.budget
    }

    /// Returns the name of the bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Stores an object as `<prefix>/YYYY/MM/DD/<name>` and returns its key. The vault is the last resort, so
    /// this retries after any fault until the budget or `deadline` ends.
    ///
    /// # Errors
    /// Returns [`VaultError`] if S3 has not confirmed it by then.
    pub(crate) async fn store(
        &self,
        object: NewObject<'_>,
        deadline: Instant,
    ) -> Result<String, VaultError> {
        let day = object.request.received_at.strftime("%Y/%m/%d");
        let key = format!("{}/{day}/{}", object.prefix.as_str(), object.name);
        let deadline = deadline.min(Instant::now() + self.budget);
        let stored = retry::retry(deadline, async || {
            // Boxed, like the call to the queue.
            let reason = match Box::pin(self.put(&key, &object).send()).await {
                // A server other than S3 may return 200 for any request.
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
        match stored.await.result {
            Ok(()) => Ok(key),
            Err(fault) => Err(VaultError(fault.reason)),
        }
    }

    fn put(&self, key: &str, object: &NewObject<'_>) -> PutObjectFluentBuilder {
        let NewObject {
            content,
            reason,
            request,
            ..
        } = object;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(ByteStream::from(content.clone()))
            .content_type(printable(&request.content_type))
            .metadata("reason", printable(reason))
            .metadata("received-at", request.received_at.to_string())
            .metadata("request-id", printable(&request.request_id));
        match &request.content_encoding {
            Some(encoding) => put.metadata("content-encoding", printable(encoding)),
            None => put,
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
