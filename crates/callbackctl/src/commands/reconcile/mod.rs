//! `callbackctl reconcile`: publishes the jobs whose callbacks never arrived.
//!
//! `window` selects jobs by time, `lists` and `pages` read Tencent's lists of jobs, and `run` publishes the
//! jobs that are missing from the function's log.

mod lists;
mod pages;
mod run;
mod window;

use clap::{Args, builder::NonEmptyStringValueParser};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use self::{run::Reconciler, window::WindowArgs};
use crate::{
    aws::{
        Clients, event_log::EventLog, publisher::CallbackPublisher, queue::QueueArgs,
        vault::VaultArgs,
    },
    tencent::client::{BucketArgs, Client},
    terminal::warn,
};

/// Publishes the jobs whose callbacks never arrived.
#[derive(Args)]
#[command(mut_arg("queue_url", |arg| arg.required_unless_present("dry_run")))]
#[command(group(clap::ArgGroup::new("received").required(true)))]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The function's log group, /aws/lambda/NAME, which contains the ids of received jobs
    #[arg(long, value_name = "NAME", group = "received")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    log_group: Option<String>,
    /// Publish all jobs in the time window, including received ones
    #[arg(long, group = "received")]
    all: bool,
    #[command(flatten)]
    window: WindowArgs,
    /// Only tasks with this tag, such as Transcode
    #[arg(long = "tag", value_name = "T", value_parser = NonEmptyStringValueParser::new())]
    tags: Vec<String>,
    /// Only tasks of this Tencent queue
    #[arg(long = "queue-id", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    queue_ids: Vec<String>,
    /// Only runs of this workflow
    #[arg(long = "workflow-id", value_name = "W", value_parser = NonEmptyStringValueParser::new())]
    workflow_ids: Vec<String>,
    /// Stop after this time, such as 12m. The next run publishes the remaining jobs
    #[arg(long, value_name = "TIME")]
    time_limit: Option<SignedDuration>,
    /// Print what would be published, without publishing it
    #[arg(long)]
    dry_run: bool,
    /// Print the lines as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    queue: QueueArgs,
    #[command(flatten)]
    vault: VaultArgs,
}

impl ReconcileArgs {
    /// Runs the command, and returns whether no job was skipped and no error occurred. No request and no batch
    /// starts after the time limit. Those in progress end within two minutes.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let window = self.window.window(Timestamp::now())?;
        let deadline = self
            .time_limit
            .map(|limit| Instant::now() + limit.unsigned_abs());
        let client = Client::new(&self.bucket, deadline)?;
        let (mut log, mut publisher) = (None, None);
        if self.log_group.is_some() || !self.dry_run {
            let clients = Clients::load().await?;
            if let Some(group) = &self.log_group {
                log = Some(read_log(&clients, group, window.received_from).await?);
            }
            if !self.dry_run {
                let vault = self.vault.vault_bucket.as_deref();
                publisher = Some(CallbackPublisher::new(&clients, &self.queue, vault)?);
            }
        }
        Reconciler::new(&self, client, window, log, publisher)
            .run()
            .await
    }
}

async fn read_log(clients: &Clients, group: &str, since: Timestamp) -> anyhow::Result<EventLog> {
    let mut log = EventLog::new(clients, group, "reconcile")?;
    log.read_since(since).await?;
    if log.is_empty() {
        warn(format!(
            "no published events in the log group {group} since {since}: check the name of the log group, \
             the log level (INFO) and the log format (JSON)"
        ));
    }
    Ok(log)
}
