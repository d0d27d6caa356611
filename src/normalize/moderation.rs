//! Fills the record of a moderation job, in the vendor's two forms.

use std::{borrow::Cow, collections::BTreeMap};

use cloud_infinite_job_record::{Forbidden, Moderation, Outcome, Record, Scene, Verdict};

use super::{
    bucket_ref::BucketRef,
    element::Element,
    input::{input, simple_input},
    job::{error, fill_job, headers, problem},
    outputs::Outputs,
};
use crate::callback::{COS_HEADERS, Members, Node, number, trim};

/// The names of the fields in one of the forms.
struct FieldNames {
    verdicts: &'static [&'static str],
    parse_verdict: fn(&str) -> Option<Verdict>,
    label: &'static str,
    sub_label: &'static str,
    category: &'static str,
    score: &'static str,
    forbidden: &'static str,
    /// The suffix of the scenes' names.
    scene: &'static str,
    /// A scene with another name in the Detail form, and that name.
    renamed_scene: Option<(&'static str, &'static str)>,
    hit: &'static str,
    count: &'static str,
}

const DETAIL: FieldNames = FieldNames {
    // `Suggestion` is the verdict on documents and web pages.
    verdicts: &["Result", "Suggestion"],
    parse_verdict: verdict_of_number,
    label: "Label",
    sub_label: "SubLabel",
    category: "Category",
    score: "Score",
    forbidden: "ForbidState",
    scene: "Info",
    renamed_scene: None,
    hit: "HitFlag",
    count: "Count",
};

/// Virus detection says its result in a word.
const VIRUS_DETECTION: FieldNames = FieldNames {
    verdicts: &["Suggestion"],
    parse_verdict: verdict_of_word,
    ..DETAIL
};

const SIMPLE: FieldNames = FieldNames {
    verdicts: &["result"],
    parse_verdict: verdict_of_number,
    label: "label",
    sub_label: "sub_label",
    category: "category",
    score: "score",
    forbidden: "forbidden_status",
    scene: "_info",
    renamed_scene: Some(("terrorist", "terrorism")),
    hit: "hit_flag",
    count: "count",
};

/// Whether an element of `JobsDetail` without a tag and an operation is virus detection.
pub(super) fn is_virus_detection(job: Members<'_>) -> bool {
    let words = job.values("Suggestion").iter().filter_map(Node::as_text);
    job.has("DetectDetail") || words.map(trim).any(|word| verdict_of_word(word).is_some())
}

/// Whether an element of `JobsDetail` without an event, a tag and an operation is a moderation job.
pub(super) fn is_verdict(job: Members<'_>) -> bool {
    let has_scene = || {
        job.names().any(|(name, values)| {
            scene_name(name, &DETAIL).is_some()
                && values
                    .iter()
                    .any(|info| matches!(info, Node::Object(info) if info.has(DETAIL.hit)))
        })
    };
    job.has("Result") || job.has("Suggestion") || has_scene()
}

/// Fills a record from an element of `JobsDetail`.
pub(super) fn fill_detail<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) {
    record.kind = record.event.clone();
    fill(record, node, &DETAIL);
}

/// Fills a record from an element of `JobsDetail` that describes virus detection.
pub(super) fn fill_virus_detection<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) {
    record.kind = Some(Cow::Borrowed("VirusDetect"));
    fill(record, node, &VIRUS_DETECTION);
}

fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>, names: &FieldNames) {
    fill_job(record, &node);
    record.input = input(&node, &BucketRef::default());
    record.headers = headers(&[Some(node)], COS_HEADERS);
    let mut outputs = Outputs::default();
    if let Some(mask) = node.child("MaskInfo") {
        add_masked_copies(&mut outputs, &mask);
    }
    record.outputs = outputs.into_vec(&node);
    // Documents and web pages have the scenes of all their parts in `Labels`.
    let labels = node.children("Labels");
    let elements: Vec<_> = std::iter::once(node).chain(labels).collect();
    record.moderation = Some(moderation(&elements, &record.outcome, names));
}

