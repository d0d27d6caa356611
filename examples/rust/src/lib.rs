//! What both workers do with a message: print what a finished job made.

use std::{collections::HashSet, sync::Mutex};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::{Builder, tls};
use serde_json::Value;

/// Whatever went wrong with a message: it comes back.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The first element of a body that only says where in the vault the message is.
const POINTER: &str = "software.amazon.payloadoffloading.PayloadS3Pointer";

/// What a worker keeps from one message to the next.
pub struct Worker {
    s3: aws_sdk_s3::Client,
    /// Ids of what is done. They end with this process, and no other knows them: where a job must
    /// not be worked on twice, put a table here that all workers share.
    done: Mutex<HashSet<String>>,
}

/// AWS as its own tools find it.
pub async fn sdk_config() -> SdkConfig {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(Builder::new().tls_provider(ring).build_https())
        .load()
        .await
}

impl Worker {
    /// A worker that has done nothing yet.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(config),
            done: Mutex::default(),
        }
    }

    /// Handles one message, whose attributes `attribute` gives by name.
    ///
    /// # Errors
    ///
    /// If the message cannot be read or worked on. It must come back, and is not taken for done.
    pub async fn take<'a>(
        &self,
        attribute: impl Fn(&str) -> Option<&'a str>,
        body: &str,
    ) -> Result<(), Error> {
        // What nobody wants need not be parsed.
        let is_wanted = matches!(attribute("family"), Some("task" | "workflow"))
            && matches!(attribute("outcome"), Some("succeeded" | "partial"));
        if !is_wanted {
            return Ok(());
        }
        let event = self.read(body).await?;
        let id = event["id"]
            .as_str()
            .ok_or("expected an id, but found none")?;
        if !self.done.lock().expect("no panic").contains(id) {
            work(&event["data"]);
            self.done.lock().expect("no panic").insert(id.to_owned());
        }
        Ok(())
    }

    /// The event, fetched from the vault where it was too large for the queue.
    async fn read(&self, body: &str) -> Result<Value, Error> {
        let event: Value = serde_json::from_str(body)?;
        if event[0] != POINTER {
            return Ok(event);
        }
        let place = |name: &str| event[1][name].as_str().unwrap_or_default();
        let (bucket, key) = (place("s3BucketName"), place("s3Key"));
        let stored = self.s3.get_object().bucket(bucket).key(key).send().await?;
        Ok(serde_json::from_slice(
            &stored.body.collect().await?.to_vec(),
        )?)
    }
}

/// What you came for.
fn work(job: &Value) {
    for output in job["outputs"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        println!(
            "{} {}: {}/{}",
            text(&job["type"]),
            text(&job["jobId"]),
            text(&output["bucket"]),
            text(&output["object"])
        );
    }
}
