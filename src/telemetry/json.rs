//! Formats log lines as JSON objects: `timestamp`, `level`, `message`, each field under its name, `target`.
//!
//! The JSON format of `tracing-subscriber` cannot write an array.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
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

/// The field whose value is already JSON: an array.
const ARRAY: &str = "event.ids";

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
        let mut line = Vec::with_capacity(1024);
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut fields = JsonFields(serializer.serialize_map(None).map_err(|_| fmt::Error)?);
        fields.add("timestamp", &timestamp);
        fields.add("level", event.metadata().level().as_str());
        event.record(&mut fields);
        fields.add("target", event.metadata().target());
        fields.0.end().map_err(|_| fmt::Error)?;
        writeln!(writer, "{}", String::from_utf8_lossy(&line))
    }
}

/// Serializes the fields of a log line.
struct JsonFields<M>(M);

impl<M: SerializeMap> JsonFields<M> {
    fn add(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let added = self.0.serialize_entry(name, value);
        debug_assert!(added.is_ok(), "writing to memory does not fail");
    }
}

impl<M: SerializeMap> Visit for JsonFields<M> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() != ARRAY {
            return self.add(field.name(), &text);
        }
        let array = RawValue::from_string(text);
        self.add(ARRAY, &array.unwrap_or_default());
    }
}
