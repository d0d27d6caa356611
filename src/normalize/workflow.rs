//! Fills the record of a workflow: one run with its tasks.

use std::borrow::Cow;

use cloud_infinite_job_record::{Outcome, Problem, Record, Task};

use super::{
    bucket_ref::BucketRef,
    cos_url::CosUrl,
    element::Element,
    input::input,
    job::{error, headers, outcome, problem, state},
    outputs::{Outputs, paired_urls, url_at, without_slash},
};
use crate::callback::COS_HEADERS;

/// The elements that list a task's objects: files, then sprites.
const OBJECTS: [&str; 2] = ["ObjectInfo", "SpriteObjectInfo"];

/// Fills a record from `WorkflowExecution`.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) {
    record.event.get_or_insert(Cow::Borrowed("WorkflowFinish"));
    record.kind = Some(Cow::Borrowed("Workflow"));
    record.job_id = node.field("RunId");
    record.state = state(&node);
    record.created_at = node.time("CreateTime");
    record.started_at = node.time("StartTime");
    record.headers = headers(&[Some(node)], COS_HEADERS);
    record.workflow.id = node.field("WorkflowId");
    record.workflow.name = node.field("WorkflowName");
    record.workflow.run_id.clone_from(&record.job_id);
    // A `Task` is much larger than its text in the body, so no spare capacity is allocated.
    let tasks = node.members().values("Tasks").iter().count();
    record.tasks.reserve_exact(tasks);
    let mut outputs = Outputs::default();
    let mut last_end: Option<String> = None;
    for element in node.children("Tasks") {
        let problems = problems(&element);
        let task = task(&element, &problems);
        if task.ended_at > last_end {
            last_end.clone_from(&task.ended_at);
        }
        add_outputs(&mut outputs, &element, task.job_id.as_ref());
        record.problems.extend(problems);
        if task.job_id.is_some() || task.kind.is_some() || task.state.is_some() {
            record.tasks.push(task);
        } else {
            element.warn(
                "JobId",
                "expected a task with JobId, Type or State, but found none",
            );
        }
    }
    record.outputs = outputs.into_vec(&node);
    record.outcome = outcome(&node, &record.problems);
    // The vendor does not document an end time of a run, so that of its last task is used.
    let has_ended = matches!(
        record.state.as_deref(),
        Some("Success" | "Failed" | "Cancel")
    );
    record.ended_at = node
        .time("EndTime")
        .or_else(|| last_end.filter(|_| has_ended));
    record.input = input(&node, &BucketRef::default());
    if record.input.region.is_none() && record.input.bucket.is_some() {
        let mut outputs = record.outputs.iter();
        let beside = outputs.find(|output| output.bucket == record.input.bucket);
        record.input.region = beside.and_then(|output| output.region.clone());
    }
}

fn task<'t>(element: &Element<'_, 't>, problems: &[Problem<'t>]) -> Task<'t> {
    let mut task = Task::default();
    task.outcome = outcome(element, problems);
    if task.outcome == Outcome::Failed {
        task.error = error(element.field("Code"), element.field("Message")).or_else(|| {
            // Otherwise the error of its first failed object.
            let object = problems
                .iter()
                .find(|problem| problem.code.is_some() || problem.message.is_some())?;
            error(object.code.clone(), object.message.clone())
        });
    }
    task.job_id = element.field("JobId");
    task.kind = element.field("Type");
    task.state = state(element);
    task.name = element.field("Name");
    task.template_id = element.field("TemplateId");
    task.created_at = element.time("CreateTime");
    task.started_at = element.time("StartTime");
    task.ended_at = element.time("EndTime");
    task
}

/// Returns the failures of a task and of its objects.
fn problems<'t>(task: &Element<'_, 't>) -> Vec<Problem<'t>> {
    // If there is a state, the code is valid only if the state is `Failed`, as for a single job.
    let own = match task.text("State") {
        Some(state) => problem(task).filter(|_| state == "Failed"),
        None => problem(task),
    };
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
        for (index, url) in object.texts("ObjectUrl") {
            let path = || object.path_to_item("ObjectUrl", index);
            if let Some(CosUrl {
                bucket,
                region,
                object: Some(key),
            }) = CosUrl::parse(url)
            {
                let bucket_ref = bucket_ref(bucket, region);
                outputs.add("", key, &bucket_ref, path, |output| {
                    output.url = Some(Cow::Borrowed(url));
                    output.job_id = job_id.cloned();
                });
            }
        }
        return;
    }
    let prefix = object.verbatim("ObjectPrefix").unwrap_or_default();
    let urls = paired_urls(object);
    for (index, name) in object.texts("ObjectName") {
        let url = url_at(&urls, index);
        let name = match prefix {
            "" => Cow::Borrowed(name),
            prefix => Cow::Owned(format!("{prefix}{name}")),
        };
        let bucket_ref = match url.and_then(CosUrl::parse) {
            None => BucketRef::default(),
            Some(CosUrl {
                bucket,
                region,
                object: Some(key),
            }) if without_slash(&name) == without_slash(&key) => bucket_ref(bucket, region),
            Some(_) => {
                let found = "expected the URL of the object beside it, but found another; bucket and \
                    region are not read from it";
                object.warn("ObjectUrl", found);
                BucketRef::default()
            }
        };
        let path = || object.path_to_item("ObjectName", index);
        outputs.add("", name, &bucket_ref, path, |output| {
            output.url = url.map(Cow::Borrowed);
            output.job_id = job_id.cloned();
        });
    }
}

fn bucket_ref<'t>(bucket: &'t str, region: Option<&'t str>) -> BucketRef<'t> {
    BucketRef {
        bucket: Some(Cow::Borrowed(bucket)),
        region: region.map(Cow::Borrowed),
    }
}

/// Returns the objects of a task.
fn objects<'s, 't>(result: &'s Element<'_, 't>) -> impl Iterator<Item = Element<'s, 't>> {
    OBJECTS.iter().flat_map(|name| result.children(name))
}