/// Fills a record from a body with `code`, `message` and `data`.
pub(super) fn fill_simple<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) {
    record.kind = record.event.clone();
    let (code, message) = (node.field("code"), node.field("message"));
    let (state, outcome) = match code.as_deref() {
        Some("0") => ("Success", Outcome::Succeeded),
        _ => ("Failed", Outcome::Failed),
    };
    if outcome == Outcome::Failed {
        record.error = error(code, message);
    }
    record.state = Some(Cow::Borrowed(state));
    record.outcome = outcome;
    let Some(data) = node.child("data") else {
        return;
    };
    record.job_id = data.field("trace_id");
    record.input = simple_input(&data);
    record.headers = headers(&[Some(data)], "cos_headers");
    // If there are several results, none of them is reliable.
    let is_ambiguous = node.is_repeated("code") || node.is_repeated("data");
    let is_final = record.outcome != Outcome::Succeeded || !is_live_stream(record, &data);
    let outcome = match (is_ambiguous, is_final) {
        (true, _) => &Outcome::UNKNOWN,
        (false, true) => &record.outcome,
        (false, false) => &Outcome::Pending,
    };
    record.moderation = Some(moderation(&[data], outcome, &SIMPLE));
}

/// Whether a job moderates a live stream, whose later callbacks may have other results. Adds a warning if so: the
/// Simple form has no state that says it.
fn is_live_stream<D>(record: &Record<'_, D>, data: &Element<'_, '_>) -> bool {
    let scheme = record.input.url.as_deref().and_then(|url| {
        let (scheme, _) = url.trim_start().split_once("://")?;
        Some(scheme)
    });
    let is_web = |scheme: &str| {
        ["http", "https"]
            .iter()
            .any(|web| scheme.eq_ignore_ascii_case(web))
    };
    let is_stream = record.event.as_deref() == Some("ReviewVideo")
        && scheme.is_some_and(|scheme| !is_web(scheme));
    if is_stream {
        data.warn(
            "url",
            "a live stream; normal is unknown until the stream has ended",
        );
    }
    is_stream
}

/// Adds the masked copies of a video as outputs.
fn add_masked_copies<'t>(outputs: &mut Outputs<'t>, mask: &Element<'_, 't>) {
    for recording in mask.children("RecordInfo") {
        if problem(&recording).is_some() {
            continue;
        }
        let Some(output) = recording.child("Output") else {
            continue;
        };
        let bucket_ref = BucketRef::from_element(&output);
        for (index, name) in output.texts("Object") {
            let path = || output.path_to_item("Object", index);
            outputs.add("", Cow::Borrowed(name), &bucket_ref, path, |_| ());
        }
    }
}

/// Reads the result of a job from the first element, and the scenes from all of them.
fn moderation<'t>(
    elements: &[Element<'_, 't>],
    outcome: &Outcome,
    names: &FieldNames,
) -> Moderation<'t> {
    let result = &elements[0];
    let named = names
        .verdicts
        .iter()
        .filter(|name| result.members().has(name));
    let mut verdicts = named.map(|name| verdict(result, name, names.parse_verdict, outcome));
    let verdict = verdicts.next().unwrap_or(Verdict::UNKNOWN);
    // If the verdicts contradict each other, none of them is reliable.
    let is_certain = verdicts.all(|other| other == verdict);
    let forbidden = result.text(names.forbidden).and_then(|number| {
        let forbidden = match parse_number(number) {
            Some(0.0) => Some(Forbidden::None),
            Some(1.0) => Some(Forbidden::Frozen),
            Some(2.0) => Some(Forbidden::Moved),
            _ => None,
        };
        if forbidden.is_none() {
            result.warn_expected(names.forbidden, "0, 1 or 2", number);
        }
        forbidden
    });
    let scenes = scenes(elements, outcome, names);
    let hits = scenes.iter().filter(|(is_hit, _)| *is_hit);
    let hits = hits.map(|(_, scene)| scene.name.clone()).collect();
    let mut moderation = Moderation::default();
    moderation.verdict = if is_certain {
        verdict
    } else {
        Verdict::UNKNOWN
    };
    moderation.label = result.field(names.label);
    moderation.sub_label = result.field(names.sub_label);
    moderation.category = result.field(names.category);
    moderation.score = result.number(names.score);
    // A failed job has 0 here as well. If there are several values, none of them is reliable.
    moderation.forbidden = forbidden.filter(|_| {
        !result.is_repeated(names.forbidden)
            && matches!(
                outcome,
                Outcome::Succeeded | Outcome::Partial | Outcome::Pending
            )
    });
    moderation.hits = hits;
    moderation.scenes = scenes.into_iter().map(|(_, scene)| scene).collect();
    moderation
}

