//! `callbackctl lookup`: jobs as the vendor reports them now.

use std::{collections::HashMap, io::Write, process::ExitCode};

use clap::Args;
use cloud_infinite_callback::{
    callback::Payload,
    event::{events, to_json},
    normalize::Detail,
};
use cloud_infinite_job_record::Record;
use serde_json::Value;

use crate::{
    Failure, USAGE,
    answered_job::{AnsweredJob, shown_id},
    ci_api::{ApiError, BucketArguments, CiApi},
    clients::Clients,
    sender::{BATCH, QueueArguments, Sender},
    terminal::{say, warn},
    vault_admin::VaultAdmin,
    xml_answer::{child, child_text},
};

/// How many ids the vendor takes in one request.
const MAX_IDS: usize = 10;

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

/// Where jobs are looked up, each for kinds of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Jobs,
    Documents,
    Files,
    Runs,
}

impl Place {
    const ALL: [Self; 4] = [Self::Jobs, Self::Documents, Self::Files, Self::Runs];

    /// Returns where an id is most likely known, by its first letter, and then the other places.
    fn in_order(id: &str) -> Vec<Self> {
        let first = match id.as_bytes().first() {
            Some(b'd') => Self::Documents,
            Some(b'f') => Self::Files,
            Some(b'i' | b'r') => Self::Runs,
            _ => Self::Jobs,
        };
        let others = Self::ALL.into_iter().filter(|place| *place != first);
        std::iter::once(first).chain(others).collect()
    }

    /// Returns how many ids a request may name.
    fn max_ids(self) -> usize {
        match self {
            Self::Jobs => MAX_IDS,
            _ => 1,
        }
    }
}

/// What the vendor answered so far, by job id.
#[derive(Default)]
struct Found {
    jobs: HashMap<String, AnsweredJob>,
    /// Why an id could not be looked up somewhere, or its job not be read.
    faults: HashMap<String, String>,
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
            for problem in problems {
                warn(&problem);
            }
            return Ok(ExitCode::from(USAGE));
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
        let mut sender = Sender::new(&self.queue, queue_url, &Clients::load().await)?;
        let mut is_complete = true;
        let (pending, over): (Vec<_>, _) = jobs.into_iter().partition(|job| job.is_pending);
        let mut told = std::io::stderr();
        for job in pending {
            writeln!(told, "{}  not published: the job is not over", job.id)?;
        }
        for batch in over.chunks(BATCH) {
            for (job, result) in batch.iter().zip(sender.publish(batch).await) {
                is_complete &= result.is_ok();
                match result {
                    Ok(()) => writeln!(told, "{}  published", job.id)?,
                    Err(reason) => writeln!(told, "{}  left: {reason}", job.id)?,
                }
            }
        }
        Ok(is_complete)
    }
}

