//! Formats log lines as JSON objects: `timestamp`, `level`, `message`, each field under its name, `target`.
//!
//! The JSON format of `tracing-subscriber` cannot write an array.

use std::{borrow::Cow, fmt};

use serde::Serializer;
use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// The field whose value is a JSON array.
const ARRAY: &str = "event.ids";

/// Serializes texts as the value of [`ARRAY`].
pub(super) fn array<'i>(texts: impl Iterator<Item = Cow<'i, str>>) -> String {
    Value::from_iter(texts).to_string()
}

/// Writes an event as a line of JSON.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut fields = LogFields(Vec::new());
        fields.set("timestamp", timestamp);
        fields.set("level", event.metadata().level().as_str());
        event.record(&mut fields);
        fields.set("target", event.metadata().target());
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut line);
        let written = serializer.collect_map(fields.0);
        let line = written.ok().and_then(|()| String::from_utf8(line).ok());
        writeln!(writer, "{}", line.ok_or(fmt::Error)?)
    }
}

/// The fields of a log line, in order.
struct LogFields(Vec<(&'static str, Value)>);

impl LogFields {
    fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }
}

impl Visit for LogFields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        let value = match field.name() {
            ARRAY => serde_json::from_str(&text).unwrap_or_else(|_| text.into()),
            _ => Value::String(text),
        };
        self.set(field.name(), value);
    }
}
