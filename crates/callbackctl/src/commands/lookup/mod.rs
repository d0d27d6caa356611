//! `callbackctl lookup`: jobs as the vendor reports them now.

mod compare;
mod find;

use std::{io::Write, process::ExitCode};

use clap::Args;
use cloud_infinite_callback::event::{events, to_json};

pub(crate) use self::find::look_up_run;
use self::{compare::compare, find::look_up};
use crate::{
    Failure,
    answered_job::{AnsweredJob, Stage},
    ci_api::{BucketArguments, CiApi},
    clients::Clients,
    event_log::LogArguments,
    sender::{BATCH, QueueArguments, Sender},
    terminal::{say, warn},
    vault_admin::VaultAdmin,
    wrong_usage,
};

/// The longest id that is asked for. The vendor's have 38 characters at most.
const MAX_ID_LENGTH: usize = 128;

/// Prints jobs as the vendor reports them now.
#[derive(Args)]
pub(crate) struct Lookup {
    #[command(flatten)]
    bucket: BucketArguments,
    /// Ids of tasks and of runs of workflows
    #[arg(required = true, value_name = "ID", value_parser = id)]
    ids: Vec<String>,
    /// Compare the job with a body in the vault, instead of printing it
    #[arg(long, value_name = "KEY", conflicts_with = "publish")]
    compare: Option<String>,
    /// Also publish the jobs that have ended
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    queue: QueueArguments,
}

/// Accepts an id: it becomes a part of a path.
fn id(text: &str) -> Result<String, String> {
    let is_legal = |byte: u8| byte.is_ascii_graphic() && !b"/,".contains(&byte);
    if !text.is_empty() && text.len() <= MAX_ID_LENGTH && text.bytes().all(is_legal) {
        Ok(text.to_owned())
    } else {
        Err("expected an id of letters and digits".to_owned())
    }
}

impl Lookup {
    /// Runs the command, and returns its exit code.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let mut problems = Vec::new();
        let api = CiApi::from_env(&self.bucket);
        let api = api.map_err(|found| problems.extend(found)).ok();
        let queue_url = self.queue.queue_url.as_deref().unwrap_or_default();
        if self.publish && queue_url.is_empty() {
            problems.push("QUEUE_URL is not set".to_owned());
        }
        let vault_bucket = self.queue.vault_bucket.as_deref().unwrap_or_default();
        if self.compare.is_some() && vault_bucket.is_empty() {
            problems.push("VAULT_BUCKET is not set".to_owned());
        }
        if self.compare.is_some() && self.ids.len() > 1 {
            problems.push("--compare: expected one id".to_owned());
        }
        let (Some(mut api), true) = (api, problems.is_empty()) else {
            return Ok(wrong_usage(&problems));
        };
        let mut ids = Vec::new();
        for id in &self.ids {
            // A repeated id is printed once.
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        let mut found = look_up(&mut api, &self.bucket.bucket, &ids).await?;
        let mut is_complete = true;
        let mut jobs = Vec::new();
        for id in &ids {
            match (found.jobs.remove(id), found.faults.remove(id)) {
                (Some(job), _) => jobs.push(job),
                (None, Some(reason)) => {
                    is_complete = false;
                    warn(&format!("{id}: {reason}"));
                }
                (None, None) => {
                    is_complete = false;
                    warn(&format!("{id}: the vendor does not know it in this bucket"));
                }
            }
        }
        if let Some(key) = &self.compare {
            let Some(job) = jobs.first() else {
                return Ok(ExitCode::FAILURE);
            };
            let vault = VaultAdmin {
                client: Clients::load().await.s3(),
                bucket: vault_bucket.to_owned(),
            };
            let (body, _) = vault.get(key).await?;
            return Ok(crate::success_if(compare(job, &self.ids[0], &body)?));
        }
        for job in &jobs {
            let callback = job.callback();
            for event in events(&callback) {
                say(&to_json(&event))?;
            }
        }
        if self.publish {
            is_complete &= self.publish(jobs, queue_url).await?;
        }
        Ok(crate::success_if(is_complete))
    }

    /// Publishes jobs, and returns whether all that are over are on the queue.
    async fn publish(&self, jobs: Vec<AnsweredJob>, queue_url: &str) -> Result<bool, Failure> {
        let clients = Clients::load().await;
        let mut log = self.log.open(|| clients.logs(), "lookup").await?;
        let mut sender = Sender::new(&self.queue, queue_url, &clients)?;
        let mut is_complete = true;
        let is_pending = |job: &AnsweredJob| job.stage == Stage::Pending;
        let (pending, over): (Vec<_>, _) = jobs.into_iter().partition(is_pending);
        let mut out = std::io::stderr();
        for job in pending {
            writeln!(out, "{}  not published: the job is not over", job.id)?;
        }
        for batch in over.chunks(BATCH) {
            let mut published = Vec::new();
            for (job, result) in batch.iter().zip(sender.publish(batch).await) {
                is_complete &= result.is_ok();
                match result {
                    Ok(()) => {
                        writeln!(out, "{}  published", job.id)?;
                        published.push(job.id.clone());
                    }
                    Err(reason) => writeln!(out, "{}  left: {reason}", job.id)?,
                }
            }
            if let Some(log) = &mut log {
                log.add(&published).await.map_err(Failure)?;
            }
        }
        Ok(is_complete)
    }
}
