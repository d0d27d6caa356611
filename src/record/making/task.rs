//! Tasks: one job of a queue. Also what is read of a callback with an unknown event.
//!
//! A new job kind needs no code if its results are in `Operation.MediaResult`, or if it makes
//! nothing. If it lists what it made elsewhere, that is a line in [`RESULTS`]; if its output is
//! what was asked for, its tag is one more in [`OUTPUT_AS_ASKED`]; if it can hide a failure, that is
//! a line in [`problems`].

use std::{borrow::Cow, collections::HashMap};

use super::{Home, element::Element, headers, key};
use crate::{
    callback::HEADERS,
    record::{Input, Output, Problem, Record, Workflow},
};

/// The result nodes below `Operation` that list keys, and the path from there to the keys.
/// `MediaResult` is not here: it alone has prefixes, digests and sprites.
const RESULTS: &[(&str, &[&str])] = &[
    ("PicProcessResult", &["ObjectName"]),
    ("SpeechRecognitionResult", &["ObjectName"]),
    ("SpeechRecognitionResult", &["DetailObjectName"]),
    ("DocProcessResult", &["PageInfo", "TgtUri"]),
    ("FileCompressResult", &["Object"]),
    ("FileUncompressResult", &["FileList", "Contents", "Key"]),
];

/// The tags whose result is the object that was asked for, where no result node names a key.
const OUTPUT_AS_ASKED: &[&str] = &[
    "NoiseReduction",
    "Translation",
    "DocWatermark",
    "PicProcess",
    "PosterProduction",
];

/// How much text the outputs of one job may have. Names are short, but a long prefix or bucket is
/// repeated in each of them: without a bound a small body could make a record of gigabytes. Real
/// jobs stay far below: 5,000 pages have half a megabyte.
const MAX_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// Fills a record from an element of `JobsDetail`, and tells where the job writes to.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't, '_>) -> Home<'t> {
    let operation = node.child("Operation");
    let input = node.child("Input");
    let output = operation
        .as_ref()
        .and_then(|operation| operation.child("Output"));

    // A family is unknown by its event: where there is none, it is a task.
    record.event.get_or_insert(Cow::Borrowed("TaskFinish"));
    record.kind = node.field("Tag");
    record.fill_job(&node);
    if let Some(operation) = &operation {
        record.user_data = operation.field("UserData");
        record.template_id = operation.field("TemplateId");
        record.problems = problems(operation);
    }
    if let Some(input) = &input {
        record.input = self::input(input, output.as_ref());
    }
    let home = Home::of(&[output.as_ref()]);
    // Tts has no `Input`: what it speaks is text of the operation.
    let spoken = operation
        .as_ref()
        .and_then(|operation| operation.child("Input"));
    record.headers = headers(&[input, spoken, Some(node)], HEADERS);
    if let Some(workflow) = node.child("Workflow") {
        record.workflow = Workflow {
            id: workflow.field("WorkflowId"),
            name: workflow.field("WorkflowName"),
            run_id: workflow.field("RunId"),
            node: workflow.field("Name"),
        };
    }
    if let Some(operation) = &operation {
        let (tag, state) = (record.kind.as_deref(), record.state.as_deref());
        record.outputs = outputs(operation, output.as_ref(), tag, state);
    }
    home
}

fn input<'t>(input: &Element<'_, 't, '_>, output: Option<&Element<'_, 't, '_>>) -> Input<'t> {
    let object = input.text("Object");
    // Documents name only the key of what they read; it is in the bucket that they write to.
    let beside = output.filter(|_| object.is_some());
    let bucket = input.text("BucketId").or_else(|| beside?.text("Bucket"));
    let region = input.text("Region").or_else(|| beside?.text("Region"));
    Input {
        bucket: bucket.map(Cow::Borrowed),
        region: region.map(Cow::Borrowed),
        object: object.map(Cow::Borrowed),
        url: input.field("Url"),
        data_id: input.field("DataId"),
    }
}

/// The failures that a job whose state is `Success` can hide.
fn problems<'t>(operation: &Element<'_, 't, '_>) -> Vec<Problem<'t>> {
    let mut problems = Vec::new();
    for watermark in operation.children("DigitalWatermark") {
        // Its message is the text that was to be embedded; the vendor gives no other.
        problems.extend(Problem::of(&watermark));
    }
    for inspection in operation.children("ImageInspectResult") {
        problems.extend(Problem::of(&inspection));
        // What was done by itself about a suspicious image.
        if let Some(result) = inspection.child("ProcessResult")
            && let Some(process) = result.child("AutoProcessResult")
        {
            problems.extend(Problem::of(&process));
        }
    }
    for picture in operation.children("PicProcessResult") {
        problems.extend(Problem::of(&picture));
    }
    for (result, counter) in [
        ("DocProcessResult", "FailPageCount"),
        ("FileCompressResult", "ErrorCount"),
    ] {
        for element in operation.children(result) {
            let Some(count) = element.text(counter) else {
                continue;
            };
            let number = count.parse::<f64>();
            if number.is_err() {
                element.warn_expected(counter, "a number", count);
            }
            if number.is_ok_and(|count| count > 0.0) {
                problems.push(Problem {
                    path: element.path_to(counter),
                    code: None,
                    message: None,
                });
            }
        }
    }
    for tags in operation.children("VideoTagResult") {
        for stream in tags.children("StreamData") {
            if let Some(code) = stream
                .text("SubErrCode")
                .filter(|code| code.parse() != Ok(0.0))
            {
                problems.push(Problem {
                    path: stream.path_to("SubErrCode"),
                    code: Some(Cow::Borrowed(code)),
                    message: stream.field("SubErrMsg"),
                });
            }
        }
    }
    problems
}

