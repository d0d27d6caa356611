//! request → limit → authenticate → decode → read → normalize → publish → respond
//!
//! One Lambda function behind a function URL takes the callbacks of Tencent Cloud's Cloud Infinite
//! and puts one job record a message onto SQS. In the order in which a request meets them:
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | reads the environment, once |
//! | [`handler`] | one request to its answer: the order of the work |
//! | [`auth`] | lets in who carries a token |
//! | [`body`] | bytes to text, and its format |
//! | [`callback`] | XML or JSON to one tree; which family it is, and its jobs |
//! | `vocabulary` | the vendor names that are lists, numbers, booleans |
//! | [`record`] | what messages say, and a job to its record, a file a family |
//! | [`event`] | the record to its event |
//! | `aws` | how AWS is reached |
//! | `message` | the event with what SQS wants beside it |
//! | [`publish`] | messages to batches, within their time |
//! | [`queue`] | batches onto SQS |
//! | [`vault`] | what the queue cannot hold, into S3 |
//! | `outcome` | what became of the request: status, body, log, metric |
//! | [`telemetry`] | the log, and what is measured |
//! | `metrics` | metrics as CloudWatch reads them off the log |
//!
//! From `body` to `event` everything is pure: no clock, no I/O.
//!
//! A worker in Rust needs [`record`] only: the feature `types` without the default ones.

#[cfg(feature = "function")]
pub mod auth;
#[cfg(feature = "function")]
mod aws;
#[cfg(feature = "function")]
pub mod body;
#[cfg(feature = "function")]
pub mod callback;
#[cfg(feature = "function")]
pub mod config;
#[cfg(feature = "function")]
pub mod event;
#[cfg(feature = "function")]
pub mod handler;
#[cfg(feature = "function")]
mod message;
#[cfg(feature = "function")]
mod metrics;
#[cfg(feature = "function")]
mod outcome;
#[cfg(feature = "function")]
pub mod publish;
#[cfg(feature = "function")]
pub mod queue;
pub mod record;
#[cfg(feature = "function")]
pub mod telemetry;
#[cfg(feature = "function")]
pub mod vault;
#[cfg(feature = "function")]
mod vocabulary;

#[cfg(feature = "cli")]
pub use aws::{describe as describe_sdk_error, operator_sdk_config};
