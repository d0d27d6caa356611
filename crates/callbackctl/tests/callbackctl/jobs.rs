//! Artificial jobs in the format of Tencent's lists.

use jiff::{SignedDuration, Timestamp, tz::Offset};
use serde_json::{Value, json};

pub(crate) use testkit::bodies::{BUCKET, job_id};
use testkit::bodies::{snapshot, to_xml};

/// The workflow of all runs.
pub(crate) const WORKFLOW: &str = "w11111111111111111111111111111111";

/// A listed task or workflow run.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// The tag, or the id of the workflow.
    pub(crate) tag: String,
    pub(crate) queue: String,
    pub(crate) state: String,
    pub(crate) created: Timestamp,
    /// The node, as XML.
    pub(crate) xml: String,
}

/// Returns the time this many minutes ago.
pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(minutes)
}

/// Formats a time like Tencent.
pub(crate) fn vendor_time(time: Timestamp) -> String {
    let local = Offset::constant(8).to_datetime(time);
    format!("{}+0800", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Returns a task with this end time, which was created a minute earlier.
pub(crate) fn ended_at(number: u32, end: Timestamp) -> Job {
    task(
        number,
        "Success",
        end - SignedDuration::from_mins(1),
        Some(end),
    )
}

/// Returns a task that ended this many minutes ago.
pub(crate) fn ended(number: u32, minutes: i64) -> Job {
    ended_at(number, minutes_ago(minutes))
}

/// Returns a task with the tag `Snapshot`.
pub(crate) fn task(number: u32, state: &str, created: Timestamp, end: Option<Timestamp>) -> Job {
    let mut node = snapshot(number);
    node["State"] = json!(state);
    node["CreationTime"] = json!(vendor_time(created));
    node["StartTime"] = json!(vendor_time(created));
    node["EndTime"] = json!(end.map_or("-".to_owned(), vendor_time));
    from_node(&node, created)
}

/// Returns a task with this node.
pub(crate) fn from_node(node: &Value, created: Timestamp) -> Job {
    let text = |name: &str| node[name].as_str().expect("a text of a test").to_owned();
    Job {
        id: text("JobId"),
        tag: text("Tag"),
        queue: text("QueueId"),
        state: text("State"),
        created,
        xml: xml("JobsDetail", node),
    }
}

/// Returns a workflow run whose last task has this end time. The API response does not contain its bucket.
pub(crate) fn run_of_workflow(number: u32, state: &str, end: Timestamp) -> Job {
    let id = format!("i{number:032x}");
    let created = end - SignedDuration::from_mins(2);
    let task = |number: u32, end: Timestamp| {
        json!({
            "Type": "Snapshot",
            "Name": format!("Snapshot_{number}"),
            "State": state,
            "JobId": job_id(number),
            "CreateTime": vendor_time(created),
            "EndTime": vendor_time(end),
        })
    };
    let node = json!({
        "RunId": id,
        "WorkflowId": WORKFLOW,
        "Name": "tide",
        "State": state,
        "Object": "harbour/ebb.mp4",
        "CreateTime": vendor_time(created),
        "Tasks": [task(1, end), task(2, end - SignedDuration::from_mins(1))],
    });
    Job {
        id,
        tag: WORKFLOW.to_owned(),
        queue: String::new(),
        state: state.to_owned(),
        created,
        xml: xml("WorkflowExecution", &node),
    }
}

/// Returns the event ids of successful jobs with these numbers.
pub(crate) fn event_ids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(testkit::bodies::event_id).collect()
}

/// Converts a value to an element with this name.
fn xml(name: &str, value: &Value) -> String {
    let document = String::from_utf8(to_xml(&json!({ name: value }))).expect("it is text");
    let (_, inside) = document.split_once("<Response>").expect("it has a root");
    let (inside, _) = inside.rsplit_once("</Response>").expect("it has a root");
    inside.trim().to_owned()
}
