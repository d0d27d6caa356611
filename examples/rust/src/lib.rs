//! What both workers do with a message: print what a finished job made.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::{Builder, tls};
use cloud_infinite_job_record::Event;

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
        let expect = |name| attribute(name).ok_or_else(|| format!("expected an attribute {name}"));
        // What nobody wants need not be parsed.
        let is_wanted = matches!(expect("family")?, "task" | "workflow")
            && matches!(expect("outcome")?, "succeeded" | "partial");
        if !is_wanted {
            return Ok(());
        }
        let event = self.read(body).await?;
        if !self.done.lock().expect("no panic").contains(&event.id) {
            work(&event);
            self.done.lock().expect("no panic").insert(event.id);
        }
        Ok(())
    }

    /// The event, fetched from the vault where it was too large for the queue.
    async fn read(&self, body: &str) -> Result<Event<'static>, Error> {
        let place = match serde_json::from_str::<(String, HashMap<String, String>)>(body) {
            Ok((kind, place)) if kind == POINTER => place,
            _ => return Ok(serde_json::from_str(body)?),
        };
        let place = |name| place.get(name).cloned();
        let stored = self.s3.get_object().set_bucket(place("s3BucketName"));
        let stored = stored.set_key(place("s3Key")).send().await?;
        Ok(serde_json::from_slice(
            &stored.body.collect().await?.to_vec(),
        )?)
    }
}

/// What you came for.
fn work(event: &Event<'_>) {
    for output in &event.data.outputs {
        let bucket = output.bucket.as_deref().unwrap_or("?");
        println!("{}: {bucket}/{}", event.id, output.object);
    }
}
