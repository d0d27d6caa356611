//! Fills the record of a task: one job of a queue. Jobs of an unknown family are read in the same way.
//!
//! A new job kind needs no code if its results are in `Operation.MediaResult`, or if it has no outputs. If it
//! lists its outputs elsewhere, add a line to [`RESULTS`]. If its output is the requested object, add its tag
//! to [`REQUESTED_OUTPUT`]. If it can hide a failure, add it to [`problems`]. If it has lists, numbers or
//! booleans, add their names to `fields`.

use std::{borrow::Cow, collections::HashMap};

use cloud_infinite_job_record::{Inspection, Outcome, Output, Problem, Record};

use super::{
    bucket_ref::BucketRef,
    element::Element,
    input::input,
    job::{fill_job, headers, problem},
    outputs::{Outputs, paired_urls, url_at, without_slash},
};
use crate::callback::{COS_HEADERS, trim};

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
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) -> BucketRef<'t> {
    let operation = node.child("Operation");
    let input_node = node.child("Input");
    let output = operation
        .as_ref()
        .and_then(|operation| operation.child("Output"));
    let output_bucket = output
        .as_ref()
        .map(BucketRef::from_element)
        .unwrap_or_default();

    // A body without an event has the event of tasks.
    record.event.get_or_insert(Cow::Borrowed("TaskFinish"));
    record.kind = node
        .field("Tag")
        .or_else(|| kind_of_result(operation.as_ref()?));
    record.problems = node
        .children("Operation")
        .flat_map(|operation| problems(&operation))
        .collect();
    fill_job(record, &node);
    record.inspection = inspection(&node, &record.outcome);
    if let Some(operation) = &operation {
        record.user_data = operation.verbatim("UserData").map(Cow::Borrowed);
        record.template_id = operation.field("TemplateId");
        // With several operations, it is unknown which one the requested object belongs to.
        let requested = output.as_ref().filter(|_| !node.is_repeated("Operation"));
        record.outputs = outputs(operation, requested, &output_bucket, record);
    }
    record.input = input(input_node.as_ref().unwrap_or(&node), &output_bucket);
    // Tts has its `Input` in the operation.
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
    output_bucket
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
            let is_positive = |text| trim(text).parse::<f64>().is_ok_and(|count| count > 0.0);
            let failed = element.texts(counter).find(|(_, count)| is_positive(count));
            if let Some((index, _)) = failed {
                let mut problem = Problem::default();
                problem.path = element.path_to_item(counter, index);
                problems.push(problem);
            }
        }
    }
    for tags in operation.children("VideoTagResult") {
        for stream in tags.children("StreamData") {
            let codes = stream.texts("SubErrCode");
            let mut codes = codes.map(|(index, code)| (index, trim(code)));
            if let Some((index, code)) = codes.find(|(_, code)| code.parse() != Ok(0.0)) {
                let mut problem = Problem::default();
                problem.path = stream.path_to_item("SubErrCode", index);
                problem.code = Some(Cow::Borrowed(code));
                problem.message = stream.field("SubErrMsg");
                problems.push(problem);
            }
        }
    }
    problems
}

/// Returns the result of an image inspection: the first suspicious result; else the first result, but only if
/// all of them say that nothing was found. No worker may take a missing result for a harmless image.
fn inspection<'t>(node: &Element<'_, 't>, outcome: &Outcome) -> Option<Inspection<'t>> {
    let mut first = None;
    let mut is_harmless = matches!(outcome, Outcome::Succeeded | Outcome::Partial);
    for operation in node.children("Operation") {
        for inspected in operation.children("ImageInspectResult") {
            if problem(&inspected).is_some() {
                is_harmless = false;
                continue;
            }
            // A result that is missing, or not an element, says nothing.
            let results = inspected.members().values("ProcessResult").iter().count();
            is_harmless &= results > 0 && results == inspected.children("ProcessResult").count();
            for result in inspected.children("ProcessResult") {
                let flags: Vec<_> = result
                    .texts("Suspicious")
                    .map(|(_, flag)| trim(flag))
                    .collect();
                if flags.contains(&"true") {
                    return Some(describe_inspection(&result, true));
                }
                is_harmless &= flags == ["false"] && !result.is_repeated("Suspicious");
                first = first.or_else(|| Some(describe_inspection(&result, false)));
            }
        }
    }
    first.filter(|_| is_harmless)
}

fn describe_inspection<'t>(result: &Element<'_, 't>, is_suspicious: bool) -> Inspection<'t> {
    let mut inspection = Inspection::default();
    inspection.suspicious = is_suspicious;
    inspection.kind = result.field("SuspiciousType");
    inspection.begin_byte = result.number("SuspiciousBeginByte");
    inspection.end_byte = result.number("SuspiciousEndByte");
    inspection.bytes = result.number("SuspiciousSize");
    inspection
}