/// Asks for each id where it is most likely known, and then in the other places.
async fn look_up(api: &mut CiApi, bucket: &str, ids: &[String]) -> Result<Found, Failure> {
    let mut found = Found::default();
    for round in 0..Place::ALL.len() {
        for place in Place::ALL {
            let is_next = |id: &&String| {
                Place::in_order(id)[round] == place && !found.jobs.contains_key(&***id)
            };
            let waiting: Vec<_> = ids.iter().filter(is_next).map(|id| &**id).collect();
            for ids in waiting.chunks(place.max_ids()) {
                let asked = ask(api, place, bucket, ids, &mut found).await;
                if !asked? && ids.len() > 1 {
                    // One invalid id makes the vendor refuse the whole request.
                    for id in ids {
                        ask(api, place, bucket, &[id], &mut found).await?;
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Asks for ids in one place. Returns `false` if the vendor refused the request as invalid.
async fn ask(
    api: &mut CiApi,
    place: Place,
    bucket: &str,
    ids: &[&str],
    found: &mut Found,
) -> Result<bool, Failure> {
    let asked = match place {
        Place::Runs => match look_up_run(api, ids[0], bucket).await {
            Ok(None) => Ok(()),
            Ok(Some(Ok(job))) => {
                found.jobs.insert(ids[0].to_owned(), job);
                Ok(())
            }
            Ok(Some(Err(reason))) => {
                found.faults.insert(ids[0].to_owned(), reason);
                Ok(())
            }
            Err(error) => Err(error),
        },
        Place::Jobs => look_up_tasks(api, "/jobs", ids, found).await,
        Place::Documents => look_up_tasks(api, "/doc_jobs", ids, found).await,
        Place::Files => look_up_tasks(api, "/file_jobs", ids, found).await,
    };
    match asked {
        Ok(()) => Ok(true),
        Err(error @ ApiError::Key(_)) => Err(Failure(error.to_string())),
        Err(error) if error.is_unknown_id() => Ok(true),
        Err(error) if error.is_invalid_argument() => Ok(false),
        Err(error) => {
            for id in ids {
                let fault = format!("it cannot be looked up: {error}");
                found.faults.insert((*id).to_owned(), fault);
            }
            Ok(true)
        }
    }
}

/// Asks for tasks, and keeps those that the vendor knows.
async fn look_up_tasks(
    api: &mut CiApi,
    path: &str,
    ids: &[&str],
    found: &mut Found,
) -> Result<(), ApiError> {
    let answer = api.get(&format!("{path}/{}", ids.join(",")), &[]).await?;
    let elements = answer.elements()?;
    for node in elements
        .iter()
        .filter(|element| element.name == "JobsDetail")
    {
        let id = shown_id(node).into_owned();
        // An id that was not asked for is not an answer.
        if !ids.contains(&&*id) {
            continue;
        }
        match AnsweredJob::from_task(node) {
            Ok(job) => {
                found.jobs.insert(id, job);
            }
            Err(error) => {
                found
                    .faults
                    .insert(id, format!("it cannot be read: {error}"));
            }
        }
    }
    Ok(())
}

/// Asks for a run of a workflow. Returns `None` if the vendor does not know it, and a reason if it
/// cannot be read.
pub(crate) async fn look_up_run(
    api: &mut CiApi,
    run_id: &str,
    bucket: &str,
) -> Result<Option<Result<AnsweredJob, String>>, ApiError> {
    let answer = match api.get(&format!("/workflowexecution/{run_id}"), &[]).await {
        Ok(answer) => answer,
        Err(error) if error.is_unknown_id() => return Ok(None),
        Err(error) => return Err(error),
    };
    let elements = answer.elements()?;
    let Some(node) = child(&elements, "WorkflowExecution") else {
        return Ok(None);
    };
    let fields = node.children().unwrap_or_default();
    match child_text(&fields, "RunId") {
        None => return Ok(None),
        Some(id) if id != run_id => {
            return Ok(Some(Err("the vendor answered with another run".to_owned())));
        }
        Some(_) => {}
    }
    let job = AnsweredJob::from_run(&node, bucket);
    Ok(Some(
        job.map_err(|error| format!("it cannot be read: {error}")),
    ))
}

/// Compares what the vendor says of a job with a body of the vault, a line a field, without a word of
/// either. Returns whether they agree.
fn compare(job: &AnsweredJob, id: &str, body: &[u8]) -> Result<bool, Failure> {
    let unreadable = |error| Failure(format!("the body cannot be read: {error}"));
    let Payload::Callback(callback) = Payload::read(body).map_err(unreadable)? else {
        return Err(Failure("the body is the vendor's probe".to_owned()));
    };
    let answer = job.callback();
    let reported = events(&answer).next().expect("one node is one job").data;
    let mut kept = events(&callback).map(|event| event.data);
    let Some(kept) = kept.find(|record| record.job_id.as_deref() == Some(id)) else {
        return Err(Failure(format!("the body has no job {id}")));
    };
    let mut is_same = true;
    for (name, kept, mut reported) in fields(&kept)
        .into_iter()
        .zip(fields(&reported))
        .map(|((name, kept), (_, reported))| (name, kept, reported))
    {
        if name == "input" && kept.get("bucket").is_none() {
            // The bucket of a run is not part of the vendor's answer.
            reported.as_object_mut().map(|input| input.remove("bucket"));
        }
        let said = match (&kept, &reported) {
            (kept, reported) if kept == reported => "agrees",
            (Value::Null, _) => "differs: the body has none",
            (_, Value::Null) => "differs: the vendor has none",
            _ => "differs",
        };
        is_same &= said == "agrees";
        say(&format!("{name}  {said}"))?;
    }
    Ok(is_same)
}

/// Returns the fields that are compared, as JSON.
fn fields(record: &Record<'_, Detail<'_, '_>>) -> Vec<(&'static str, Value)> {
    let whole = serde_json::to_value(record).expect("a record is JSON");
    ["state", "type", "input", "outputs", "userData"]
        .into_iter()
        .map(|name| (name, whole.get(name).cloned().unwrap_or_default()))
        .collect()
}
