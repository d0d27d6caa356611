//! `callbackctl reconcile`: publishes the jobs whose callbacks never arrived.
//!
//! `window` says which jobs a run is about, `lists`, `pages` and `run` read the vendor's lists of them,
//! `publish` publishes those that are not in the function's log, and `report` prints what became of each.

mod lists;
mod pages;
mod publish;
mod report;
mod run;
mod window;

use std::process::ExitCode;

use clap::{Args, builder::NonEmptyStringValueParser};
use jiff::Timestamp;

use self::{run::Run, window::WindowArguments};
use crate::{
    Failure,
    ci_api::{BucketArguments, CiApi},
    clients::Clients,
    event_log::EventLog,
    sender::{QueueArguments, Sender},
    terminal::warn,
    wrong_usage,
};

/// Publishes the jobs whose callbacks never arrived.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("received").required(true)))]
pub(crate) struct Reconcile {
    #[command(flatten)]
    bucket: BucketArguments,
    /// The function's log group, /aws/lambda/NAME: its lines name the jobs that were received
    #[arg(long, value_name = "NAME", group = "received")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    log_group: Option<String>,
    /// Publish all jobs of the window, received or not
    #[arg(long, group = "received")]
    all: bool,
    #[command(flatten)]
    window: WindowArguments,
    /// Only tasks with this tag, such as Transcode
    #[arg(long = "tag", value_name = "T", value_parser = NonEmptyStringValueParser::new())]
    tags: Vec<String>,
    /// Only tasks of this queue of the vendor
    #[arg(long = "queue-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    queue_ids: Vec<String>,
    /// Only runs of this workflow
    #[arg(long = "workflow-id", value_name = "W", value_parser = NonEmptyStringValueParser::new())]
    workflow_ids: Vec<String>,
    /// The maximum number of jobs to publish; the others are left
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print what would be published, without publishing it
    #[arg(long)]
    dry_run: bool,
    /// Print the lines as JSON
    #[arg(long)]
    json: bool,
    /// Print the metric Reconciled, in CloudWatch's embedded metric format
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    queue: QueueArguments,
}

impl Reconcile {
    /// Runs the command, and returns its exit code.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let now = Timestamp::now();
        let mut problems = Vec::new();
        let window = self.window.window(now);
        if window.is_none() {
            problems.push("--until: expected a shorter time than --since".to_owned());
        }
        let api = CiApi::from_env(&self.bucket);
        let api = api.map_err(|found| problems.extend(found)).ok();
        let queue_url = self.queue.queue_url.as_deref().unwrap_or_default();
        if queue_url.is_empty() && !self.dry_run {
            problems.push("QUEUE_URL is not set".to_owned());
        }
        let clients = Clients::load().await;
        if !clients.has_region() && (self.log_group.is_some() || !self.dry_run) {
            problems.push("AWS_REGION is not set".to_owned());
        }
        let (Some(window), Some(api), true) = (window, api, problems.is_empty()) else {
            return Ok(wrong_usage(&problems));
        };
        let sender = match self.dry_run {
            true => None,
            false => Some(Sender::new(&self.queue, queue_url, &clients)?),
        };
        let mut log = None;
        if let Some(group) = &self.log_group {
            let mut read = EventLog::new(clients.logs(), group.clone(), "reconcile")?;
            let since = window.received_from;
            read.read_since(since).await.map_err(Failure)?;
            if read.is_empty() {
                warn(&format!(
                    "the log group {group} has no published event since {since}: is it the \
                     function's, with the log level INFO and the format JSON?"
                ));
            }
            log = Some(read);
        }
        let run = Run::new(&self, api, window, log, sender);
        Ok(crate::success_if(run.reconcile().await?))
    }
}
