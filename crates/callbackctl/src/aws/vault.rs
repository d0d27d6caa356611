//! The command-line arguments of the vault, and operations on its objects.

use std::collections::HashMap;

use anyhow::{anyhow, ensure};
use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::EncodingType,
};
use bytes::Bytes;
use clap::{Args, builder::NonEmptyStringValueParser};
use cloud_infinite_callback::{aws, vault::RequestMetadata};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::Clients;

/// The prefixes of bodies that can be replayed. Messages on the queue refer to the objects under `oversize/`.
pub(crate) const REPLAYABLE: [&str; 2] = ["quarantine/", "spill/"];

/// The characters of a copy source that are not percent-encoded, besides letters and digits.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// The command-line arguments of the vault.
#[derive(Args)]
pub(crate) struct VaultArgs {
    /// The vault's bucket
    #[arg(long, env = "VAULT_BUCKET", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) vault_bucket: Option<String>,
}

impl VaultArgs {
    /// Opens the vault. The command must require `--vault-bucket`.
    pub(crate) fn open(&self, clients: &Clients) -> VaultBucket {
        VaultBucket {
            client: clients.s3(),
            name: self.vault_bucket.clone().expect("clap requires it"),
        }
    }
}

/// An object in a listing of the vault.
pub(crate) struct VaultObject {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) last_modified: Timestamp,
}

/// The metadata of an object.
pub(crate) struct ObjectMetadata {
    /// Why the object was stored.
    pub(crate) reason: String,
    /// The metadata of the request that delivered it.
    pub(crate) request: RequestMetadata,
}

impl ObjectMetadata {
    fn new(metadata: Option<&HashMap<String, String>>, content_type: Option<&str>) -> Self {
        let metadata = |name: &str| {
            let value = metadata.and_then(|metadata| metadata.get(name));
            value.cloned().unwrap_or_default()
        };
        Self {
            reason: metadata("reason"),
            request: RequestMetadata {
                request_id: metadata("request-id"),
                received_at: metadata("received-at").parse().unwrap_or_default(),
                content_type: content_type.unwrap_or_default().to_owned(),
                content_encoding: Some(metadata("content-encoding"))
                    .filter(|encoding| !encoding.is_empty()),
            },
        }
    }
}

/// The bucket of the vault.
pub(crate) struct VaultBucket {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl VaultBucket {
    /// Returns at most `limit` objects whose keys begin with `prefix`, sorted by key. Skips the empty
    /// objects that tools create as folders.
    ///
    /// # Errors
    /// Returns an error if the S3 request fails.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        limit: usize,
    ) -> anyhow::Result<Vec<VaultObject>> {
        let mut entries = Vec::new();
        // A key may contain characters that XML does not allow.
        let request = self
            .client
            .list_objects_v2()
            .encoding_type(EncodingType::Url);
        let request = request.bucket(&self.name).prefix(prefix);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(&error))?;
            for object in page.contents() {
                let key = object.key().unwrap_or_default();
                let bytes = object
                    .size()
                    .and_then(|size| size.try_into().ok())
                    .unwrap_or(0);
                if key.ends_with('/') && bytes == 0 {
                    continue;
                }
                if entries.len() == limit {
                    return Ok(entries);
                }
                let key = match page.encoding_type() {
                    Some(_) => percent_decode_str(&key.replace('+', " "))
                        .decode_utf8()?
                        .into_owned(),
                    None => key.to_owned(),
                };
                let last_modified = object.last_modified().map_or(0, DateTime::secs);
                entries.push(VaultObject {
                    key,
                    bytes,
                    last_modified: Timestamp::from_second(last_modified)?,
                });
            }
        }
        Ok(entries)
    }

    /// Returns the metadata of an object, or `None` if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the S3 request fails.
    pub(crate) async fn head(&self, key: &str) -> anyhow::Result<Option<ObjectMetadata>> {
        let request = self.client.head_object().bucket(&self.name).key(key);
        let object = unless_gone(request.send().await)?;
        Ok(object.map(|object| ObjectMetadata::new(object.metadata(), object.content_type())))
    }

    /// Returns the original body of an object and its metadata, or `None` if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the S3 request fails.
    pub(crate) async fn get(&self, key: &str) -> anyhow::Result<Option<(Bytes, ObjectMetadata)>> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let Some(object) = unless_gone(request.send().await)? else {
            return Ok(None);
        };
        let metadata = ObjectMetadata::new(object.metadata(), object.content_type());
        let body = object.body.collect().await;
        let body = body.map_err(|error| anyhow!("the vault: {error}"))?;
        Ok(Some((body.into_bytes(), metadata)))
    }

    /// Moves an object to `replayed/<key>`, if it exists. The original is deleted only after it was copied, so
    /// that a failed call never loses the body.
    ///
    /// # Errors
    /// Returns an error if S3 does not copy or does not delete the object.
    pub(crate) async fn move_to_replayed(&self, key: &str) -> anyhow::Result<()> {
        let source = format!("{}/{}", self.name, utf8_percent_encode(key, KEY));
        let copy = self
            .client
            .copy_object()
            .bucket(&self.name)
            .copy_source(source);
        let copy = copy.key(format!("replayed/{key}")).send().await;
        let Some(copy) = unless_gone(copy)? else {
            return Ok(());
        };
        // A server other than S3 may return 200 for any request.
        ensure!(
            copy.copy_object_result().is_some(),
            "the vault: the response has no CopyObjectResult"
        );
        let deletion = self.client.delete_object().bucket(&self.name).key(key);
        deletion.send().await.map_err(|error| failed(&error))?;
        Ok(())
    }
}

/// Returns the response of a call, or `None` if the object does not exist.
fn unless_gone<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> anyhow::Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match result {
        Ok(response) => Ok(Some(response)),
        // The response to HEAD has no body, so it has no error code.
        Err(error) => match error.code() {
            Some("NoSuchKey" | "NotFound") => Ok(None),
            None if error
                .raw_response()
                .is_some_and(|raw| raw.status().as_u16() == 404) =>
            {
                Ok(None)
            }
            _ => Err(failed(&error)),
        },
    }
}

fn failed<E, R>(error: &SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    anyhow!("the vault: {}", aws::describe(error))
}
