//! Which events were published: the ids in the `published` lines of the function's log group, and lines
//! of the same form for what is published here.

use std::collections::HashSet;

use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::InputLogEvent,
};
use clap::{Args, builder::NonEmptyStringValueParser};
use cloud_infinite_callback::aws;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::{Failure, answered_job::AnsweredJob, random};

/// Selects the `published` lines. Each line is checked again after parsing.
const FILTER: &str = r#"{ $.message = "published" }"#;

/// How far apart clocks may be, so that a line may be earlier than what was read before it. The vendor
/// refuses requests with a larger difference.
pub(crate) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The maximum number of ids in a line, as in the function's lines. With the longest ids it has 13 KB.
const MAX_IDS: usize = 100;

/// Where a command writes what it has published.
#[derive(Args)]
pub(crate) struct LogArguments {
    /// The function's log group: records what is published, so that reconcile does not publish it again
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    log_group: Option<String>,
}

impl LogArguments {
    /// Returns the log with a new stream, if one was named.
    ///
    /// # Errors
    /// If the stream cannot be created.
    pub(crate) async fn open(
        &self,
        client: impl FnOnce() -> Client,
        command: &str,
    ) -> Result<Option<EventLog>, Failure> {
        let Some(group) = &self.log_group else {
            return Ok(None);
        };
        let mut log = EventLog::new(client(), group.clone(), command)?;
        log.create_stream().await.map_err(Failure)?;
        Ok(Some(log))
    }
}

/// A `published` line of the log, of the function's or of [`EventLog::add`].
#[derive(Deserialize)]
struct Line {
    message: String,
    #[serde(rename = "event.ids", default)]
    ids: Vec<Value>,
    /// How many events there were, if these are more than the ids.
    #[serde(rename = "event.count")]
    count: Option<Value>,
}

/// The events in the function's log, and a log stream for the events that this program publishes.
pub(crate) struct EventLog {
    client: Client,
    group: String,
    /// The stream's name. It is created when something is to be published.
    stream: String,
    has_stream: bool,
    ids: HashSet<String>,
    is_truncated: bool,
    /// The part of the log that has been read.
    from: Option<Timestamp>,
    until: Timestamp,
}

impl EventLog {
    /// Creates the log for a command. Reads nothing yet.
    ///
    /// # Errors
    /// If the system has no random bits.
    pub(crate) fn new(client: Client, group: String, command: &str) -> Result<Self, Failure> {
        Ok(Self {
            client,
            group,
            stream: format!("callbackctl/{command}/{}", random::run_name()?),
            has_stream: false,
            ids: HashSet::new(),
            is_truncated: false,
            from: None,
            until: Timestamp::now(),
        })
    }

    /// Returns whether no event was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns whether a line does not list all of its events, as the function does with callbacks of
    /// more than a hundred jobs.
    pub(crate) fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Returns whether a callback of this job was received, or its event published here.
    pub(crate) fn has(&self, job: &AnsweredJob) -> bool {
        job.received_ids().any(|id| self.ids.contains(id))
    }

    /// Reads the log since `from`, unless that is done.
    pub(crate) async fn read_since(&mut self, from: Timestamp) -> Result<(), String> {
        if self.from.is_none_or(|read| from < read) {
            self.read_lines(from, self.from).await?;
            self.from = Some(from);
        }
        Ok(())
    }

    /// Reads what was written since the last time.
    pub(crate) async fn refresh(&mut self) -> Result<(), String> {
        let now = Timestamp::now();
        self.read_lines(self.until - CLOCK_SKEW, None).await?;
        self.until = now;
        Ok(())
    }

    /// Creates the stream, unless it exists. Must be called before anything is published: without a stream,
    /// published events cannot be recorded.
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
        for ids in ids.chunks(MAX_IDS) {
            self.add_line(ids).await?;
        }
        Ok(())
    }

    async fn add_line(&self, ids: &[String]) -> Result<(), String> {
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
                // One that is invalid does not make the others so.
                let count = line.count.and_then(|count| count.as_u64());
                self.is_truncated |= count.is_some_and(|count| count > line.ids.len() as u64);
                let ids = line.ids.iter().filter_map(Value::as_str);
                self.ids.extend(ids.map(str::to_owned));
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
