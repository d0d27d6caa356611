//! What an operator does with the vault: look, and move what was replayed.

use std::{collections::HashMap, fmt, time::Duration};

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
};
use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Receipt, Vault, VaultError};
use crate::aws;

/// What of a copy's source is not encoded: letters, digits and these.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

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
                content_encoding: Some(metadata("content-encoding"))
                    .filter(|encoding| !encoding.is_empty()),
            },
        }
    }
}

impl Vault {
    /// Gives each object the time and the tries of an operator's command.
    #[must_use]
    pub fn for_operator(self, budget: Duration) -> Self {
        Self {
            budget,
            max_tries: aws::OPERATOR_TRIES,
            ..self
        }
    }

    /// The objects whose keys begin with `prefix`, in the order of their keys, at most `limit`. Passes
    /// over the empty objects that tools make to show a folder.
    ///
    /// # Errors
    /// Where S3 does not list them.
    pub async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<Entry>, VaultError> {
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
                let key = object.key().unwrap_or_default();
                if key.ends_with('/') && object.size() == Some(0) {
                    continue;
                }
                if entries.len() == limit {
                    return Ok(entries);
                }
                let kept_at = object.last_modified().map_or(0, DateTime::secs);
                entries.push(Entry {
                    key: key.to_owned(),
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
    pub async fn about(&self, key: &str) -> Result<About, VaultError> {
        let request = self.client().head_object().bucket(&self.bucket).key(key);
        let object = request.send().await.map_err(failed)?;
        Ok(About::of(object.metadata(), object.content_type()))
    }

    /// One object's body, as the vendor sent it, and what is known of it.
    ///
    /// # Errors
    /// Where S3 does not give it.
    pub async fn get(&self, key: &str) -> Result<(Bytes, About), VaultError> {
        let request = self.client().get_object().bucket(&self.bucket).key(key);
        let object = request.send().await.map_err(failed)?;
        let about = About::of(object.metadata(), object.content_type());
        let body = object.body.collect().await.map_err(|error| VaultError {
            reason: error.to_string(),
        })?;
        Ok((body.into_bytes(), about))
    }

    /// Moves an object to `replayed/` and its old key. It is deleted only once the copy is there:
    /// whatever fails, it is in one of both places.
    ///
    /// # Errors
    /// Where S3 does not copy it, or does not delete it.
    pub async fn move_to_replayed(&self, key: &str) -> Result<(), VaultError> {
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(key, KEY));
        let copy = self
            .client()
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(source)
            .key(format!("replayed/{key}"))
            .send()
            .await
            .map_err(failed)?;
        // A server that is not S3 may answer 200 to anything.
        if copy.copy_object_result().is_none() {
            return Err(VaultError {
                reason: "expected the copy's result, but the answer has none".to_owned(),
            });
        }
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

fn failed<E, R>(error: SdkError<E, R>) -> VaultError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    VaultError {
        reason: aws::describe(&error),
    }
}
