//! Processes messages for both workers: prints the outputs, findings and errors of jobs.

use std::{
    collections::{HashMap, HashSet},
    iter,
    sync::Mutex,
};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::{Builder, tls};
use cloud_infinite_job_record::Event;

/// Why a message was not processed. SQS delivers it again.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The first element of a body that refers to a message in the vault.
const POINTER: &str = "software.amazon.payloadoffloading.PayloadS3Pointer";

/// Processes messages, but each `id` only once.
pub struct Worker {
    s3: aws_sdk_s3::Client,
    /// The ids of processed messages. They are lost when this process exits. If a job must not be processed
    /// twice, use a table that all workers share.
    done: Mutex<HashSet<String>>,
}

/// Loads the region and credentials from the usual AWS settings.
pub async fn sdk_config() -> SdkConfig {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(Builder::new().tls_provider(ring).build_https())
        .load()
        .await
}

impl Worker {
    /// Creates a worker without processed messages.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(config),
            done: Mutex::default(),
        }
    }

    /// Processes one message, unless its attribute `outcome` shows that no action is required.
    ///
    /// # Errors
    ///
    /// Returns an error if the message cannot be parsed or processed. Do not delete the message in this case.
    pub async fn take(&self, outcome: Option<&str>, body: &str) -> Result<(), Error> {
        match outcome.ok_or("no attribute outcome")? {
            "succeeded" | "partial" | "failed" => {}
            // Other messages are not parsed.  `pending` is not included: another message follows, with another
            // id.
            _ => return Ok(()),
        }
        let event = self.read(body).await?;
        if !self.done.lock().expect("no panic").contains(&event.id) {
            work(&event);
            self.done.lock().expect("no panic").insert(event.id);
        }
        Ok(())
    }

    /// Returns the event, from the vault if the body is a pointer.
    async fn read(&self, body: &str) -> Result<Event<'static>, Error> {
        let pointer = match serde_json::from_str::<(String, HashMap<String, String>)>(body) {
            Ok((kind, pointer)) if kind == POINTER => pointer,
            _ => return parse(body.as_bytes()),
        };
        let member = |name| pointer.get(name).cloned();
        let stored = self.s3.get_object().set_bucket(member("s3BucketName"));
        let stored = stored.set_key(member("s3Key")).send().await?;
        parse(&stored.body.collect().await?.to_vec())
    }
}

/// Returns an error with its causes, because the SDK's text is only `service error`.
pub fn describe(error: &Error) -> String {
    let causes = iter::successors(Some(&**error as &dyn std::error::Error), |it| it.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

/// Parses a message. The error does not quote the message, which may contain secrets. Another version of the
/// schema is an error.
fn parse(json: &[u8]) -> Result<Event<'static>, Error> {
    serde_json::from_slice(json).map_err(|error| {
        format!("{:?} error at column {}", error.classify(), error.column()).into()
    })
}

/// Escapes control characters, because a key may contain a line feed.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, char| {
        if char.is_control() {
            escaped.extend(char.escape_unicode());
        } else {
            escaped.push(char);
        }
        escaped
    })
}

/// Prints the outcome of the job with its outputs, findings and errors. Replace this function with your code.
pub fn work<D>(event: &Event<'_, D>) {
    let job = &event.data;
    let print = |finding: String| println!("{}", escaped(&format!("{}: {finding}", event.id)));
    let or_unknown = |text: &Option<_>| text.as_deref().unwrap_or("?").to_owned();
    print(format!("outcome {}", job.outcome.as_str()));
    for output in &job.outputs {
        print(format!("{}/{}", or_unknown(&output.bucket), output.object));
    }
    if job
        .inspection
        .as_ref()
        .is_some_and(|found| found.suspicious)
    {
        print("suspicious image".to_owned());
    }
    if let Some(moderation) = &job.moderation {
        print(format!("verdict {}", moderation.verdict.as_str()));
        for scene in &moderation.scenes {
            print(format!("scene {}: {}", scene.name, scene.verdict.as_str()));
        }
    }
    if let Some(error) = &job.error {
        print(format!("failed: {}", or_unknown(&error.code)));
    }
    for problem in &job.problems {
        print(format!(
            "problem {}: {}",
            problem.path,
            or_unknown(&problem.code)
        ));
    }
    for task in &job.tasks {
        if let Some(error) = &task.error {
            let (name, code) = (or_unknown(&task.name), or_unknown(&error.code));
            print(format!("task {name} failed: {code}"));
        }
    }
}
