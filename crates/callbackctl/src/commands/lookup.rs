//! `callbackctl lookup`: looks up jobs, and prints or publishes their messages.

use std::collections::HashSet;

use clap::Args;
use cloud_infinite_callback::{
    event::{events, to_json},
    queue::MAX_BATCH_ENTRIES,
};

use crate::{
    aws::{
        Clients, event_log::LogArgs, publisher::CallbackPublisher, queue::QueueArgs,
        vault::VaultArgs,
    },
    tencent::{
        client::{BucketArgs, Client},
        jobs::{Stage, VendorJob, job_id, look_up},
    },
    terminal::{say, warn},
};

/// Looks up jobs, and prints or publishes their messages.
#[derive(Args)]
#[command(mut_arg("queue_url", |arg| arg.required_if_eq("publish", "true")))]
pub(crate) struct LookupArgs {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The ids of tasks and workflow runs
    #[arg(required = true, value_name = "ID", value_parser = job_id)]
    ids: Vec<String>,
    /// Also publish the jobs that have ended
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    queue: QueueArgs,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl LookupArgs {
    /// Runs the command, and returns whether all jobs were found and, with `--publish`, all ended jobs were
    /// published.
    pub(crate) async fn run(mut self) -> anyhow::Result<bool> {
        let mut client = Client::new(&self.bucket, None)?;
        // Each job is printed once.
        let mut seen = HashSet::new();
        self.ids.retain(|id| seen.insert(id.clone()));
        let mut found = look_up(&mut client, &self.bucket.bucket, &self.ids).await?;
        let mut jobs = Vec::new();
        for id in &self.ids {
            match found.remove(id) {
                Some(Ok(job)) => jobs.push(job),
                Some(Err(reason)) => warn(format!("{id}: {reason}")),
                None => warn(format!("{id}: no such job in this bucket")),
            }
        }
        for job in &jobs {
            for event in events(&job.callback()) {
                say(to_json(&event))?;
            }
        }
        let mut is_complete = jobs.len() == self.ids.len();
        if self.publish {
            is_complete &= self.publish(&jobs).await?;
        }
        Ok(is_complete)
    }

    /// Publishes the ended jobs, and returns whether all of them were published and recorded in the log.
    async fn publish(&self, jobs: &[VendorJob]) -> anyhow::Result<bool> {
        let clients = Clients::load().await?;
        let mut log = self.log.open(&clients, "lookup").await?;
        let vault = self.vault.vault_bucket.as_deref();
        let mut publisher = CallbackPublisher::new(&clients, &self.queue, vault)?;
        let mut is_complete = true;
        let is_pending = |job: &&VendorJob| job.stage == Stage::Pending;
        let (pending, ended): (Vec<_>, Vec<_>) = jobs.iter().partition(is_pending);
        for job in pending {
            eprintln!("{}  skipped: the job has not ended", job.id);
        }
        for batch in ended.chunks(MAX_BATCH_ENTRIES) {
            let callbacks: Vec<_> = batch.iter().map(|job| job.callback()).collect();
            let published = publisher.publish(&callbacks, None, log.as_mut()).await;
            for id in &published.ids {
                eprintln!("{id}  published");
            }
            for (id, reason) in &published.failed {
                eprintln!("{id}  skipped: {reason}");
            }
            is_complete &= published.failed.is_empty() && published.is_recorded;
        }
        Ok(is_complete)
    }
}
