//! Fills the record of a workflow: one run with its tasks.

use std::borrow::Cow;

use cloud_infinite_job_record::{Outcome, Problem, Record, Task};

use super::{
    element::Element,
    input::input,
    job::{Status, error, headers, problem},
    location::Location,
    outputs::{ObjectName, Outputs, object_names},
};
use crate::callback::COS_HEADERS;

/// The elements that list a task's objects: files, then sprites.
const OBJECTS: [&str; 2] = ["ObjectInfo", "SpriteObjectInfo"];

/// Fills a record from `WorkflowExecution`.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) {
    record.event.get_or_insert(Cow::Borrowed("WorkflowFinish"));
    record.kind = Some(Cow::Borrowed("Workflow"));
    record.job_id = node.field("RunId");
    record.created_at = node.time("CreateTime");
    record.started_at = node.time("StartTime");
    record.headers = headers(&[Some(node)], COS_HEADERS);
    record.workflow.id = node.field("WorkflowId");
    record.workflow.name = node.field("WorkflowName");
    record.workflow.run_id.clone_from(&record.job_id);
    // A `Task` is much larger than its text in the body, so no spare capacity is allocated.
    let tasks = node.members().values("Tasks").iter().count();
    record.tasks.reserve_exact(tasks);
    let mut all_problems = Vec::new();
    let mut outputs = Outputs::default();
    let mut last_end: Option<String> = None;
    for element in node.children("Tasks") {
        let (task, problems) = task(&element);
        if task.ended_at > last_end {
            last_end.clone_from(&task.ended_at);
        }
        add_outputs(&mut outputs, &element, task.job_id.as_ref());
        all_problems.extend(problems);
        if task.job_id.is_some() || task.kind.is_some() || task.state.is_some() {
            record.tasks.push(task);
        } else {
            element.warn(
                "JobId",
                "missing, like Type and State; the task was skipped",
            );
        }
    }
    record.outputs = outputs.into_vec(&node);
    Status::new(&node, all_problems).fill(record);
    // Tencent does not document an end time of a run, so that of its last task is used.
    let is_final = !matches!(record.outcome, Outcome::Pending | Outcome::Unknown(_));
    let has_ended = record.state.is_some() && is_final;
    let last_end = last_end.filter(|_| has_ended);
    record.ended_at = node.time("EndTime").or(last_end);
    record.input = input(&node, &Location::default());
    if record.input.region.is_none() && record.input.bucket.is_some() {
        let mut outputs = record.outputs.iter();
        let in_bucket = outputs.find(|output| output.bucket == record.input.bucket);
        record.input.region = in_bucket.and_then(|output| output.region.clone());
    }
}

/// Returns a task, and its failures.
fn task<'t>(element: &Element<'_, 't>) -> (Task<'t>, Vec<Problem<'t>>) {
    let status = Status::new(element, problems(element));
    let error_of_object = || {
        let mut problems = status.problems.iter();
        let object = problems.find(|object| object.code.is_some() || object.message.is_some())?;
        error(object.code.clone(), object.message.clone())
    };
    let error = match status.outcome {
        Outcome::Failed => status.error.or_else(error_of_object),
        _ => None,
    };
    let mut task = Task::new(status.outcome);
    task.job_id = element.field("JobId");
    task.kind = element.field("Type");
    task.state = status.state;
    task.error = error;
    task.name = element.field("Name");
    task.template_id = element.field("TemplateId");
    task.created_at = element.time("CreateTime");
    task.started_at = element.time("StartTime");
    task.ended_at = element.time("EndTime");
    (task, status.problems)
}

/// Returns the failures of a task and of its objects.
fn problems<'t>(task: &Element<'_, 't>) -> Vec<Problem<'t>> {
    // If there is a state, the code is valid only if the state is `Failed`, as for a single job.
    let has_failed = task.texts("State").any(|state| state.text() == "Failed");
    let own = problem(task).filter(|_| has_failed || !task.members().has("State"));
    let mut problems: Vec<_> = own.into_iter().collect();
    for result in task.children("ResultInfo") {
        problems.extend(objects(&result).filter_map(|object| problem(&object)));
    }
    problems
}

/// Adds the objects of a task, except those that failed.
fn add_outputs<'t>(
    outputs: &mut Outputs<'t>,
    task: &Element<'_, 't>,
    job_id: Option<&Cow<'t, str>>,
) {
    for result in task.children("ResultInfo") {
        for object in objects(&result) {
            if problem(&object).is_none() {
                add_output(outputs, &object, job_id);
            }
        }
    }
}

fn add_output<'t>(
    outputs: &mut Outputs<'t>,
    object: &Element<'_, 't>,
    job_id: Option<&Cow<'t, str>>,
) {
    if !object.members().has("ObjectName") {
        add_url(outputs, object, job_id);
    }
    for name in object_names(object, "ObjectName") {
        let location = match name.url.and_then(Location::of_url) {
            None => Location::default(),
            Some(url) if url.key.as_deref().is_some_and(|key| name.is_key(key)) => url,
            Some(_) => {
                let problem = "not the URL of this object; bucket and region are not read from it";
                object.warn("ObjectUrl", problem);
                Location::default()
            }
        };
        outputs.add(name, &location, |output| output.job_id = job_id.cloned());
    }
}

/// Adds the objects of the URLs of an element without names.
fn add_url<'t>(outputs: &mut Outputs<'t>, object: &Element<'_, 't>, job_id: Option<&Cow<'t, str>>) {
    for leaf in object.texts("ObjectUrl") {
        let Some(location) = Location::of_url(leaf.verbatim) else {
            continue;
        };
        let Some(key) = location.key.clone() else {
            continue;
        };
        let name = ObjectName {
            prefix: "",
            name: key,
            url: Some(leaf.verbatim),
            leaf,
        };
        outputs.add(name, &location, |output| output.job_id = job_id.cloned());
    }
}

/// Returns the objects of a task.
fn objects<'s, 't>(result: &'s Element<'_, 't>) -> impl Iterator<Item = Element<'s, 't>> {
    OBJECTS.iter().flat_map(|name| result.children(name))
}
