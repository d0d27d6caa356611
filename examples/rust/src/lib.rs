//! What both workers do with a message: print what a job made, found or failed at.

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
        let outcome = attribute("outcome").ok_or("expected an attribute outcome")?;
        // What is not wanted need not be parsed. `pending` is not an end: another message comes,
        // with another id.
        if !matches!(outcome, "succeeded" | "partial" | "failed") {
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

/// Prints what the job made, found, or failed at. Put your own work here.
pub fn work<D>(event: &Event<'_, D>) {
    let (id, job) = (&event.id, &event.data);
    let or_unknown = |text: &Option<_>| text.as_deref().unwrap_or("?").to_owned();
    for output in &job.outputs {
        println!("{id}: {}/{}", or_unknown(&output.bucket), output.object);
    }
    if let Some(moderation) = &job.moderation {
        println!("{id}: verdict {}", moderation.verdict.as_str());
        for scene in &moderation.scenes {
            println!("{id}: scene {}: {}", scene.name, scene.verdict.as_str());
        }
    }
    if let Some(error) = &job.error {
        println!("{id}: failed: {}", or_unknown(&error.code));
    }
    for task in &job.tasks {
        if let Some(error) = &task.error {
            let (name, code) = (or_unknown(&task.name), or_unknown(&error.code));
            println!("{id}: task {name} failed: {code}");
        }
    }
}