fn verdict_of_number(text: &str) -> Option<Verdict> {
    match parse_number(text)? {
        0.0 => Some(Verdict::Normal),
        1.0 => Some(Verdict::Sensitive),
        2.0 => Some(Verdict::Suspected),
        _ => None,
    }
}

fn verdict_of_word(text: &str) -> Option<Verdict> {
    match text {
        // One of the vendor's pages writes `nomal`.
        "normal" | "nomal" => Some(Verdict::Normal),
        "block" => Some(Verdict::Sensitive),
        _ => None,
    }
}

/// Returns the verdict of the value `name`, if it is valid for this outcome: a failed job has 0 as well, and
/// later parts of a live video may differ. If there are several values, none of them is reliable.
fn verdict(
    element: &Element<'_, '_>,
    name: &str,
    parse: fn(&str) -> Option<Verdict>,
    outcome: &Outcome,
) -> Verdict {
    let Some(text) = element.text(name) else {
        return Verdict::UNKNOWN;
    };
    let verdict = match parse(text) {
        _ if element.is_repeated(name) => Verdict::UNKNOWN,
        Some(verdict) => verdict,
        None => {
            element.warn_expected(name, "a known verdict", text);
            Verdict::UNKNOWN
        }
    };
    match outcome {
        Outcome::Succeeded | Outcome::Partial => verdict,
        Outcome::Pending if verdict != Verdict::Normal => verdict,
        _ => Verdict::UNKNOWN,
    }
}

/// Parses a number, unless it is so small that it would become 0.
fn parse_number(text: &str) -> Option<f64> {
    let number = number(text)?.get();
    let mut digits = number.bytes().take_while(|byte| !b"eE".contains(byte));
    let is_zero = !digits.any(|byte| (b'1'..=b'9').contains(&byte));
    let parsed = number.parse().ok()?;
    (is_zero || parsed != 0.0).then_some(parsed)
}

/// Returns the scenes of all elements, sorted by name, with whether each was hit.
fn scenes<'t>(
    elements: &[Element<'_, 't>],
    outcome: &Outcome,
    names: &FieldNames,
) -> Vec<(bool, Scene<'t>)> {
    // Elements instead of scenes, which are much larger than their texts in the body.
    let mut chosen: BTreeMap<String, (bool, Element<'_, 't>)> = BTreeMap::new();
    for element in elements {
        for (info_name, _) in element.members().names() {
            let Some(name) = scene_name(info_name, names) else {
                continue;
            };
            for info in element.children(info_name) {
                let Some(is_hit) = is_hit(&info, names) else {
                    continue;
                };
                // Of equal names, the first that was hit is used, else the first.
                match chosen.get(&name) {
                    Some((was_hit, _)) if *was_hit || !is_hit => {}
                    _ => {
                        chosen.insert(name.clone(), (is_hit, info));
                    }
                }
            }
        }
    }
    let scenes = chosen.into_iter().map(|(name, (is_hit, info))| {
        let mut scene = Scene::default();
        scene.name = name;
        scene.verdict = verdict(&info, names.hit, verdict_of_number, outcome);
        scene.score = info.number(names.score);
        scene.count = info.number(names.count);
        scene.label = info.field(names.label);
        scene.sub_label = info.field(names.sub_label);
        scene.category = info.field(names.category);
        (is_hit, scene)
    });
    scenes.collect()
}

/// Returns whether one of a scene's flags is not 0, or `None` if it has no flag.
fn is_hit(info: &Element<'_, '_>, names: &FieldNames) -> Option<bool> {
    let flags = info.members().values(names.hit);
    flags.first()?;
    let is_raised = |flag: &Node<'_>| flag.as_text().map(trim).and_then(parse_number) != Some(0.0);
    Some(flags.iter().any(is_raised))
}

/// Returns the name of the scene that the element `name` describes.
fn scene_name(name: &str, names: &FieldNames) -> Option<String> {
    let scene = name.strip_suffix(names.scene)?;
    let scene = match names.renamed_scene {
        Some((from, to)) if scene == from => to,
        _ => scene,
    };
    (!scene.is_empty()).then(|| scene.to_lowercase())
}
