#![doc = include_str!("../README.md")]
//!
//! `Event<'static>` and `Record<'static>` own their texts. `{:?}` prints the complete event. Do not log it,
//! because `detail` may contain secrets. Deserializing another version of the schema is an error.

// New fields and values must not break the build of a worker.
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod enums;
mod event;
mod record;
#[cfg(feature = "schema")]
mod schema;

pub use enums::{Family, Forbidden, Outcome, Verdict};
pub use event::{DataContentType, DataSchema, Event, SCHEMA_VERSION, SpecVersion};
pub use record::{
    Input, Inspection, JobError, Moderation, Output, Problem, Record, Scene, Task, Workflow,
};
