//! Reads Tencent's lists of jobs, and publishes the missing ones.

use std::collections::HashSet;

use anyhow::bail;
use cloud_infinite_callback::{callback::Callback, event::loggable_id, queue::MAX_BATCH_ENTRIES};

use super::{
    ReconcileArgs,
    lists::{List, ListKind, lists},
    pages::{ListedJob, Page, page},
    window::Window,
};
use crate::{
    aws::{
        event_log::EventLog,
        publisher::{CallbackPublisher, STOPPED},
    },
    tencent::{
        client::Client,
        error::ApiError,
        jobs::{Stage, VendorJob, look_up_run},
    },
    terminal::{ResultPrinter, show_progress, warn},
};

/// The states of workflow runs that have not ended. Tencent lists these runs, too, if it ignores the filter.
const PENDING: [&str; 4] = ["Submitted", "Running", "Pause", "Auditing"];

/// Reads the lists of jobs, and publishes the jobs that are missing from the log.
pub(super) struct Reconciler<'r> {
    arguments: &'r ReconcileArgs,
    client: Client,
    window: Window,
    /// Absent if all jobs are published.
    log: Option<EventLog>,
    /// Absent in a dry run.
    publisher: Option<CallbackPublisher>,
    /// The ids of all listed jobs.
    seen: HashSet<String>,
    printer: ResultPrinter,
    has_failed: bool,
}

impl<'r> Reconciler<'r> {
    pub(super) fn new(
        arguments: &'r ReconcileArgs,
        client: Client,
        window: Window,
        log: Option<EventLog>,
        publisher: Option<CallbackPublisher>,
    ) -> Self {
        let done = match arguments.dry_run {
            true => "would be published",
            false => "published",
        };
        Self {
            arguments,
            client,
            window,
            log,
            publisher,
            seen: HashSet::new(),
            printer: ResultPrinter::new(arguments.json, &["listed", "received", done, "skipped"]),
            has_failed: false,
        }
    }

    /// Reads all lists, and returns whether no job was skipped and no error occurred.
    pub(super) async fn run(mut self) -> anyhow::Result<bool> {
        if let Err(error) = self.read_lists().await {
            if error.is::<std::io::Error>() {
                return Err(error);
            }
            self.fail(error);
        }
        self.printer.summary()?;
        Ok(self.printer.count("skipped") == 0 && !self.has_failed)
    }

    async fn read_lists(&mut self) -> anyhow::Result<()> {
        let ReconcileArgs {
            tags,
            queue_ids,
            workflow_ids,
            ..
        } = self.arguments;
        let lists = lists(tags, queue_ids, workflow_ids);
        let mut missing = Vec::new();
        for (number, list) in lists.iter().enumerate() {
            show_progress(&format!("[{}/{}] {}", number + 1, lists.len(), list.name()));
            if !self.read_list(list).await? {
                missing.push(list);
            }
        }
        if queue_ids.is_empty() && missing.len() == lists.len() {
            self.fail("no lists found: check that a service is enabled for this bucket");
        }
        for queue in queue_ids {
            let mut of_queue = lists.iter().filter(|list| list.is_of_queue(queue));
            if of_queue.all(|list| missing.contains(&list)) {
                self.fail(format!(
                    "no lists found for the queue {queue}: check its id"
                ));
            }
        }
        Ok(())
    }

    /// Reads a list, and returns whether it exists.
    async fn read_list(&mut self, list: &List) -> anyhow::Result<bool> {
        let mut token = None;
        let mut ids = HashSet::new();
        loop {
            let page = page(&mut self.client, list, &self.window, token.as_deref()).await;
            let Page { entries, next } = match page {
                Err(error) if token.is_none() && list.is_optional_and_missing(&error) => {
                    warn(format!("no list of {}: {error}", list.name()));
                    return Ok(false);
                }
                Err(error) => return self.list_failed(list, ids.len(), error),
                Ok(page) => page,
            };
            let (is_empty, before) = (entries.is_empty(), ids.len());
            ids.extend(entries.iter().filter_map(|entry| entry.id.clone()));
            self.read_entries(list.kind, entries).await?;
            match next {
                Err(error) => return self.list_failed(list, ids.len(), error),
                // Tencent does not document how a list ends, so an empty page ends it as well.
                Ok(next) if next.is_none() || is_empty => return Ok(true),
                Ok(next) if next == token || ids.len() == before => {
                    let error = ApiError::unusable("a page was repeated");
                    return self.list_failed(list, ids.len(), error);
                }
                Ok(next) => token = next,
            }
        }
    }

    fn list_failed(&mut self, list: &List, jobs: usize, error: ApiError) -> anyhow::Result<bool> {
        if error.is_fatal() {
            return Err(error.into());
        }
        let name = list.name();
        self.fail(format!(
            "the list of {name} is incomplete, with {jobs} jobs: {error}"
        ));
        Ok(true)
    }

