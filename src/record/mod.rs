//! What a message says of a job: the types that the function writes and that workers read.
//!
//! ```
//! use cloud_infinite_callback::record::{Event, Outcome};
//!
//! # let body = include_str!("../../tests/cases/ok_task_transcode.expected.json");
//! let event: Event = serde_json::from_str(body)?;
//! if event.data.outcome == Outcome::Succeeded {
//!     for output in &event.data.outputs {
//!         println!("{}", output.object);
//!     }
//! }
//! # assert_eq!(event.data.outputs.len(), 1);
//! # Ok::<_, serde_json::Error>(())
//! ```
//!
//! `Event<'static>` and `Record<'static>` own their texts. The type parameter is what `detail` is
//! read into: `Box<RawValue>` keeps it as it stands, digits and all; `serde_json::Value` is a tree;
//! a type of your own has the fields that you want. `{:?}` prints all that was read, and `detail`
//! may hold secrets: do not log it.
//!
//! With the feature `types` alone the library has nothing but these, and needs serde and
//! serde_json only. Fields and words that a later writer of version 1 adds do not stop a reader:
//! fields that it does not know are passed over, words are kept in `Unknown`. Another version does.
//!
//! `event` has the envelope, `model` the record, `words` the sets of words in it. `making` is how
//! the function makes a record.

mod event;
#[cfg(feature = "function")]
pub(crate) mod making;
mod model;
#[cfg(feature = "schema")]
mod schema;
mod words;

pub use event::{DataContentType, DataSchema, Event, SCHEMA_VERSION, SpecVersion};
#[cfg(feature = "function")]
pub use making::Detail;
pub use model::{Error, Input, Moderation, Output, Problem, Record, Scene, Task, Workflow};
pub use words::{Family, Forbidden, Outcome, Verdict};
