//! One run: from the vendor's lists to the jobs on them.

use std::{collections::HashSet, io, mem};

use super::{
    Reconcile,
    lists::{Kind, List, lists},
    pages::Pages,
    report::{JobResult, Report},
    window::Window,
};
use crate::{
    Failure,
    answered_job::{AnsweredJob, Stage, shown_id},
    ci_api::{ApiError, CiApi},
    event_log::EventLog,
    lookup::look_up_run,
    sender::Sender,
    terminal::{show_progress, warn},
    xml_answer::{Element, child_text},
};

/// The states of jobs that have not ended. The vendor lists these, too, if it ignores the filter.
const PENDING: [&str; 4] = ["Submitted", "Running", "Pause", "Auditing"];

/// The placeholder for an id that is missing or invalid.
const NO_ID: &str = "a job without an id";

/// Why a run ends before its lists do.
pub(super) enum Stop {
    /// The vendor refused the key, or the log failed. Nothing more is published.
    Fault(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The state of a run.
pub(super) struct Run<'r> {
    pub(super) arguments: &'r Reconcile,
    pub(super) api: CiApi,
    pub(super) window: Window,
    /// Absent if all jobs are published.
    pub(super) log: Option<EventLog>,
    /// Absent in a dry run.
    pub(super) sender: Option<Sender>,
    /// What was listed.
    seen: HashSet<String>,
    pub(super) report: Report,
    has_failed: bool,
    /// Whether it was said how a list ended.
    has_warned: bool,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        arguments: &'r Reconcile,
        api: CiApi,
        window: Window,
        log: Option<EventLog>,
        sender: Option<Sender>,
    ) -> Self {
        Self {
            arguments,
            api,
            window,
            log,
            sender,
            seen: HashSet::new(),
            report: Report::new(arguments.json),
            has_failed: false,
            has_warned: false,
        }
    }

    /// Goes through all lists, and returns whether nothing failed and nothing is left.
    pub(super) async fn reconcile(mut self) -> Result<bool, Failure> {
        match self.read_lists().await {
            Ok(()) => {}
            Err(Stop::Fault(reason)) => self.fail(&reason),
            Err(Stop::Output(error)) => return Err(error.into()),
        }
        let is_truncated = self.log.as_ref().is_some_and(EventLog::is_truncated);
        if is_truncated && self.report.chosen() > 0 {
            warn(
                "the log names only the first 100 jobs of a callback: if there are more, they count \
                 as not received, and their messages repeat with the same ids",
            );
        }
        self.report.summary()?;
        if self.arguments.metrics {
            self.report.metric(&self.arguments.bucket.bucket)?;
        }
        Ok(self.report.left == 0 && !self.has_failed)
    }

    async fn read_lists(&mut self) -> Result<(), Stop> {
        let arguments = self.arguments;
        let lists = lists(
            &arguments.tags,
            &arguments.queue_ids,
            &arguments.workflow_ids,
        );
        let mut absent = Vec::new();
        for (number, list) in lists.iter().enumerate() {
            let progress = format!("[{}/{}] {}", number + 1, lists.len(), list.name());
            if !self.read_list(list, &progress).await? {
                absent.push(list);
            }
        }
        if arguments.queue_ids.is_empty() && absent.len() == lists.len() {
            self.fail("the vendor has no list for this bucket: is no service bound to it?");
        }
        for queue in &arguments.queue_ids {
            let is_absent = |list: &List| absent.contains(&list);
            let mut of_queue = lists.iter().filter(|list| list.is_of_queue(queue));
            if of_queue.all(is_absent) {
                self.fail(&format!(
                    "the vendor has no list for the queue {queue}: is its id right?"
                ));
            }
        }
        Ok(())
    }

    /// Goes through a list, and returns whether there is one.
    async fn read_list(&mut self, list: &List, progress: &str) -> Result<bool, Stop> {
        let mut pages = Pages::new(list, &self.window);
        loop {
            show_progress(&format!("{progress}: {} listed so far", self.report.listed));
            let entries = match pages.next(&mut self.api).await {
                Ok(Some(entries)) => entries,
                Ok(None) => {
                    if pages.has_left_token && !mem::replace(&mut self.has_warned, true) {
                        warn(&format!(
                            "the list of {} ended with a page that has no jobs, but a token of \
                             another page",
                            list.name()
                        ));
                    }
                    return Ok(true);
                }
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
                    Kind::Tasks => self.read_task(entry)?,
                    Kind::Runs => self.look_up_run(entry).await?,
                };
                if let Some(job) = job {
                    missing.extend(self.unless_received(job).await?);
                }
            }
            self.publish(missing).await?;
        }
    }

    /// Reads a listed task, unless it was seen before or cannot be read.
    fn read_task(&mut self, entry: &str) -> Result<Option<AnsweredJob>, Stop> {
        let node = Element {
            name: "JobsDetail",
            xml: entry,
        };
        let read = AnsweredJob::from_task(&node);
        let shown = shown_id(&node);
        let id = match &read {
            Ok(job) => &*job.id,
            Err(_) => shown.as_deref().unwrap_or(entry),
        };
        if !self.is_new(id) {
            return Ok(None);
        }
        match read {
            Ok(job) => Ok(Some(job)),
            Err(error) => {
                self.leave(shown.as_deref(), format!("it cannot be read: {error}"))?;
                Ok(None)
            }
        }
    }

    /// Looks up a listed run of a workflow, unless it was seen before or is not over.
    async fn look_up_run(&mut self, entry: &str) -> Result<Option<AnsweredJob>, Stop> {
        let listed = Element {
            name: "WorkflowExecutionList",
            xml: entry,
        };
        let fields = listed.children();
        let id = shown_id(&listed);
        if !self.is_new(id.as_deref().unwrap_or(entry)) {
            return Ok(None);
        }
        let state = child_text(&fields, "State");
        if state.is_some_and(|state| PENDING.contains(&&*state)) {
            return Ok(None);
        }
        let Some(id) = id else {
            self.leave(None, "it cannot be looked up".to_owned())?;
            return Ok(None);
        };
        let bucket = &self.arguments.bucket.bucket;
        let reason = match look_up_run(&mut self.api, &id, bucket).await {
            Ok(Some(job)) if job.stage == Stage::Pending => {
                "the vendor lists it as over, and its lookup says that it is not".to_owned()
            }
            Ok(Some(job)) => return Ok(Some(job)),
            Ok(None) => "the vendor lists it, and its lookup does not find it".to_owned(),
            Err(error @ ApiError::Key(_)) => return Err(Stop::Fault(error.to_string())),
            Err(error) => format!("it cannot be looked up: {error}"),
        };
        self.leave(Some(&id), reason)?;
        Ok(None)
    }

    /// Returns whether a job was not listed before, and counts it.
    fn is_new(&mut self, id: &str) -> bool {
        let is_new = self.seen.insert(id.to_owned());
        self.report.listed += usize::from(is_new);
        is_new
    }

    /// Reports a job that may have ended in the window, and was not published.
    pub(super) fn leave(&mut self, id: Option<&str>, reason: String) -> io::Result<()> {
        let id = id.filter(|id| self.api.is_printable(id));
        let id = id.unwrap_or(NO_ID);
        self.report.job(id, &JobResult::Left(reason))
    }

    pub(super) fn fail(&mut self, reason: &str) {
        self.has_failed = true;
        warn(reason);
    }
}
