//! The vault: one S3 bucket for whatever the queue cannot or may not hold.

use std::{collections::HashMap, fmt, sync::OnceLock, time::Duration};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::{ByteStream, DateTime},
};
use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout};

use crate::aws;

/// The time for all attempts at one object. With the queue's default budget that makes 4 s; how
/// long the vendor waits is not published.
pub const BUDGET: Duration = Duration::from_millis(1500);

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
    /// The time for all attempts at one object.
    budget: Duration,
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
            budget: BUDGET,
            client: OnceLock::new(),
        }
    }

    /// Gives an operator's commands the time that people have.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// The time for all attempts at one object.
    pub(crate) fn budget(&self) -> Duration {
        self.budget
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
        let time = self
            .budget
            .min(deadline.saturating_duration_since(Instant::now()));
        let request = self
            .client()
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .body(ByteStream::from(content))
            .content_type(printable(&receipt.content_type))
            .metadata("reason", printable(reason))
            .metadata("received-at", receipt.received_at.to_string())
            .metadata("request-id", printable(&receipt.request_id));
        // Boxed for the same reason as the queue's.
        match timeout(time, Box::pin(request.send())).await {
            Ok(Ok(_)) => Ok(key),
            Ok(Err(error)) => Err(failed(error)),
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
                .retry_partition(aws::retry_partition());
            let config = match self.endpoint.as_deref().or(self.sdk_config.endpoint_url()) {
                // Names of buckets are no hosts at an endpoint of one's own.
                Some(endpoint) => config.endpoint_url(endpoint).force_path_style(true),
                None => config,
            };
            Client::from_conf(config.build())
        })
    }
}

/// An object of the vault as a listing tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was kept.
    pub kept_at: Timestamp,
}

/// What the vault knows of an object beside its body.
#[derive(Clone, Debug)]
pub struct About {
    /// Why it is here.
    pub reason: String,
    /// What was known of its request.
    pub receipt: Receipt,
}

impl About {
    fn of(metadata: Option<&HashMap<String, String>>, content_type: Option<&str>) -> Self {
        let metadata = |name: &str| {
            let value = metadata.and_then(|metadata| metadata.get(name));
            value.cloned().unwrap_or_default()
        };
        Self {
            reason: metadata("reason"),
            receipt: Receipt {
                request_id: metadata("request-id"),
                received_at: metadata("received-at").parse().unwrap_or_default(),
                content_type: content_type.unwrap_or_default().to_owned(),
            },
        }
    }
}

/// What an operator does with the vault.
impl Vault {
    /// The objects whose keys begin with `prefix`, in the order of their keys, at most `limit`.
    ///
    /// # Errors
    /// Where S3 does not list them.
    pub async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<Entry>, NotKept> {
        let mut entries = Vec::new();
        let mut pages = self
            .client()
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page.map_err(failed)?.contents() {
                if entries.len() == limit {
                    return Ok(entries);
                }
                let kept_at = object.last_modified().map_or(0, DateTime::secs);
                entries.push(Entry {
                    key: object.key().unwrap_or_default().to_owned(),
                    bytes: object
                        .size()
                        .and_then(|size| size.try_into().ok())
                        .unwrap_or_default(),
                    kept_at: Timestamp::from_second(kept_at).unwrap_or_default(),
                });
            }
        }
        Ok(entries)
    }

    /// What is known of one object, without its body.
    ///
    /// # Errors
    /// Where S3 does not say.
    pub async fn about(&self, key: &str) -> Result<About, NotKept> {
        let request = self.client().head_object().bucket(&self.bucket).key(key);
        let object = request.send().await.map_err(failed)?;
        Ok(About::of(object.metadata(), object.content_type()))
    }

    /// One object's body, as the vendor sent it, and what is known of it.
    ///
    /// # Errors
    /// Where S3 does not give it.
    pub async fn get(&self, key: &str) -> Result<(Bytes, About), NotKept> {
        let request = self.client().get_object().bucket(&self.bucket).key(key);
        let object = request.send().await.map_err(failed)?;
        let about = About::of(object.metadata(), object.content_type());
        let body = object.body.collect().await.map_err(|error| NotKept {
            reason: error.to_string(),
        })?;
        Ok((body.into_bytes(), about))
    }

    /// Moves an object to `replayed/` and its old key. It is deleted only once the copy is there:
    /// whatever fails, it is in one of both places.
    ///
    /// # Errors
    /// Where S3 does not copy it, or does not delete it.
    pub async fn move_to_replayed(&self, key: &str) -> Result<(), NotKept> {
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(key, KEY));
        self.client()
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(source)
            .key(format!("replayed/{key}"))
            .send()
            .await
            .map_err(failed)?;
        self.client()
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
            .map_err(failed)?;
        Ok(())
    }
}

/// What a copy's source is encoded by: everything but what separates keys' parts.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

fn failed<E, R>(error: SdkError<E, R>) -> NotKept
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    NotKept {
        reason: aws::describe(&error),
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
