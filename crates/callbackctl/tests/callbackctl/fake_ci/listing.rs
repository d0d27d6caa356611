//! The responses without faults: pages of lists, lookups and queues.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Response, Shared, error, lock};
use crate::jobs::{Job, vendor_time};

impl Shared {
    pub(super) fn answer(&self, path: &str, parameters: &BTreeMap<String, String>) -> Response {
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match segments[..] {
            ["jobs"] => self.list(parameters),
            ["workflowexecution"] => self.list_runs(parameters),
            ["workflowexecution", id] => match lock(&self.runs).iter().find(|run| run.id == id) {
                Some(run) => {
                    let request_id = "<RequestId>NjQ=</RequestId>";
                    (200, format!("<Response>{request_id}{}</Response>", run.xml))
                }
                None => error(404, "ResourceNotFound"),
            },
            ["jobs", ids] => self.look_up(ids, &['d', 'f'], false),
            ["doc_jobs", id] => self.look_up(id, &['d'], true),
            ["file_jobs", id] => self.look_up(id, &['f'], true),
            [queues] if queues.ends_with("queue") => self.list_queues(path, parameters),
            _ => error(404, "NoSuchKey"),
        }
    }

    /// `GET /jobs?tag=`. Pictures, documents and files are listed only with their `queueType`, and other tasks
    /// only without it.
    fn list(&self, parameters: &BTreeMap<String, String>) -> Response {
        let get = |name: &str| parameters.get(name).map(String::as_str);
        let Some(tag) = get("tag") else {
            return error(400, "InvalidArgument");
        };
        let own_type = match tag {
            "PicProcess" | "PosterProduction" | "ImageInspect" | "ImageOCR" => Some("PicProcess"),
            "DocProcess" | "DocWatermark" => Some("DocProcess"),
            "FileHashCode" | "FileUncompress" | "FileCompress" => Some("FileProcess"),
            _ => None,
        };
        let is_shown = get("queueId").is_some() || get("queueType") == own_type;
        let jobs = lock(&self.jobs);
        let matching = jobs.iter().filter(|job| {
            is_shown && job.tag == tag && get("queueId").is_none_or(|queue| queue == job.queue)
        });
        page(matching.cloned(), parameters, |job| job.xml.clone())
    }

    fn list_runs(&self, parameters: &BTreeMap<String, String>) -> Response {
        let workflow = parameters.get("workflowId");
        let runs = lock(&self.runs);
        let matching = runs
            .iter()
            .filter(|run| workflow.is_none_or(|id| *id == run.tag));
        page(matching.cloned(), parameters, |run| {
            let Job {
                id,
                tag,
                state,
                created,
                ..
            } = run;
            let created = vendor_time(*created).replace("+0800", "+08:00");
            format!(
                "<WorkflowExecutionList><RunId>{id}</RunId><WorkflowId>{tag}</WorkflowId>\
                 <Object>a</Object><CreateTime>{created}</CreateTime><State>{state}</State>\
                 </WorkflowExecutionList>"
            )
        })
    }

    /// Selects the jobs whose ids begin with these letters, or all others.
    fn look_up(&self, ids: &str, letters: &[char], only: bool) -> Response {
        let ids: Vec<_> = ids.split(',').collect();
        if ids.len() > 10 || (only && ids.len() > 1) {
            return error(400, "InvalidArgument");
        }
        let jobs = lock(&self.jobs);
        let mut inside = String::new();
        for id in ids {
            let is_here = id.starts_with(letters) == only;
            match jobs.iter().find(|job| is_here && job.id == id) {
                Some(job) => inside += &job.xml,
                None => inside += &format!("<NonExistJobIds>{id}</NonExistJobIds>"),
            }
        }
        (200, format!("<Response>{inside}</Response>"))
    }

    fn list_queues(&self, path: &str, parameters: &BTreeMap<String, String>) -> Response {
        let page: usize = parameters["pageNumber"].parse().expect("a number");
        let queues = lock(&self.queues);
        let empty = Vec::new();
        let all = queues.get(path).unwrap_or(&empty);
        // Smaller than the requested page size.
        let size = 50;
        let page: String = all
            .iter()
            .skip((page - 1) * size)
            .take(size)
            .cloned()
            .collect();
        let count = all.len();
        let body = format!("<Response><TotalCount>{count}</TotalCount>{page}</Response>");
        (200, body)
    }
}

/// Returns the page of a list for these parameters.
fn page(
    jobs: impl Iterator<Item = Job>,
    parameters: &BTreeMap<String, String>,
    xml: impl Fn(&Job) -> String,
) -> Response {
    let get = |name: &str| parameters.get(name).map(String::as_str);
    let time = |name: &str| -> Timestamp {
        let text = get(name).expect("the request has a time window");
        let format = "%Y-%m-%dT%H:%M:%S%z";
        Timestamp::strptime(format, text).expect("a time in Tencent's format")
    };
    let (from, until) = (time("startCreationTime"), time("endCreationTime"));
    let states: Vec<_> = get("states").unwrap_or("All").split(',').collect();
    let mut jobs: Vec<_> = jobs
        .filter(|job| (from..=until).contains(&job.created))
        .filter(|job| states == ["All"] || states.contains(&&*job.state))
        .collect();
    jobs.sort_by_key(|job| job.created);
    if get("orderByTime") != Some("Asc") {
        jobs.reverse();
    }
    let size = get("size").map_or(10, |size| size.parse().expect("a number"));
    if size > 100 {
        return error(400, "InvalidArgument");
    }
    let begin = get("nextToken").map_or(0, |token| token.parse().expect("a token of this server"));
    let inside: String = jobs.iter().skip(begin).take(size).map(xml).collect();
    let end = begin + size;
    let token = if end < jobs.len() {
        format!("<NextToken>{end}</NextToken>")
    } else {
        String::new()
    };
    (200, format!("<Response>{inside}{token}</Response>"))
}
