//! Workflows: one run with its tasks.

use std::borrow::Cow;

use super::{element::Element, headers, key, location::Location};
use crate::{
    callback::HEADERS,
    record::{Input, Outcome, Output, Problem, Record, Task, Workflow},
};

/// What a task lists of its objects: files, then sprites.
const OBJECTS: [&str; 2] = ["ObjectInfo", "SpriteObjectInfo"];

/// Fills a record from `WorkflowExecution`.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't, '_>) {
    record.event.get_or_insert(Cow::Borrowed("WorkflowFinish"));
    record.kind = Some(Cow::Borrowed("Workflow"));
    record.job_id = node.field("RunId");
    record.state = node.field("State");
    record.created_at = node.time("CreateTime");
    record.started_at = node.time("StartTime");
    record.ended_at = node.time("EndTime");
    record.input = Input {
        bucket: node.field("BucketId"),
        region: node.field("Region"),
        object: node.field("Object"),
        url: None,
        data_id: None,
    };
    record.headers = headers(&[Some(node)], HEADERS);
    record.workflow = Workflow {
        id: node.field("WorkflowId"),
        name: node.field("WorkflowName"),
        run_id: record.job_id.clone(),
        node: None,
    };
    // A task in a body may be far smaller than here: no room is to spare for those yet to come.
    let tasks = node.object().values("Tasks").iter().count();
    record.tasks.reserve_exact(tasks);
    for task in node.children("Tasks") {
        let problems = problems(&task);
        record.tasks.push(self::task(&task, &problems));
        record.problems.extend(problems);
        if let Some(result) = task.child("ResultInfo") {
            record
                .outputs
                .extend(objects(&result).filter_map(|object| output(&object)));
        }
    }
}

fn task<'t>(task: &Element<'_, 't, '_>, problems: &[Problem<'t>]) -> Task<'t> {
    let state = task.text("State");
    Task {
        job_id: task.field("JobId"),
        kind: task.field("Type"),
        state: state.map(Cow::Borrowed),
        outcome: Outcome::of(state, problems),
        name: task.field("Name"),
        template_id: task.field("TemplateId"),
        created_at: task.time("CreateTime"),
        started_at: task.time("StartTime"),
        ended_at: task.time("EndTime"),
    }
}

/// The failures of a task and of the objects that it lists.
fn problems<'t>(task: &Element<'_, 't, '_>) -> Vec<Problem<'t>> {
    let mut problems: Vec<_> = Problem::of(task).into_iter().collect();
    if let Some(result) = task.child("ResultInfo") {
        problems.extend(objects(&result).filter_map(|object| Problem::of(&object)));
    }
    problems
}

fn output<'t>(object: &Element<'_, 't, '_>) -> Option<Output<'t>> {
    let url = object.text("ObjectUrl");
    let location = url.map(Location::of).unwrap_or_default();
    let name = object.field("ObjectName");
    let object = key(name.or(location.object)?)?;
    Some(Output {
        bucket: location.bucket.map(Cow::Borrowed),
        region: location.region.map(Cow::Borrowed),
        object,
        url: url.map(Cow::Borrowed),
        md5: None,
    })
}

/// The objects that a task lists, of all the names that they have.
fn objects<'s, 't, 'a>(
    result: &'s Element<'_, 't, 'a>,
) -> impl Iterator<Item = Element<'s, 't, 'a>> {
    OBJECTS.iter().flat_map(|name| result.children(name))
}