    /// Publishes the jobs on a page that ended in the time window and were not received.
    async fn read_entries(
        &mut self,
        kind: ListKind,
        entries: Vec<ListedJob>,
    ) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        for entry in entries {
            if !self
                .seen
                .insert(entry.id.as_ref().unwrap_or(&entry.xml).clone())
            {
                continue;
            }
            self.printer.add("listed", 1);
            let job = match kind {
                ListKind::Tasks => self.read_task(&entry)?,
                ListKind::Runs => self.look_up_run(&entry).await?,
            };
            if let Some(job) = job
                && self.is_missing(&job).await?
            {
                missing.push(job);
            }
        }
        let mut missing = missing.into_iter().peekable();
        while missing.peek().is_some() {
            self.client.check_deadline()?;
            if let (Some(log), Some(_)) = (&mut self.log, &self.publisher) {
                // Finds late callbacks, and jobs that another run has published.
                log.refresh().await?;
                log.create_stream().await?;
            }
            let batch: Vec<_> = missing.by_ref().take(MAX_BATCH_ENTRIES).collect();
            self.publish(batch).await?;
        }
        Ok(())
    }

    /// Parses a listed task.
    fn read_task(&mut self, entry: &ListedJob) -> anyhow::Result<Option<VendorJob>> {
        match VendorJob::from_task(&entry.xml) {
            Ok(job) => Ok(Some(job)),
            Err(error) => {
                self.skip(entry.id.as_deref(), &format!("unreadable: {error}"))?;
                Ok(None)
            }
        }
    }

    /// Looks up a listed workflow run, if it has ended.
    async fn look_up_run(&mut self, entry: &ListedJob) -> anyhow::Result<Option<VendorJob>> {
        let is_pending = |state: &str| PENDING.contains(&state);
        if entry.state.as_deref().is_some_and(is_pending) {
            return Ok(None);
        }
        let Some(id) = &entry.id else {
            self.skip(None, "cannot look up a run without an id")?;
            return Ok(None);
        };
        let bucket = &self.arguments.bucket.bucket;
        let reason = match look_up_run(&mut self.client, id, bucket).await {
            Ok(Some(job)) if job.stage == Stage::Pending => {
                "listed as ended, but the lookup reports it running".to_owned()
            }
            Ok(Some(job)) => return Ok(Some(job)),
            Ok(None) => "listed, but not found by the lookup".to_owned(),
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(error) => format!("lookup failed: {error}"),
        };
        self.skip(Some(id), &reason)?;
        Ok(None)
    }

    /// Returns whether a job ended in the time window and was not received. Skips a job with an unknown state,
    /// which may not have ended.
    async fn is_missing(&mut self, job: &VendorJob) -> anyhow::Result<bool> {
        let ended_at = job.ended_at.filter(|end| self.window.is_possible(*end));
        let is_in_window = ended_at.is_none_or(|end| self.window.contains(end));
        if job.stage == Stage::Pending || !is_in_window {
            return Ok(false);
        }
        if let Some(log) = &mut self.log
            && ended_at.is_none()
        {
            // If the end is unknown, the callback may have arrived at any time since the creation of the job.
            log.read_since(self.window.created_from).await?;
        }
        if self.is_received(job) {
            self.printer.line(&loggable_id(&job.id), "received")?;
            return Ok(false);
        }
        if job.stage == Stage::Unknown {
            self.skip(
                Some(&job.id),
                "unknown state: publish the job with callbackctl lookup ID --publish",
            )?;
            return Ok(false);
        }
        Ok(true)
    }

    fn is_received(&self, job: &VendorJob) -> bool {
        let log = self.log.as_ref();
        log.is_some_and(|log| job.received_ids().any(|id| log.has(id)))
    }

    /// Publishes at most [`MAX_BATCH_ENTRIES`] jobs, except those received in the meantime.
    async fn publish(&mut self, jobs: Vec<VendorJob>) -> anyhow::Result<()> {
        let mut batch = Vec::new();
        for job in jobs {
            if self.is_received(&job) {
                self.printer.line(&loggable_id(&job.id), "received")?;
            } else if self.publisher.is_none() {
                self.printer
                    .line(&loggable_id(&job.id), "would be published")?;
            } else {
                batch.push(job);
            }
        }
        let Some(publisher) = self.publisher.as_mut().filter(|_| !batch.is_empty()) else {
            return Ok(());
        };
        let callbacks: Vec<Callback<'_>> = batch.iter().map(VendorJob::callback).collect();
        let published = publisher.publish(&callbacks, None, self.log.as_mut()).await;
        let is_stopped = publisher.is_stopped();
        self.has_failed |= !published.is_recorded;
        for id in &published.ids {
            self.printer.line(&loggable_id(id), "published")?;
        }
        for (id, reason) in &published.failed {
            self.skip(Some(id), reason)?;
        }
        if is_stopped {
            bail!("{STOPPED}");
        }
        Ok(())
    }

    fn skip(&mut self, id: Option<&str>, reason: &str) -> std::io::Result<()> {
        let id = id.map_or("unknown id".into(), loggable_id);
        self.printer.skipped(&id, reason)
    }

    fn fail(&mut self, reason: impl std::fmt::Display) {
        self.has_failed = true;
        warn(reason);
    }
}
