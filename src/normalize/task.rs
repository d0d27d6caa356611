//! Fills the record of a task: one job of a queue. Jobs of an unknown family are read in the same way.
//!
//! A new job kind needs no code if its results are in `Operation.MediaResult`, or if it has no outputs. If it
//! lists its outputs elsewhere, add a line to [`RESULTS`]. If its output is the requested object, add its tag
//! to [`REQUESTED_OUTPUT`]. If it can hide a failure, add it to [`problems`]. If it has lists, numbers or
//! booleans, add their names to `callback::fields`.

use std::{borrow::Cow, collections::HashMap};

use cloud_infinite_job_record::{Outcome, Output, Problem, Record};

use super::{
    element::Element,
    input::input,
    inspection::inspection,
    job::{fill_from_jobs_detail, headers, problem},
    location::Location,
    outputs::{Outputs, object_names, without_slash},
};
use crate::callback::COS_HEADERS;

/// The result nodes below `Operation` that list keys, each with the path to the keys. `MediaResult` and
/// `PicProcessResult` are read elsewhere, since they also describe their outputs.
const RESULTS: &[(&str, &[&str])] = &[
    ("SpeechRecognitionResult", &["ObjectName"]),
    ("SpeechRecognitionResult", &["DetailObjectName"]),
    ("DocProcessResult", &["PageInfo", "TgtUri"]),
    ("FileCompressResult", &["Object"]),
    ("FileUncompressResult", &["FileList", "Contents", "Key"]),
];

/// The types whose output is the requested object `Output.Object`, if no result node contains a key.
const REQUESTED_OUTPUT: &[&str] = &[
    "NoiseReduction",
    "Translation",
    "DocWatermark",
    "DocAIGCMetadata",
    "PicProcess",
    "PosterProduction",
];

/// Fills a record from an element of `JobsDetail`, and returns the bucket of `Operation.Output`.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) -> Location<'t> {
    let operation = node.child("Operation");
    let input_node = node.child("Input");
    let output = operation
        .as_ref()
        .and_then(|operation| operation.child("Output"));
    let output_location = output
        .as_ref()
        .map(|output| Location::of_element(output, &Location::default()))
        .unwrap_or_default();

    // A body without an event has the event of tasks.
    record.event.get_or_insert(Cow::Borrowed("TaskFinish"));
    record.kind = node
        .field("Tag")
        .or_else(|| kind_of_result(operation.as_ref()?));
    let operations = node.children("Operation");
    let problems = operations.flat_map(|operation| problems(&operation));
    fill_from_jobs_detail(record, &node, problems.collect());
    record.inspection = inspection(&node, &record.outcome);
    if let Some(operation) = &operation {
        record.user_data = operation.verbatim("UserData").map(Cow::Borrowed);
        record.template_id = operation.field("TemplateId");
        // With several operations, it is unknown which one the requested object belongs to.
        let requested = output.as_ref().filter(|_| !node.is_repeated("Operation"));
        record.outputs = outputs(operation, requested, &output_location, record);
    }
    record.input = input(input_node.as_ref().unwrap_or(&node), &output_location);
    // For `Tts`, `Input` is in `Operation`.
    let operation_input = operation
        .as_ref()
        .and_then(|operation| operation.child("Input"));
    record.headers = headers(&[input_node, Some(node), operation_input], COS_HEADERS);
    if let Some(workflow) = node.child("Workflow") {
        record.workflow.id = workflow.field("WorkflowId");
        record.workflow.name = workflow.field("WorkflowName");
        record.workflow.run_id = workflow.field("RunId");
        record.workflow.node = workflow.field("Name");
    }
    output_location
}

/// Returns the type that the only result node of an operation names.
fn kind_of_result<'t>(operation: &Element<'_, 't>) -> Option<Cow<'t, str>> {
    let names = operation.members().names().map(|(name, _)| name);
    let mut kinds = names
        .filter(|name| *name != "MediaResult")
        .filter_map(|name| name.strip_suffix("Result"))
        .filter(|kind| !kind.is_empty());
    let kind = kinds.next()?;
    kinds.next().is_none().then_some(Cow::Borrowed(kind))
}