/// The objects that a job made, by what its result nodes list.
fn outputs<'t>(
    operation: &Element<'_, 't, '_>,
    asked: Option<&Element<'_, 't, '_>>,
    tag: Option<&str>,
    state: Option<&str>,
) -> Vec<Output<'t>> {
    let mut made = Made::default();
    for result in operation.children("MediaResult") {
        for file in result.children("OutputFile") {
            made.add_files(&file, &[asked]);
            for sprites in file.children("SpriteOutputFile") {
                made.add_files(&sprites, &[Some(&file), asked]);
            }
        }
    }
    for (result, path) in RESULTS {
        for element in operation.children(result) {
            made.add_keys(&element, path, &[asked]);
        }
    }
    let counts = tag.is_some_and(|tag| OUTPUT_AS_ASKED.contains(&tag))
        || operation.children("PicProcessResult").next().is_some();
    if made.outputs.is_empty() && counts && state != Some("Failed") {
        let key = asked.and_then(|asked| asked.text("Object"));
        made.add("", key, &Home::of(&[asked]), |_| None);
    }
    if made.left_out > 0 {
        let found = format!(
            "expected outputs of at most {MAX_OUTPUT_BYTES} bytes, {} more were left out",
            made.left_out
        );
        operation.warn("outputs", &found);
    }
    made.outputs
}

/// Outputs as far as they were found.
#[derive(Default)]
struct Made<'t> {
    outputs: Vec<Output<'t>>,
    bytes: usize,
    left_out: usize,
}

impl<'t> Home<'t> {
    /// What the nearest of `holders` says, which come first.
    fn of(holders: &[Option<&Element<'_, 't, '_>>]) -> Self {
        let nearest = |name| {
            holders
                .iter()
                .flatten()
                .find_map(|holder| holder.text(name))
        };
        Self {
            bucket: nearest("Bucket"),
            region: nearest("Region"),
        }
    }
}

impl<'t> Made<'t> {
    /// `OutputFile` and `SpriteOutputFile`: names below a prefix, and digests by name.
    fn add_files(&mut self, file: &Element<'_, 't, '_>, around: &[Option<&Element<'_, 't, '_>>]) {
        let prefix = file.text("ObjectPrefix").unwrap_or_default();
        let home = Home::of(&[&[Some(file)], around].concat());
        // The digests are not always in step with the names, so they are found by name.
        let digests: HashMap<_, _> = file
            .children("Md5Info")
            .filter_map(|info| {
                let name = info.text("ObjectName")?;
                Some((name.trim_start_matches('/'), info.text("Md5")?))
            })
            .collect();
        for name in file.texts("ObjectName") {
            let digest = |key: &str| {
                digests
                    .get(key)
                    .or_else(|| digests.get(name.trim_start_matches('/')))
                    .copied()
            };
            self.add(prefix, Some(name), &home, digest);
        }
    }

    /// The keys at the end of `path`. Their bucket stands somewhere on the way.
    fn add_keys(
        &mut self,
        element: &Element<'_, 't, '_>,
        path: &[&str],
        around: &[Option<&Element<'_, 't, '_>>],
    ) {
        let holders = [&[Some(element)], around].concat();
        match path {
            [] => {}
            [leaf] => {
                let home = Home::of(&holders);
                for name in element.texts(leaf) {
                    self.add("", Some(name), &home, |_| None);
                }
            }
            [name, rest @ ..] => {
                for child in element.children(name) {
                    self.add_keys(&child, rest, &holders);
                }
            }
        }
    }

    /// One object, unless its name is a template's.
    fn add(
        &mut self,
        prefix: &str,
        name: Option<&'t str>,
        home: &Home<'t>,
        digest: impl Fn(&str) -> Option<&'t str>,
    ) {
        let Some(name) = name else { return };
        if self.bytes > MAX_OUTPUT_BYTES {
            self.left_out += 1;
            return;
        }
        let texts = [Some(prefix), Some(name), home.bucket, home.region];
        // Counted for a template's name, too: looking at it takes as long.
        self.bytes += texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        let object = match prefix {
            "" => key(Cow::Borrowed(name)),
            prefix => key(Cow::Owned(format!("{prefix}{name}"))),
        };
        let Some(object) = object else { return };
        let md5 = digest(&object);
        self.bytes += md5.map_or(0, str::len);
        self.outputs.push(Output {
            bucket: home.bucket.map(Cow::Borrowed),
            region: home.region.map(Cow::Borrowed),
            object,
            url: None,
            md5: md5.map(Cow::Borrowed),
        });
    }
}
