//! Lists, reads and moves the objects of the vault.

use std::{collections::HashMap, fmt};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
};
use bytes::Bytes;
use cloud_infinite_callback::{
    aws,
    vault::{RequestMetadata, VaultError},
};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are not encoded in the source of a copy.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// An object of the vault, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its key.
    pub(crate) key: String,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// When it was stored.
    pub(crate) kept_at: Timestamp,
}

/// The metadata of an object.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// Why it was stored.
    pub(crate) reason: String,
    /// The facts of its request.
    pub(crate) receipt: RequestMetadata,
}

impl About {
    fn new(metadata: Option<&HashMap<String, String>>, content_type: Option<&str>) -> Self {
        let metadata = |name: &str| {
            let value = metadata.and_then(|metadata| metadata.get(name));
            value.cloned().unwrap_or_default()
        };
        Self {
            reason: metadata("reason"),
            receipt: RequestMetadata {
                request_id: metadata("request-id"),
                received_at: metadata("received-at").parse().unwrap_or_default(),
                content_type: content_type.unwrap_or_default().to_owned(),
                content_encoding: Some(metadata("content-encoding"))
                    .filter(|encoding| !encoding.is_empty()),
            },
        }
    }
}

/// The vault, for operators.
pub(crate) struct VaultAdmin {
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

impl VaultAdmin {
    /// Returns at most `limit` objects whose keys begin with `prefix`, sorted by key. Skips the empty
    /// objects that tools create as folders.
    ///
    /// # Errors
    /// Returns [`VaultError`] if the call fails.
    pub(crate) async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<Entry>, VaultError> {
        let mut entries = Vec::new();
        let mut pages = self
            .client
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

    /// Returns the metadata of one object.
    ///
    /// # Errors
    /// Returns [`VaultError`] if the call fails.
    pub(crate) async fn about(&self, key: &str) -> Result<About, VaultError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key);
        let object = request.send().await.map_err(failed)?;
        Ok(About::new(object.metadata(), object.content_type()))
    }

    /// Returns the body of one object, as the vendor sent it, and its metadata.
    ///
    /// # Errors
    /// Returns [`VaultError`] if the call fails.
    pub(crate) async fn get(&self, key: &str) -> Result<(Bytes, About), VaultError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let object = request.send().await.map_err(failed)?;
        let about = About::new(object.metadata(), object.content_type());
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| VaultError(error.to_string()))?;
        Ok((body.into_bytes(), about))
    }

    /// Moves an object to `replayed/<key>`. It is deleted only after the copy exists: if a call fails, the
    /// object is in at least one of the two places.
    ///
    /// # Errors
    /// Returns [`VaultError`] if S3 does not copy it, or does not delete it.
    pub(crate) async fn move_to_replayed(&self, key: &str) -> Result<(), VaultError> {
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(key, KEY));
        let copy = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(source)
            .key(format!("replayed/{key}"))
            .send()
            .await
            .map_err(failed)?;
        // A server that is not S3 may return 200 for anything.
        if copy.copy_object_result().is_none() {
            return Err(VaultError(
                "expected the copy's result, but the answer has none".to_owned(),
            ));
        }
        self.client
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
    VaultError(aws::describe(&error))
}
