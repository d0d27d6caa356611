//! request → limit → authenticate → decode → read → normalize → publish → respond
//!
//! One Lambda function behind a function URL takes the callbacks of Tencent Cloud's Cloud Infinite
//! and puts one job record a message onto SQS. In the order in which a request meets them:
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | reads the environment, once |
//! | [`function_url`] | requests and responses as Lambda passes them on |
//! | [`handler`] | one request to its answer: the order of the work |
//! | [`auth`] | lets in who carries a token |
//! | [`callback`] | reads XML or JSON into one tree, and finds the jobs in it |
//! | [`normalize`] | turns a job into its record, a file for each family |
//! | [`event`] | the record to its event |
//! | `aws` | how AWS is reached |
//! | `message` | the event with what SQS wants beside it |
//! | [`publish`] | messages to batches, within their time |
//! | [`queue`] | batches onto SQS |
//! | [`vault`] | what the queue cannot hold, into S3 |
//! | `answer` | the answer to a request: status, body, log level and metric, in one table |
//! | [`telemetry`] | the log, and what is measured |
//! | `metrics` | metrics as CloudWatch reads them off the log |
//!
//! From `callback` to `event` everything is pure: no clock, no I/O.
//!
//! The types of the record are in a crate of their own, `cloud-infinite-job-record`, which is all that
//! a worker in Rust needs.

mod answer;
pub mod auth;
mod aws;
pub mod callback;
pub mod config;
pub mod event;
pub mod function_url;
pub mod handler;
mod message;
mod metrics;
pub mod normalize;

pub mod publish;
pub mod queue;
pub mod telemetry;
pub mod vault;

#[cfg(feature = "cli")]
pub use aws::{describe as describe_sdk_error, operator_sdk_config};
