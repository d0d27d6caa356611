//! Fills the record of a moderation job, in Tencent's two forms.

use std::{borrow::Cow, collections::BTreeMap};

use cloud_infinite_job_record::{Moderation, Outcome, Output, Record, Scene, Verdict};

use super::{
    JobFormat,
    element::Element,
    input::{input, simple_input},
    job::{Status, error, fill_from_jobs_detail, headers, problem},
    location::Location,
    outputs::{Outputs, object_names},
    verdict::{forbidden, parse_number, verdict, verdict_of_number, verdict_of_word},
};
use crate::callback::{COS_HEADERS, Members, Node, Values, trim};

/// A name in the Detail form and in the Simple form.
type Name = [&'static str; 2];

const LABEL: Name = ["Label", "label"];
const SUB_LABEL: Name = ["SubLabel", "sub_label"];
const CATEGORY: Name = ["Category", "category"];
const SCORE: Name = ["Score", "score"];
const COUNT: Name = ["Count", "count"];
const FORBIDDEN: Name = ["ForbidState", "forbidden_status"];
const HIT: Name = ["HitFlag", "hit_flag"];
/// The suffix of the scenes' names.
const SCENE: Name = ["Info", "_info"];

impl JobFormat {
    fn name(self, [detail, simple]: Name) -> &'static str {
        match self {
            Self::ModerationSimple => simple,
            _ => detail,
        }
    }

    /// Returns the names of the verdict: `Suggestion` is that on documents and web pages.
    fn verdicts(self) -> &'static [&'static str] {
        match self {
            Self::ModerationSimple => &["result"],
            Self::VirusDetection => &["Suggestion"],
            _ => &["Result", "Suggestion"],
        }
    }
}

/// Returns whether an element of `JobsDetail` without a tag and an operation is virus detection.
pub(super) fn is_virus_detection(job: Members<'_>) -> bool {
    let words = job.values("Suggestion").iter().filter_map(Node::as_text);
    job.has("DetectDetail") || words.map(trim).any(|word| verdict_of_word(word).is_some())
}

/// Returns whether an element of `JobsDetail` without an event, a tag and an operation is a moderation job.
pub(super) fn is_moderation(job: Members<'_>) -> bool {
    let has_flag = |info: &Node<'_>| info.as_object().is_some_and(|info| info.has("HitFlag"));
    let is_scene = |(name, values): (&str, Values<'_>)| {
        scene_name(name, JobFormat::ModerationDetail).is_some() && values.iter().any(has_flag)
    };
    job.has("Result") || job.has("Suggestion") || job.names().any(is_scene)
}

/// Fills a record from an element of `JobsDetail`.
pub(super) fn fill<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't>, format: JobFormat) {
    record.kind = match format {
        JobFormat::VirusDetection => Some(Cow::Borrowed("VirusDetect")),
        _ => record.event.clone(),
    };
    fill_from_jobs_detail(record, &node, Vec::new());
    record.input = input(&node, &Location::default());
    record.headers = headers(&[Some(node)], COS_HEADERS);
    record.outputs = masked_copies(&node);
    // Documents and web pages have the scenes of all their parts in `Labels`.
    let labels = node.children("Labels");
    let elements: Vec<_> = std::iter::once(node).chain(labels).collect();
    record.moderation = Some(moderation(&elements, &record.outcome, format));
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
    let verdict_outcome = match (is_ambiguous, is_final) {
        (true, _) => &Outcome::UNKNOWN,
        (false, true) => &record.outcome,
        (false, false) => &Outcome::Pending,
    };
    let format = JobFormat::ModerationSimple;
    record.moderation = Some(moderation(&[data], verdict_outcome, format));
}

/// Returns whether a job moderates a live stream, whose later callbacks may have other results. Adds a warning if
/// so: the Simple form has no state that says it.
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
            let location = Location::of_element(&output, &Location::default());
            for name in object_names(&output, "Object") {
                outputs.add(name, &location, |_| ());
            }
        }
    }
    outputs.into_vec(node)
}

/// Reads the result of a job from the first element, and the scenes from all of them.
fn moderation<'t>(
    elements: &[Element<'_, 't>],
    verdict_outcome: &Outcome,
    format: JobFormat,
) -> Moderation<'t> {
    let result = &elements[0];
    let parse = match format {
        // It says its result in a word.
        JobFormat::VirusDetection => verdict_of_word,
        _ => verdict_of_number,
    };
    let names = format.verdicts().iter();
    let named = names.filter(|name| result.members().has(name));
    let mut verdicts = named.map(|name| verdict(result, name, parse, verdict_outcome));
    let verdict = verdicts.next().unwrap_or(Verdict::UNKNOWN);
    // If the verdicts contradict each other, none of them is reliable.
    let is_certain = verdicts.all(|other| other == verdict);
    let mut moderation = Moderation::new(match is_certain {
        true => verdict,
        false => Verdict::UNKNOWN,
    });
    moderation.forbidden = forbidden(result, format.name(FORBIDDEN), verdict_outcome);
    let infos = scene_infos(elements, format);
    let hits = infos.iter().filter(|(_, (is_hit, _))| *is_hit);
    moderation.hits = hits.map(|(name, _)| name.clone()).collect();
    let scenes = infos.into_iter();
    let scenes = scenes.map(|(name, (_, info))| scene(name, &info, verdict_outcome, format));
    moderation.scenes = scenes.collect();
    moderation.label = result.field(format.name(LABEL));
    moderation.sub_label = result.field(format.name(SUB_LABEL));
    moderation.category = result.field(format.name(CATEGORY));
    moderation.score = result.number(format.name(SCORE));
    moderation
}

/// Returns the element of each scene by its name, with whether it was hit.
fn scene_infos<'p, 't>(
    elements: &'p [Element<'_, 't>],
    format: JobFormat,
) -> BTreeMap<String, (bool, Element<'p, 't>)> {
    let mut infos: BTreeMap<String, (bool, Element<'_, '_>)> = BTreeMap::new();
    for element in elements {
        for (info_name, _) in element.members().names() {
            let Some(name) = scene_name(info_name, format) else {
                continue;
            };
            for info in element.children(info_name) {
                let Some(is_hit) = is_hit(&info, format) else {
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
    verdict_outcome: &Outcome,
    format: JobFormat,
) -> Scene<'t> {
    let verdict = verdict(info, format.name(HIT), verdict_of_number, verdict_outcome);
    let mut scene = Scene::new(name, verdict);
    scene.score = info.number(format.name(SCORE));
    scene.count = info.number(format.name(COUNT));
    scene.label = info.field(format.name(LABEL));
    scene.sub_label = info.field(format.name(SUB_LABEL));
    scene.category = info.field(format.name(CATEGORY));
    scene
}

/// Returns whether one of a scene's flags is not 0, or `None` if it has no flag.
fn is_hit(info: &Element<'_, '_>, format: JobFormat) -> Option<bool> {
    let flags = info.members().values(format.name(HIT));
    flags.first()?;
    let is_raised = |flag: &Node<'_>| flag.as_text().map(trim).and_then(parse_number) != Some(0.0);
    Some(flags.iter().any(is_raised))
}

/// Returns the name of the scene that the element `name` describes.
fn scene_name(name: &str, format: JobFormat) -> Option<String> {
    let scene = name.strip_suffix(format.name(SCENE))?;
    let scene = match name {
        // The Detail form has `TerrorismInfo`.
        "terrorist_info" => "terrorism",
        _ => scene,
    };
    (!scene.is_empty()).then(|| scene.to_lowercase())
}