/// Returns the objects that a job made, from its result nodes.
fn outputs<'t, D>(
    operation: &Element<'_, 't>,
    requested: Option<&Element<'_, 't>>,
    output_bucket: &BucketRef<'t>,
    record: &Record<'t, D>,
) -> Vec<Output<'t>> {
    let mut outputs = Outputs::default();
    for result in operation.children("MediaResult") {
        for file in result.children("OutputFile") {
            let bucket_ref = BucketRef::from_element(&file).or(output_bucket);
            add_files(&mut outputs, &file, &bucket_ref);
            for sprites in file.children("SpriteOutputFile") {
                let bucket_ref = BucketRef::from_element(&sprites).or(&bucket_ref);
                add_files(&mut outputs, &sprites, &bucket_ref);
            }
        }
    }
    let pictures: Vec<_> = operation.children("PicProcessResult").collect();
    let has_failed = |picture: &Element<'_, '_>| problem(picture).is_some();
    for picture in pictures.iter().filter(|picture| !has_failed(picture)) {
        let bucket_ref = BucketRef::from_element(picture).or(output_bucket);
        // If there are several names, it is unknown which one the size describes.
        let is_only = !picture.members().values("ObjectName").is_repeated();
        add_names(&mut outputs, picture, "ObjectName", &bucket_ref, |output| {
            if is_only {
                describe_picture(output, picture);
            }
        });
    }
    for (result, path) in RESULTS {
        for element in operation.children(result) {
            add_keys(&mut outputs, &element, path, output_bucket);
        }
    }
    warn_of_partial_lists(operation);
    let has_succeeded = match record.state {
        Some(_) => matches!(record.outcome, Outcome::Succeeded | Outcome::Partial),
        None => record.outcome == Outcome::Succeeded,
    };
    let counts = match &pictures[..] {
        [] => record
            .kind
            .as_deref()
            .is_some_and(|kind| REQUESTED_OUTPUT.contains(&kind)),
        pictures => !pictures.iter().any(has_failed),
    };
    if let Some(requested) = requested
        && outputs.is_empty()
        && has_succeeded
        && counts
    {
        add_names(&mut outputs, requested, "Object", output_bucket, |output| {
            if let [picture] = &pictures[..] {
                describe_picture(output, picture);
            }
        });
    }
    let mut outputs = outputs.into_vec(operation);
    if let [output] = &mut outputs[..]
        && let Some(info) = operation.child("MediaInfo")
    {
        describe_media(output, &info);
    }
    outputs
}

/// Adds the objects of an `OutputFile` or `SpriteOutputFile`: names with a common prefix, and digests.
fn add_files<'t>(outputs: &mut Outputs<'t>, file: &Element<'_, 't>, bucket_ref: &BucketRef<'t>) {
    let prefix = file.verbatim("ObjectPrefix").unwrap_or_default();
    let urls = paired_urls(file);
    // Digests are not always in the order of the names, so they are looked up by name.
    let digests: HashMap<_, _> = file
        .children("Md5Info")
        .filter_map(|info| {
            let name = info.verbatim("ObjectName")?;
            Some((without_slash(name), info.text("Md5")?))
        })
        .collect();
    for (index, name) in file.texts("ObjectName") {
        let path = || file.path_to_item("ObjectName", index);
        outputs.add(prefix, Cow::Borrowed(name), bucket_ref, path, |output| {
            let digest = digests
                .get(without_slash(name))
                .or_else(|| digests.get(&*output.object));
            output.md5 = digest.copied().map(Cow::Borrowed);
            output.url = url_at(&urls, index).map(Cow::Borrowed);
        });
    }
}

/// Adds the keys at the end of `path`. Their bucket is in one of the elements on the path.
fn add_keys<'t>(
    outputs: &mut Outputs<'t>,
    element: &Element<'_, 't>,
    path: &[&str],
    outer: &BucketRef<'t>,
) {
    let bucket_ref = BucketRef::from_element(element).or(outer);
    match path {
        [] => {}
        [leaf] => add_names(outputs, element, leaf, &bucket_ref, |output| {
            output.page = element.number("PageNo");
        }),
        [name, rest @ ..] => {
            for child in element.children(name) {
                add_keys(outputs, &child, rest, &bucket_ref);
            }
        }
    }
}

/// Adds the keys `leaf` of one element, each with the URL next to it.
fn add_names<'t>(
    outputs: &mut Outputs<'t>,
    element: &Element<'_, 't>,
    leaf: &str,
    bucket_ref: &BucketRef<'t>,
    describe: impl Fn(&mut Output<'t>),
) {
    let (prefix, urls) = match leaf {
        "ObjectName" => (element.verbatim("ObjectPrefix"), paired_urls(element)),
        _ => (None, Vec::new()),
    };
    let prefix = prefix.unwrap_or_default();
    for (index, name) in element.texts(leaf) {
        let path = || element.path_to_item(leaf, index);
        outputs.add(prefix, Cow::Borrowed(name), bucket_ref, path, |output| {
            output.url = url_at(&urls, index).map(Cow::Borrowed);
            describe(output);
        });
    }
}

/// Copies size, format and ETag of a picture from its `PicProcessResult`.
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

/// Copies size and duration of the only output of a task from `MediaInfo`.
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

/// Adds a warning for each incomplete list of unpacked files.
fn warn_of_partial_lists(operation: &Element<'_, '_>) {
    for result in operation.children("FileUncompressResult") {
        for list in result.children("FileList") {
            if list.text("IsTruncated") == Some("true") {
                let found = "expected all unpacked files, but the list is only a part of them";
                list.warn("IsTruncated", found);
            }
        }
    }
}
