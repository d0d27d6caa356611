//! The format of times in the schema of messages.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Returns the schema of a time: RFC 3339 in UTC, with whole seconds.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "date-time",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
    })
}
