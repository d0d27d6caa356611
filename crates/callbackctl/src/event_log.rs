//! Which events were received: the ids in the `published` lines of the function's log.

use std::collections::HashSet;

use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::InputLogEvent,
};
use cloud_infinite_callback::aws;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{Failure, sender::run_name};

/// The lines of interest. Each is looked at again here.
const FILTER: &str = r#"{ $.message = "published" }"#;

/// How much earlier than its own time a line may have come in, or this machine's clock may be late.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);

/// A `published` line of the log, of the function's or of [`Received::add`].
#[derive(Deserialize)]
struct Line {
    message: String,
    #[serde(rename = "event.ids", default)]
    ids: Vec<String>,
}

/// The events that the log has, and a stream of it for those that are published here.
pub(crate) struct Received {
    client: Client,
    group: String,
    /// The stream's name; it is created with the first line.
    stream: String,
    has_stream: bool,
    ids: HashSet<String>,
    /// The part of the log that has been read.
    from: Timestamp,
    until: Timestamp,
}

impl Received {
    /// Reads the log since `from`.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(crate) async fn read(
        client: Client,
        group: String,
        from: Timestamp,
    ) -> Result<Self, Failure> {
        let mut received = Self {
            client,
            group,
            stream: format!("callbackctl/reconcile/{}", run_name()?),
            has_stream: false,
            ids: HashSet::new(),
            from,
            until: Timestamp::now(),
        };
        let read = received.read_lines(from, None).await;
        read.map_err(Failure)?;
        Ok(received)
    }

    /// Returns whether the log has no event at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns whether the event with this id was received.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Reads an earlier part of the log as well, unless that is done.
    pub(crate) async fn read_since(&mut self, from: Timestamp) -> Result<(), String> {
        if from < self.from {
            self.read_lines(from, Some(self.from)).await?;
            self.from = from;
        }
        Ok(())
    }

    /// Reads what was written since the last time.
    pub(crate) async fn refresh(&mut self) -> Result<(), String> {
        let now = Timestamp::now();
        self.read_lines(self.until - OVERLAP, None).await?;
        self.until = now;
        Ok(())
    }

    /// Creates the stream, so that what is published can be written down.
    pub(crate) async fn create_stream(&mut self) -> Result<(), String> {
        if !self.has_stream {
            let request = self.client.create_log_stream();
            let request = request.log_group_name(&self.group);
            let created = request.log_stream_name(&self.stream).send().await;
            created.map_err(|error| self.failed("create a stream in", &error))?;
            self.has_stream = true;
        }
        Ok(())
    }

    /// Writes down events that were published here, in the form of the function's own line.
    pub(crate) async fn add(&mut self, ids: &[String]) -> Result<(), String> {
        self.ids.extend(ids.iter().cloned());
        let now = Timestamp::now();
        let line = serde_json::json!({
            "timestamp": now.to_string(),
            "level": "INFO",
            "message": "published",
            "event.ids": ids,
            "target": "callbackctl",
        });
        let event = InputLogEvent::builder()
            .timestamp(now.as_millisecond())
            .message(line.to_string());
        let event = event.build().expect("it has a time and a message");
        let request = self.client.put_log_events();
        let request = request.log_group_name(&self.group);
        let request = request.log_stream_name(&self.stream);
        let written = request.log_events(event).send().await;
        let written = written.map_err(|error| self.failed("write into", &error))?;
        match written.rejected_log_events_info() {
            None => Ok(()),
            Some(_) => Err(format!(
                "{} rejected a line: see this machine's clock",
                self.name()
            )),
        }
    }

    async fn read_lines(
        &mut self,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<(), String> {
        let mut token = None;
        let mut tokens = HashSet::new();
        loop {
            let request = self.client.filter_log_events();
            let page = request
                .log_group_name(&self.group)
                .filter_pattern(FILTER)
                .start_time(from.as_millisecond())
                .set_end_time(until.map(Timestamp::as_millisecond))
                .set_next_token(token.clone())
                .send()
                .await;
            let page = page.map_err(|error| self.failed("read", &error))?;
            let messages = page.events().iter().filter_map(|event| event.message());
            // Any other line of the log may look like anything.
            let lines = messages.filter_map(|line| serde_json::from_str::<Line>(line).ok());
            for line in lines.filter(|line| line.message == "published") {
                self.ids.extend(line.ids);
            }
            match page.next_token {
                None => return Ok(()),
                Some(next) if !tokens.insert(next.clone()) => {
                    return Err(format!("{} does not end: its pages repeat", self.name()));
                }
                next => token = next,
            }
        }
    }

    fn name(&self) -> String {
        format!("the log group {}", self.group)
    }

    fn failed<E, R>(&self, what: &str, error: &SdkError<E, R>) -> String
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let reason = aws::describe(error);
        format!("cannot {what} {}: {reason}", self.name())
    }
}
