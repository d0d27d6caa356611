#![doc = include_str!("../README.md")]
//!
//! `Event<'static>` and `Record<'static>` own their texts. The type parameter is what `detail` is
//! read into: `Box<RawValue>` keeps it as it is, digits and all; `serde_json::Value` is a tree; a
//! custom type has the fields that you want. `{:?}` prints all that was read, and `detail` may hold
//! secrets: do not log it.
//!
//! Fields that a reader does not know are ignored, and words that it does not know are kept in
//! `Unknown`. Another version of the schema is an error.
//!
//! [`event`](Event) has the envelope, [`record`](Record) the job, and `enums` the sets of words.

mod enums;
mod event;
mod record;
#[cfg(feature = "schema")]
mod schema;

pub use enums::{Family, Forbidden, Outcome, Verdict};
pub use event::{DataContentType, DataSchema, Event, SCHEMA_VERSION, SpecVersion};
pub use record::{Error, Input, Moderation, Output, Problem, Record, Scene, Task, Workflow};
