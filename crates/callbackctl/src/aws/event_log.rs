//! Reads the ids of published events from the function's log group, and records the events that `callbackctl`
//! publishes.

use std::{collections::HashSet, fmt, time::Duration};

use anyhow::{anyhow, bail};
use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::InputLogEvent,
};
use clap::{Args, builder::NonEmptyStringValueParser};
use cloud_infinite_callback::{aws, event::loggable_id, telemetry::MAX_EVENT_IDS};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::Clients;
use crate::random;

/// Selects the `published` lines. Each line is checked again after parsing.
const FILTER: &str = r#"{ $.message = "published" }"#;

/// The overlap of consecutive reads: clocks differ, and CloudWatch makes a line available after some seconds.
const MAX_DELAY: SignedDuration = SignedDuration::from_mins(1);

/// The minimum interval between two reads of new lines.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// The log group in which a command records what it published.
#[derive(Args)]
pub(crate) struct LogArgs {
    /// The function's log group. Published jobs are recorded in it, so that reconcile skips them
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    log_group: Option<String>,
}

impl LogArgs {
    /// Opens the log group and creates a log stream in it. Returns `None` if no log group is set.
    ///
    /// # Errors
    /// Returns an error if the log stream cannot be created.
    pub(crate) async fn open(
        &self,
        clients: &Clients,
        command: &str,
    ) -> anyhow::Result<Option<EventLog>> {
        let Some(group) = &self.log_group else {
            return Ok(None);
        };
        let mut log = EventLog::new(clients, group, command)?;
        log.create_stream().await?;
        Ok(Some(log))
    }
}

/// A `published` line of the log, written by the function or by [`EventLog::add`].
#[derive(Deserialize)]
struct Line {
    message: String,
    #[serde(rename = "event.ids", default)]
    ids: Vec<Value>,
}

/// The published events in the function's log group, and a log stream for new ones.
pub(crate) struct EventLog {
    client: Client,
    group: String,
    /// The name of the log stream, which is created before the first event is published.
    stream: String,
    has_stream: bool,
    ids: HashSet<String>,
    /// The time from which the log was read.
    from: Timestamp,
    /// The time up to which the log was read.
    until: Timestamp,
    read_at: Instant,
}

impl EventLog {
    /// Creates the log for a command, without reading it.
    ///
    /// # Errors
    /// Returns an error if the operating system's random number generator fails.
    pub(crate) fn new(clients: &Clients, group: &str, command: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: clients.logs(),
            group: group.to_owned(),
            stream: format!("callbackctl/{command}/{}", random::run_name()?),
            has_stream: false,
            ids: HashSet::new(),
            from: Timestamp::now(),
            until: Timestamp::now(),
            read_at: Instant::now(),
        })
    }

    /// Returns whether the log contains no published events.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns whether an event was published, by the function or by `callbackctl`.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(&*loggable_id(id))
    }

    /// Reads the lines since `from` that have not been read yet.
    ///
    /// # Errors
    /// Returns an error if the log cannot be read.
    pub(crate) async fn read_since(&mut self, from: Timestamp) -> anyhow::Result<()> {
        if from < self.from {
            self.read_lines(from, Some(self.from)).await?;
            self.from = from;
        }
        Ok(())
    }

    /// Reads the new lines, unless the last read was less than [`REFRESH_INTERVAL`] ago.
    ///
    /// # Errors
    /// Returns an error if the log cannot be read.
    pub(crate) async fn refresh(&mut self) -> anyhow::Result<()> {
        if self.read_at.elapsed() >= REFRESH_INTERVAL {
            let now = Timestamp::now();
            self.read_lines(self.until - MAX_DELAY, None).await?;
            self.until = now;
            self.read_at = Instant::now();
        }
        Ok(())
    }

    /// Creates the log stream, unless it exists. Must be called before an event is published, which could not
    /// be recorded otherwise.
    ///
    /// # Errors
    /// Returns an error if the log stream cannot be created.
    pub(crate) async fn create_stream(&mut self) -> anyhow::Result<()> {
        if !self.has_stream {
            let request = self.client.create_log_stream();
            let request = request.log_group_name(&self.group);
            let created = request.log_stream_name(&self.stream).send().await;
            created.map_err(|error| self.failed("create a stream in", &error))?;
            self.has_stream = true;
        }
        Ok(())
    }

    /// Records published events in the format of the function's `published` line.
    ///
    /// # Errors
    /// Returns an error if a line cannot be written. A later reconcile may then publish the events again.
    pub(crate) async fn add(&mut self, ids: &[String]) -> anyhow::Result<()> {
        let ids: Vec<_> = ids.iter().map(|id| loggable_id(id).into_owned()).collect();
        for ids in ids.chunks(MAX_EVENT_IDS) {
            self.write_line(ids).await?;
        }
        self.ids.extend(ids);
        Ok(())
    }

    async fn write_line(&self, ids: &[String]) -> anyhow::Result<()> {
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
        let event = event
            .build()
            .expect("the event has a timestamp and a message");
        let request = self.client.put_log_events();
        let request = request.log_group_name(&self.group);
        let request = request.log_stream_name(&self.stream);
        let written = request.log_events(event).send().await;
        let written = written.map_err(|error| self.failed("write to", &error))?;
        if written.rejected_log_events_info().is_some() {
            bail!(
                "the log group {} rejected a line: check this machine's clock",
                self.group
            );
        }
        Ok(())
    }

    async fn read_lines(
        &mut self,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> anyhow::Result<()> {
        let request = self.client.filter_log_events().log_group_name(&self.group);
        let mut pages = request
            .filter_pattern(FILTER)
            .start_time(from.as_millisecond())
            .set_end_time(until.map(Timestamp::as_millisecond))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("read", &error))?;
            let messages = page.events().iter().filter_map(|event| event.message());
            // Other lines may have any format.
            let lines = messages.filter_map(|line| serde_json::from_str::<Line>(line).ok());
            for line in lines.filter(|line| line.message == "published") {
                // Invalid ids are skipped.
                let ids = line.ids.iter().filter_map(Value::as_str);
                self.ids.extend(ids.map(str::to_owned));
            }
        }
        Ok(())
    }

    fn failed<E, R>(&self, what: &str, error: &SdkError<E, R>) -> anyhow::Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
    {
        let reason = aws::describe(error);
        anyhow!("cannot {what} the log group {}: {reason}", self.group)
    }
}
