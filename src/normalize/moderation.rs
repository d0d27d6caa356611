//! Fills the record of a moderation job, in the vendor's two forms.

use std::{borrow::Cow, collections::BTreeMap};

use cloud_infinite_job_record::{Moderation, Outcome, Output, Record, Scene, Verdict};

use super::{
    bucket_ref::BucketRef,
    element::Element,
    input::{input, simple_input},
    job::{Status, error, fill_job, headers, problem},
    outputs::{Outputs, object_names},
    verdict::{forbidden, parse_number, verdict, verdict_of_number, verdict_of_word},
};
use crate::callback::{COS_HEADERS, Members, Node, Values, trim};

/// The names of the fields in one of the forms.
pub(super) struct FieldNames {
    /// The type of the job, if it is not the event.
    kind: Option<&'static str>,
    verdicts: &'static [&'static str],
    parse_verdict: fn(&str) -> Option<Verdict>,
    label: &'static str,
    sub_label: &'static str,
    category: &'static str,
    score: &'static str,
    forbidden: &'static str,
    /// The suffix of the scenes' names.
    scene: &'static str,
    hit: &'static str,
    count: &'static str,
}

pub(super) const DETAIL_FIELDS: FieldNames = FieldNames {
    kind: None,
    // `Suggestion` is the verdict on documents and web pages.
    verdicts: &["Result", "Suggestion"],
    parse_verdict: verdict_of_number,
    label: "Label",
    sub_label: "SubLabel",
    category: "Category",
    score: "Score",
    forbidden: "ForbidState",
    scene: "Info",
    hit: "HitFlag",
    count: "Count",
};

/// Virus detection says its result in a word.
pub(super) const VIRUS_DETECTION_FIELDS: FieldNames = FieldNames {
    kind: Some("VirusDetect"),
    verdicts: &["Suggestion"],
    parse_verdict: verdict_of_word,
    ..DETAIL_FIELDS
};

const SIMPLE_FIELDS: FieldNames = FieldNames {
    kind: None,
    verdicts: &["result"],
    parse_verdict: verdict_of_number,
    label: "label",
    sub_label: "sub_label",
    category: "category",
    score: "score",
    forbidden: "forbidden_status",
    scene: "_info",
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
    let has_flag = |info: &Node<'_>| {
        info.as_object()
            .is_some_and(|info| info.has(DETAIL_FIELDS.hit))
    };
    let is_scene = |(name, values): (&str, Values<'_>)| {
        scene_name(name, &DETAIL_FIELDS).is_some() && values.iter().any(has_flag)
    };
    job.has("Result") || job.has("Suggestion") || job.names().any(is_scene)
}

/// Fills a record from an element of `JobsDetail`.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>, names: &FieldNames) {
    record.kind = match names.kind {
        Some(kind) => Some(Cow::Borrowed(kind)),
        None => record.event.clone(),
    };
    fill_job(record, &node, Vec::new());
    record.input = input(&node, &BucketRef::default());
    record.headers = headers(&[Some(node)], COS_HEADERS);
    record.outputs = masked_copies(&node);
    // Documents and web pages have the scenes of all their parts in `Labels`.
    let labels = node.children("Labels");
    let elements: Vec<_> = std::iter::once(node).chain(labels).collect();
    record.moderation = Some(moderation(&elements, &record.outcome, names));
}

/// Fills a record from a body with `code`, `message` and `data`.
pub(super) fn fill_simple<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>) {
    record.kind = record.event.clone();
    let (code, message) = (node.field("code"), node.field("message"));
    let (state, outcome, error) = match code.as_deref() {
        Some("0") => ("Success", Outcome::Succeeded, None),
        _ => ("Failed", Outcome::Failed, error(code, message)),
    };
    let status = Status {
        state: Some(Cow::Borrowed(state)),
        outcome,
        problems: Vec::new(),
        error,
    };
    status.fill(record);
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
    record.moderation = Some(moderation(&[data], outcome, &SIMPLE_FIELDS));
}

/// Whether a job moderates a live stream, whose later callbacks may have other results. Adds a warning if so: the
/// Simple form has no state that says it.
fn is_live_stream<D>(record: &Record<'_, D>, data: &Element<'_, '_>) -> bool {
    let url = record.input.url.as_deref().unwrap_or_default();
    let (scheme, _) = url.trim_start().split_once("://").unwrap_or(("http", ""));
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    let is_stream = record.event.as_deref() == Some("ReviewVideo") && !is_web;
    if is_stream {
        data.warn(
            "url",
            "live stream: normal is unknown until the stream ends",
        );
    }
    is_stream
}

/// Returns the masked copies of a video.
fn masked_copies<'t>(node: &Element<'_, 't>) -> Vec<Output<'t>> {
    let mut outputs = Outputs::default();
    let mask = node.child("MaskInfo");
    let recordings = mask.iter().flat_map(|mask| mask.children("RecordInfo"));
    for recording in recordings.filter(|recording| problem(recording).is_none()) {
        if let Some(output) = recording.child("Output") {
            let bucket_ref = BucketRef::from_element(&output);
            for name in object_names(&output, "Object") {
                outputs.add(name, &bucket_ref, |_| ());
            }
        }
    }
    outputs.into_vec(node)
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
    let mut moderation = Moderation::new(match is_certain {
        true => verdict,
        false => Verdict::UNKNOWN,
    });
    moderation.forbidden = forbidden(result, names.forbidden, outcome);
    let infos = scene_infos(elements, names);
    let hits = infos.iter().filter(|(_, (is_hit, _))| *is_hit);
    moderation.hits = hits.map(|(name, _)| name.clone()).collect();
    let scenes = infos.into_iter();
    let scenes = scenes.map(|(name, (_, info))| scene(name, &info, outcome, names));
    moderation.scenes = scenes.collect();
    moderation.label = result.field(names.label);
    moderation.sub_label = result.field(names.sub_label);
    moderation.category = result.field(names.category);
    moderation.score = result.number(names.score);
    moderation
}

/// Returns the element of each scene by its name, with whether it was hit.
fn scene_infos<'p, 't>(
    elements: &'p [Element<'_, 't>],
    names: &FieldNames,
) -> BTreeMap<String, (bool, Element<'p, 't>)> {
    let mut infos: BTreeMap<String, (bool, Element<'_, '_>)> = BTreeMap::new();
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
                match infos.get(&name) {
                    Some((was_hit, _)) if *was_hit || !is_hit => {}
                    _ => {
                        infos.insert(name.clone(), (is_hit, info));
                    }
                }
            }
        }
    }
    infos
}

fn scene<'t>(
    name: String,
    info: &Element<'_, 't>,
    outcome: &Outcome,
    names: &FieldNames,
) -> Scene<'t> {
    let verdict = verdict(info, names.hit, verdict_of_number, outcome);
    let mut scene = Scene::new(name, verdict);
    scene.score = info.number(names.score);
    scene.count = info.number(names.count);
    scene.label = info.field(names.label);
    scene.sub_label = info.field(names.sub_label);
    scene.category = info.field(names.category);
    scene
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
    let scene = match name {
        // The Detail form has `TerrorismInfo`.
        "terrorist_info" => "terrorism",
        _ => scene,
    };
    (!scene.is_empty()).then(|| scene.to_lowercase())
}