/// Returns the failures that a job with the state `Success` can hide.
fn problems<'t>(operation: &Element<'_, 't>) -> Vec<Problem<'t>> {
    let mut problems = Vec::new();
    for watermark in operation.children("DigitalWatermark") {
        problems.extend(problem(&watermark).map(|mut problem| {
            // Its message is the text to embed, not an error.
            problem.message = None;
            problem
        }));
    }
    for inspection in operation.children("ImageInspectResult") {
        problems.extend(problem(&inspection));
        // The automatic processing of a suspicious image.
        for result in inspection.children("ProcessResult") {
            let processes = result.children("AutoProcessResult");
            problems.extend(processes.filter_map(|process| problem(&process)));
        }
    }
    for picture in operation.children("PicProcessResult") {
        problems.extend(problem(&picture));
    }
    for (result, counter) in [
        ("DocProcessResult", "FailPageCount"),
        ("FileCompressResult", "ErrorCount"),
    ] {
        for element in operation.children(result) {
            // Adds a warning if it is not a number.
            element.number(counter);
            let is_positive = |count: &str| count.parse::<f64>().is_ok_and(|count| count > 0.0);
            let mut counts = element.texts(counter);
            let failed = counts.find(|count| is_positive(count.text()));
            problems.extend(failed.map(|count| Problem::new(count.path(), None, None)));
        }
    }
    for tags in operation.children("VideoTagResult") {
        for stream in tags.children("StreamData") {
            let mut codes = stream.texts("SubErrCode");
            let failed = codes.find(|code| code.text().parse() != Ok(0.0));
            problems.extend(failed.map(|code| {
                let message = stream.field("SubErrMsg");
                Problem::new(code.path(), Some(Cow::Borrowed(code.text())), message)
            }));
        }
    }
    problems
}

/// Returns the objects that a job made: those of its result nodes, else the requested object.
fn outputs<'t, D>(
    operation: &Element<'_, 't>,
    requested: Option<&Element<'_, 't>>,
    output_location: &Location<'t>,
    record: &Record<'t, D>,
) -> Vec<Output<'t>> {
    let mut outputs = Outputs::default();
    add_media(&mut outputs, operation, output_location);
    let pictures: Vec<_> = operation.children("PicProcessResult").collect();
    for picture in &pictures {
        add_picture(&mut outputs, picture, output_location);
    }
    for (result, path) in RESULTS {
        for element in operation.children(result) {
            add_keys(&mut outputs, &element, path, output_location);
        }
    }
    warn_of_truncated_lists(operation);
    if let Some(requested) = requested
        && outputs.is_empty()
        && made_requested_output(record, &pictures)
    {
        for name in object_names(requested, "Object") {
            outputs.add(name, output_location, |output| {
                if let [picture] = &pictures[..] {
                    describe_picture(output, picture);
                }
            });
        }
    }
    let mut outputs = outputs.into_vec(operation);
    if let [output] = &mut outputs[..]
        && let Some(info) = operation.child("MediaInfo")
    {
        describe_media(output, &info);
    }
    outputs
}

/// Returns whether a job whose result nodes contain no key made the requested object.
fn made_requested_output<D>(record: &Record<'_, D>, pictures: &[Element<'_, '_>]) -> bool {
    let has_succeeded = match record.state {
        Some(_) => matches!(record.outcome, Outcome::Succeeded | Outcome::Partial),
        None => record.outcome == Outcome::Succeeded,
    };
    let kind = record.kind.as_deref().unwrap_or_default();
    has_succeeded
        && match pictures {
            [] => REQUESTED_OUTPUT.contains(&kind),
            _ => pictures.iter().all(|picture| problem(picture).is_none()),
        }
}

