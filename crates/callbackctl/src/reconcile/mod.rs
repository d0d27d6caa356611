//! `callbackctl reconcile`: the jobs whose callbacks never arrived, onto the queue.
//!
//! `window` says which jobs a run is about, `lists` reads the vendor's lists of them, and what is not
//! in the function's log (`crate::event_log`) is published like a callback (`crate::sender`).

mod lists;
mod window;

use std::{collections::HashSet, io, process::ExitCode};

use clap::{ArgAction, Args, builder::NonEmptyStringValueParser};
use jiff::Timestamp;
use serde_json::json;

use self::{
    lists::{Kind, List, Pages, lists},
    window::{Window, WindowArguments},
};
use crate::{
    Failure, USAGE,
    answered_job::{AnsweredJob, shown_id},
    ci_api::{ApiError, BucketArguments, CiApi},
    clients::Clients,
    event_log::Received,
    lookup::look_up_run,
    sender::{BATCH, QueueArguments, Sender},
    terminal::{say, show_progress, warn},
    xml_answer::{Element, child_text},
};

/// Publishes the jobs whose callbacks never arrived.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("received").required(true)))]
pub(crate) struct Reconcile {
    #[command(flatten)]
    bucket: BucketArguments,
    /// The function's log group: /aws/lambda/NAME. Its lines say what was received
    #[arg(long, value_name = "NAME", group = "received")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    log_group: Option<String>,
    /// Publish all jobs of the window, whether they were received or not
    #[arg(long, group = "received")]
    all: bool,
    #[command(flatten)]
    window: WindowArguments,
    /// Only tasks with this tag: Transcode
    #[arg(long = "tag", value_name = "T", value_parser = NonEmptyStringValueParser::new())]
    tags: Vec<String>,
    /// Only tasks of this queue of the vendor's
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
    #[arg(long, action = ArgAction::SetTrue)]
    metrics: bool,
    #[command(flatten)]
    queue: QueueArguments,
}

/// Why a run ends before its lists do.
enum Stop {
    /// The vendor's key or the log: what was not published yet is not.
    Fault(String),
    /// Standard output.
    Output(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What became of a job that ended in the window.
enum JobResult {
    Published,
    Received,
    WouldBePublished,
    Left(String),
}

/// Counts the jobs that were listed, by what became of them.
#[derive(Default)]
struct Counts {
    listed: usize,
    ended: usize,
    received: usize,
    published: usize,
    left: usize,
}

/// The state of a run.
struct Run<'r> {
    arguments: &'r Reconcile,
    api: CiApi,
    window: Window,
    /// Absent if all jobs are published.
    received: Option<Received>,
    /// Absent in a dry run.
    sender: Option<Sender>,
    /// What was listed.
    seen: HashSet<String>,
    counts: Counts,
    /// How many would be published.
    would_be: usize,
    has_failed: bool,
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
            for problem in problems {
                warn(&problem);
            }
            return Ok(ExitCode::from(USAGE));
        };

        let sender = match self.dry_run {
            true => None,
            false => Some(Sender::new(&self.queue, queue_url, &clients)?),
        };
        let mut received = None;
        if let Some(group) = &self.log_group {
            let read = Received::read(clients.logs(), group.clone(), window.received_from);
            let read = read.await?;
            if read.is_empty() {
                warn(&format!(
                    "no event was published since {}, by the log group {group}: is it the \
                     function's, with a log level of INFO and the format JSON?",
                    window.received_from
                ));
            }
            received = Some(read);
        }
        let mut run = Run {
            arguments: &self,
            api,
            window,
            received,
            sender,
            seen: HashSet::new(),
            counts: Counts::default(),
            would_be: 0,
            has_failed: false,
        };
        match run.reconcile().await {
            Ok(()) => {}
            Err(Stop::Fault(reason)) => {
                run.has_failed = true;
                warn(&reason);
            }
            Err(Stop::Output(error)) => return Err(error.into()),
        }
        run.sum_up()?;
        let is_complete = run.counts.left == 0 && !run.has_failed;
        Ok(crate::success_if(is_complete))
    }
}

