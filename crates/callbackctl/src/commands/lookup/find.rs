//! Finds jobs by their ids, of whatever kind.

use std::collections::HashMap;

use crate::{
    Failure,
    answered_job::AnsweredJob,
    ci_api::{ApiError, CiApi},
    xml_answer::{child, child_text},
};

/// How many ids the vendor takes in one request.
const MAX_IDS: usize = 10;

/// The paths of the API that look up jobs. Each knows other kinds of jobs.
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
pub(super) struct Found {
    pub(super) jobs: HashMap<String, AnsweredJob>,
    /// Why the lookup of an id failed in one place, or its job could not be read.
    pub(super) faults: HashMap<String, String>,
}

/// Asks for each id where it is most likely known, and then in the other places.
pub(super) async fn look_up(
    api: &mut CiApi,
    bucket: &str,
    ids: &[String],
) -> Result<Found, Failure> {
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
        Place::Runs => look_up_run(api, ids[0], bucket).await.map(|job| {
            let job = job.map(|job| (ids[0].to_owned(), job));
            found.jobs.extend(job);
        }),
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
    for node in elements.iter().filter(|node| node.name == "JobsDetail") {
        let fields = node.children();
        // An id that was not asked for is not an answer.
        let id = child_text(&fields, "JobId").filter(|id| ids.contains(&&**id));
        let Some(id) = id else { continue };
        match AnsweredJob::from_task(node) {
            Ok(job) => {
                found.jobs.insert(id, job);
            }
            Err(error) => {
                let fault = format!("it cannot be read: {error}");
                found.faults.insert(id, fault);
            }
        }
    }
    Ok(())
}

/// Asks for a run of a workflow. Returns `None` if the vendor does not know it.
pub(crate) async fn look_up_run(
    api: &mut CiApi,
    run_id: &str,
    bucket: &str,
) -> Result<Option<AnsweredJob>, ApiError> {
    let answer = match api.get(&format!("/workflowexecution/{run_id}"), &[]).await {
        Ok(answer) => answer,
        Err(error) if error.is_unknown_id() => return Ok(None),
        Err(error) => return Err(error),
    };
    let elements = answer.elements()?;
    let node = child(&elements, "WorkflowExecution");
    let fields = node.map(|node| node.children());
    let id = fields.and_then(|fields| child_text(&fields, "RunId"));
    let (Some(node), Some(id)) = (node, id) else {
        return Ok(None);
    };
    if id != run_id {
        return Err(answer.unusable("expected this run, but found another one"));
    }
    let job = AnsweredJob::from_run(&node, bucket);
    let unusable = |error| answer.unusable(&format!("it cannot be read: {error}"));
    job.map(Some).map_err(unusable)
}