/// Adds the files of `MediaResult`, each with its sprites.
fn add_media<'t>(
    outputs: &mut Outputs<'t>,
    operation: &Element<'_, 't>,
    output_location: &Location<'t>,
) {
    for result in operation.children("MediaResult") {
        for file in result.children("OutputFile") {
            let location = Location::of_element(&file, output_location);
            add_files(outputs, &file, &location);
            for sprites in file.children("SpriteOutputFile") {
                let location = Location::of_element(&sprites, &location);
                add_files(outputs, &sprites, &location);
            }
        }
    }
}

/// Adds the objects of an `OutputFile` or `SpriteOutputFile`, with their digests.
fn add_files<'t>(outputs: &mut Outputs<'t>, file: &Element<'_, 't>, location: &Location<'t>) {
    let names = object_names(file, "ObjectName");
    // Digests are not always in the order of the names, so they are looked up by name.
    let digests: HashMap<_, _> = file
        .children("Md5Info")
        .filter_map(|info| {
            let name = info.verbatim("ObjectName")?;
            Some((without_slash(name), info.text("Md5")?))
        })
        .collect();
    for name in names {
        let short_name = without_slash(name.leaf.verbatim);
        outputs.add(name, location, |output| {
            let digest = digests.get(short_name);
            let digest = digest.or_else(|| digests.get(&*output.object));
            output.md5 = digest.copied().map(Cow::Borrowed);
        });
    }
}

/// Adds the objects of a `PicProcessResult`, unless it failed.
fn add_picture<'t>(
    outputs: &mut Outputs<'t>,
    picture: &Element<'_, 't>,
    output_location: &Location<'t>,
) {
    if problem(picture).is_some() {
        return;
    }
    let location = Location::of_element(picture, output_location);
    // If there are several names, it is unknown which one the size describes.
    let is_only = !picture.is_repeated("ObjectName");
    for name in object_names(picture, "ObjectName") {
        outputs.add(name, &location, |output| {
            if is_only {
                describe_picture(output, picture);
            }
        });
    }
}

/// Adds the keys at the end of `path`. Their bucket is in one of the elements on the path.
fn add_keys<'t>(
    outputs: &mut Outputs<'t>,
    element: &Element<'_, 't>,
    path: &[&str],
    outer: &Location<'t>,
) {
    let location = Location::of_element(element, outer);
    match path {
        [] => {}
        [leaf] => {
            for name in object_names(element, leaf) {
                let page = |output: &mut Output<'t>| output.page = element.number("PageNo");
                outputs.add(name, &location, page);
            }
        }
        [name, rest @ ..] => {
            for child in element.children(name) {
                add_keys(outputs, &child, rest, &location);
            }
        }
    }
}

/// Copies the size, dimensions, format and ETag of a picture from its `PicProcessResult`.
fn describe_picture<'t>(output: &mut Output<'t>, picture: &Element<'_, 't>) {
    let Some(result) = picture.child("ProcessResult") else {
        return;
    };
    output.bytes = result.number("Size");
    output.width = result.number("Width");
    output.height = result.number("Height");
    output.format = result.field("Format");
    output.etag = result.field("Etag");
}

/// Copies the size, dimensions and duration of the only output of a task from `MediaInfo`.
fn describe_media<'t>(output: &mut Output<'t>, info: &Element<'_, 't>) {
    if let Some(format) = info.child("Format") {
        output.bytes = output.bytes.take().or_else(|| format.number("Size"));
        output.duration = format.number("Duration");
    }
    if let Some(stream) = info.child("Stream")
        && let Some(video) = stream.children("Video").next()
    {
        output.width = output.width.take().or_else(|| video.number("Width"));
        output.height = output.height.take().or_else(|| video.number("Height"));
    }
}

/// Adds a warning for each truncated list of unpacked files.
fn warn_of_truncated_lists(operation: &Element<'_, '_>) {
    for result in operation.children("FileUncompressResult") {
        for list in result.children("FileList") {
            if list.text("IsTruncated") == Some("true") {
                list.warn("IsTruncated", "the list of unpacked files is truncated");
            }
        }
    }
}