impl Run<'_> {
    async fn reconcile(&mut self) -> Result<(), Stop> {
        let Reconcile {
            tags,
            queue_ids,
            workflow_ids,
            ..
        } = self.arguments;
        let lists = lists(tags, queue_ids, workflow_ids);
        let mut absent = 0;
        for (number, list) in lists.iter().enumerate() {
            let progress = format!("[{}/{}] {}", number + 1, lists.len(), list.name());
            absent += usize::from(!self.read_list(list, &progress).await?);
        }
        if absent == lists.len() {
            self.fail(
                "the vendor lists nothing at all for this bucket: is no service bound to it?",
            );
        }
        Ok(())
    }

    /// Goes through a list, and returns whether there is one.
    async fn read_list(&mut self, list: &List, progress: &str) -> Result<bool, Stop> {
        let mut pages = Pages::new(list, &self.window);
        loop {
            show_progress(&format!("{progress}: {} listed so far", self.counts.listed));
            let entries = match pages.next(&mut self.api).await {
                Ok(Some(entries)) => entries,
                Ok(None) => return Ok(true),
                Err(error @ ApiError::Key(_)) => return Err(Stop::Fault(error.to_string())),
                Err(error) if !pages.has_begun() && list.is_absent(&error) => {
                    warn(&format!("there is no list of {}: {error}", list.name()));
                    return Ok(false);
                }
                Err(error) => {
                    let (name, place) = (list.name(), pages.place());
                    self.fail(&format!("the list of {name} ended early, {place}: {error}"));
                    return Ok(true);
                }
            };
            let mut missing = Vec::new();
            for entry in &entries {
                let job = match list.kind {
                    Kind::Tasks => self.task(entry)?,
                    Kind::Runs => self.run_of_workflow(entry).await?,
                };
                if let Some(job) = job {
                    missing.extend(self.unless_received(job).await?);
                }
            }
            self.publish(missing).await?;
        }
    }

    /// Reads a listed task, unless it was seen before or cannot be read.
    fn task(&mut self, entry: &str) -> Result<Option<AnsweredJob>, Stop> {
        let node = Element {
            name: "JobsDetail",
            xml: entry,
        };
        let read = AnsweredJob::from_task(&node);
        let id = match &read {
            Ok(job) => job.id.clone(),
            Err(_) => shown_id(&node).into_owned(),
        };
        if !self.seen.insert(id.clone()) {
            return Ok(None);
        }
        self.counts.listed += 1;
        match read {
            Ok(job) => Ok(Some(job)),
            Err(error) => {
                self.leave(&id, format!("it cannot be read: {error}"))?;
                Ok(None)
            }
        }
    }

    /// Looks up a listed run of a workflow, unless it was seen before or is not over.
    async fn run_of_workflow(&mut self, entry: &str) -> Result<Option<AnsweredJob>, Stop> {
        let listed = Element {
            name: "WorkflowExecutionList",
            xml: entry,
        };
        let fields = listed.children().unwrap_or_default();
        let shown = shown_id(&listed).into_owned();
        if !self.seen.insert(format!("run {shown}")) {
            return Ok(None);
        }
        self.counts.listed += 1;
        let Some(run_id) = child_text(&fields, "RunId") else {
            self.leave(&shown, "it cannot be looked up".to_owned())?;
            return Ok(None);
        };
        let state = child_text(&fields, "State");
        if !matches!(state.as_deref(), Some("Success" | "Failed" | "Cancel")) {
            return Ok(None);
        }
        match look_up_run(&mut self.api, &run_id, &self.arguments.bucket.bucket).await {
            Ok(Some(Ok(job))) => Ok(Some(job)),
            Ok(Some(Err(reason))) => {
                self.leave(&shown, reason)?;
                Ok(None)
            }
            Ok(None) => {
                self.leave(
                    &shown,
                    "the vendor lists it, and does not know it".to_owned(),
                )?;
                Ok(None)
            }
            Err(error @ ApiError::Key(_)) => Err(Stop::Fault(error.to_string())),
            Err(error) => {
                self.leave(&shown, format!("it cannot be looked up: {error}"))?;
                Ok(None)
            }
        }
    }

    /// Returns a job that ended in the window and was not received.
    async fn unless_received(&mut self, job: AnsweredJob) -> Result<Option<AnsweredJob>, Stop> {
        let is_in_window = job.ended_at.is_none_or(|end| self.window.contains(end));
        if !job.is_over || !is_in_window {
            return Ok(None);
        }
        self.counts.ended += 1;
        let Some(received) = &mut self.received else {
            return Ok(Some(job));
        };
        if job.ended_at.is_none() {
            // It may have ended, and been received, soon after it was created.
            let read = received.read_since(self.window.created_from).await;
            read.map_err(Stop::Fault)?;
        }
        if received.has(&job.id) {
            self.report(&job.id, JobResult::Received)?;
            return Ok(None);
        }
        Ok(Some(job))
    }

    /// Publishes jobs, a batch at a time, unless they have been received by now.
    async fn publish(&mut self, jobs: Vec<AnsweredJob>) -> Result<(), Stop> {
        let mut jobs = jobs.into_iter().peekable();
        while jobs.peek().is_some() {
            if let (Some(received), Some(_)) = (&mut self.received, &self.sender) {
                // Callbacks that were late, and what another run has published.
                received.refresh().await.map_err(Stop::Fault)?;
                received.create_stream().await.map_err(Stop::Fault)?;
            }
            let mut batch = Vec::new();
            for job in jobs.by_ref().take(BATCH) {
                let is_received = self.received.as_ref().is_some_and(|all| all.has(&job.id));
                let taken = self.counts.published + self.would_be + batch.len();
                if is_received {
                    self.report(&job.id, JobResult::Received)?;
                } else if self.arguments.limit.is_some_and(|limit| taken >= limit) {
                    self.report(&job.id, JobResult::Left("the limit is reached".to_owned()))?;
                } else if self.sender.is_none() {
                    self.report(&job.id, JobResult::WouldBePublished)?;
                } else {
                    batch.push(job);
                }
            }
            self.publish_batch(&batch).await?;
        }
        Ok(())
    }

    async fn publish_batch(&mut self, batch: &[AnsweredJob]) -> Result<(), Stop> {
        let Some(sender) = self.sender.as_mut().filter(|_| !batch.is_empty()) else {
            return Ok(());
        };
        let results = sender.publish(batch).await;
        let published: Vec<_> = batch
            .iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .map(|(job, _)| job.id.clone())
            .collect();
        if let (Some(received), false) = (&mut self.received, published.is_empty()) {
            // What is on the queue is there. Without the line the next run publishes it again.
            if let Err(reason) = received.add(&published).await {
                self.fail(&reason);
            }
        }
        for (job, result) in batch.iter().zip(results) {
            self.report(
                &job.id,
                result.map_or_else(JobResult::Left, |()| JobResult::Published),
            )?;
        }
        Ok(())
    }

    /// Reports a job as left of which it is not known whether it ended in the window.
    fn leave(&mut self, id: &str, reason: String) -> Result<(), Stop> {
        self.counts.ended += 1;
        self.report(id, JobResult::Left(reason))
    }

    /// Counts a job and writes its line.
    fn report(&mut self, id: &str, result: JobResult) -> Result<(), Stop> {
        let (word, reason) = match result {
            JobResult::Published => ("published", None),
            JobResult::Received => ("received", None),
            JobResult::WouldBePublished => ("would be published", None),
            JobResult::Left(reason) => ("left", Some(reason)),
        };
        match word {
            "published" => self.counts.published += 1,
            "received" => self.counts.received += 1,
            "left" => self.counts.left += 1,
            _ => self.would_be += 1,
        }
        let line = match (self.arguments.json, reason) {
            (true, None) => json!({ "id": id, "result": word }).to_string(),
            (true, Some(reason)) => {
                json!({ "id": id, "result": word, "reason": reason }).to_string()
            }
            (false, None) => format!("{id}  {word}"),
            (false, Some(reason)) => format!("{id}  {word}: {reason}"),
        };
        Ok(say(&line)?)
    }

    /// Writes the last line, and the metric.
    fn sum_up(&self) -> io::Result<()> {
        let Counts {
            listed,
            ended,
            received,
            published,
            left,
        } = self.counts;
        if self.arguments.json {
            let counts = json!({
                "listed": listed,
                "ended": ended,
                "received": received,
                "published": published,
                "left": left,
            });
            say(&counts.to_string())?;
        } else {
            say(&format!(
                "listed {listed}, ended {ended}, received {received}, published {published}, left {left}"
            ))?;
        }
        if self.arguments.metrics {
            say(&metric(&self.arguments.bucket.bucket, published))?;
        }
        Ok(())
    }

    fn fail(&mut self, reason: &str) {
        self.has_failed = true;
        warn(reason);
    }
}

/// Returns a line of the embedded metric format: how many jobs were published, by bucket.
fn metric(bucket: &str, published: usize) -> String {
    let line = json!({
        "_aws": {
            "Timestamp": Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "CloudInfiniteCallback",
                "Dimensions": [["Bucket"]],
                "Metrics": [{ "Name": "Reconciled", "Unit": "Count" }],
            }],
        },
        "Bucket": bucket,
        "Reconciled": published,
    });
    line.to_string()
}
