//! request → limit → authenticate → decode → parse → normalize → publish → respond
//!
//! One Lambda function behind a function URL receives the callbacks of Tencent Cloud's Cloud Infinite
//! and publishes one job record per message to SQS. The modules, in the order in which a request passes
//! through them:
//!
//! | module | purpose |
//! |---|---|
//! | [`config`] | reads the environment, once |
//! | [`function_url`] | parses the event of a request, and serializes the response |
//! | [`handler`] | turns a request into its answer, and calls the other modules |
//! | [`auth`] | checks the token |
//! | [`callback`] | parses XML or JSON into one tree, and finds the jobs in it |
//! | [`normalize`] | turns a job into its record, one file for each family; a new job kind goes into `task` and `callback::fields` |
//! | [`event`] | wraps a record in a CloudEvents envelope |
//! | `message` | adds message attributes, group and deduplication id |
//! | [`publish`] | publishes messages in batches, within a time budget |
//! | [`queue`] | sends messages to SQS |
//! | [`vault`] | stores bodies and messages in S3 that the queue does not accept |
//! | `retry` | retries calls to SQS and S3 with back-off, until a deadline |
//! | [`aws`] | configures the SDK, and classifies its errors |
//! | `answer` | maps each outcome to status, body, log level and metric, in one table |
//! | [`telemetry`] | writes the log line and the metrics of an invocation |
//! | `metrics` | formats metrics in CloudWatch's embedded metric format |
//!
//! Everything from `callback` to `message` is pure: no clock, no I/O.
//!
//! The types of the record are in the crate `cloud-infinite-job-record`, the only crate that a worker in Rust
//! requires.

mod answer;
pub mod auth;
pub mod aws;
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
mod retry;
pub mod telemetry;
pub mod vault;
