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
//! | [`record`] | a job to its record, a file a family |
//! | [`event`] | the record's CloudEvents envelope |
//! | `aws` | how AWS is reached |
//! | `message` | the event with what SQS wants beside it |
//! | [`publish`] | messages to batches, within their time |
//! | [`queue`] | batches onto SQS |
//! | [`vault`] | what the queue cannot hold, into S3 |
//! | [`outcome`] | what became of the request: status, body, log, metric |
//! | [`telemetry`] | the log, and what is measured |
//! | `metrics` | metrics as CloudWatch reads them off the log |
//!
//! From `body` to `event` everything is pure: no clock, no I/O.

pub mod auth;
mod aws;
pub mod body;
pub mod callback;
pub mod config;
pub mod event;
pub mod handler;
mod message;
mod metrics;
pub mod outcome;
pub mod publish;
pub mod queue;
pub mod record;
pub mod telemetry;
pub mod vault;
mod vocabulary;

#[cfg(feature = "cli")]
pub use aws::operator_sdk_config;
