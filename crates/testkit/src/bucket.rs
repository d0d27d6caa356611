//! Buckets on MiniStack, one per test.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{BucketLocationConstraint, CreateBucketConfiguration},
};

use crate::ministack::{REGION, sdk_config};

/// A bucket that only one test uses.
pub struct Bucket {
    client: Client,
    pub name: String,
}

/// An object in a bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredObject {
    pub body: Vec<u8>,
    pub content_type: String,
    pub metadata: BTreeMap<String, String>,
}

impl Bucket {
    pub async fn create() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let name = format!("vault-{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let config = aws_sdk_s3::config::Builder::from(&sdk_config()).force_path_style(true);
        let client = Client::from_conf(config.build());
        let region = BucketLocationConstraint::from(REGION);
        let configuration = CreateBucketConfiguration::builder().location_constraint(region);
        client
            .create_bucket()
            .bucket(&name)
            .create_bucket_configuration(configuration.build())
            .send()
            .await
            .expect("MiniStack creates a bucket");
        Self { client, name }
    }

    pub async fn put(&self, key: &str, body: &[u8]) {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(body.to_vec()))
            .content_type("application/xml")
            .metadata("reason", "a test")
            .metadata("received-at", "2024-05-06T01:02:03Z")
            .metadata("request-id", "8f507cfc")
            .send()
            .await
            .expect("MiniStack stores an object");
    }

    /// Returns all objects by key.
    pub async fn objects(&self) -> BTreeMap<String, StoredObject> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .send()
            .await;
        let mut objects = BTreeMap::new();
        for entry in listed.expect("MiniStack lists objects").contents() {
            let key = entry.key().expect("an object has a key").to_owned();
            let object = self
                .client
                .get_object()
                .bucket(&self.name)
                .key(&key)
                .send()
                .await;
            let object = object.expect("MiniStack returns an object");
            let content_type = object.content_type().unwrap_or_default().to_owned();
            let metadata = object
                .metadata()
                .cloned()
                .unwrap_or_default()
                .into_iter()
                .collect();
            let body = object
                .body
                .collect()
                .await
                .expect("MiniStack sends the whole body")
                .to_vec();
            objects.insert(
                key,
                StoredObject {
                    body,
                    content_type,
                    metadata,
                },
            );
        }
        objects
    }
}
