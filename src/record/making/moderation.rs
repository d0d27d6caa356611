//! Moderation: a verdict on one object or text, in the vendor's two forms.

use std::{borrow::Cow, collections::BTreeSet};

use super::{element::Element, headers, location::Location};
use crate::{
    callback::{HEADERS, Node, number},
    record::{Error, Forbidden, Input, Moderation, Record, Verdict},
};

/// The names of one form for what both have.
struct Form {
    verdicts: &'static [&'static str],
    label: &'static str,
    sub_label: &'static str,
    score: &'static str,
    forbidden: &'static str,
    /// What the names of scenes end in.
    scene: &'static str,
    hit: &'static str,
}

const DETAIL: Form = Form {
    // `Suggestion` is the verdict on documents and web pages.
    verdicts: &["Result", "Suggestion"],
    label: "Label",
    sub_label: "SubLabel",
    score: "Score",
    forbidden: "ForbidState",
    scene: "Info",
    hit: "HitFlag",
};

const SIMPLE: Form = Form {
    verdicts: &["result"],
    label: "label",
    sub_label: "sub_label",
    score: "score",
    forbidden: "forbidden_status",
    scene: "_info",
    hit: "hit_flag",
};

/// Fills a record from an element of `JobsDetail`.
pub(super) fn fill_detail<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't, '_>) {
    record.kind = record.event.clone();
    record.fill_job(&node);
    let named = Input {
        bucket: node.field("BucketId"),
        region: node.field("Region"),
        object: node.field("Object"),
        url: None,
        data_id: node.field("DataId"),
    };
    record.input = complete(named, node.text("Url"));
    record.headers = headers(&[Some(node)], HEADERS);
    // Documents and web pages have the scenes of all their parts there.
    let labels: Vec<_> = node.children("Labels").collect();
    record.moderation = Some(moderation(&node, &labels, &DETAIL));
}

/// Fills a record from a whole body with `code`, `message` and `data`.
pub(super) fn fill_simple<'t, D>(record: &mut Record<'t, D>, node: Element<'_, 't, '_>) {
    record.kind = record.event.clone();
    let (code, message) = (node.field("code"), node.field("message"));
    let state = if code.as_deref() == Some("0") {
        "Success"
    } else {
        record.error = Error::of(code, message);
        "Failed"
    };
    record.state = Some(Cow::Borrowed(state));
    let Some(data) = node.child("data") else {
        return;
    };
    record.job_id = data.field("trace_id");
    let named = Input {
        data_id: data.field("data_id"),
        ..Input::default()
    };
    record.input = complete(named, data.text("url"));
    record.headers = headers(&[Some(data)], "cos_headers");
    record.moderation = Some(moderation(&data, &[], &SIMPLE));
}

/// What the body does not name of the object, its URL may tell.
fn complete<'t>(named: Input<'t>, url: Option<&'t str>) -> Input<'t> {
    let location = url.map(Location::of).unwrap_or_default();
    Input {
        bucket: named.bucket.or(location.bucket.map(Cow::Borrowed)),
        region: named.region.or(location.region.map(Cow::Borrowed)),
        object: named.object.or(location.object),
        url: url.map(Cow::Borrowed),
        data_id: named.data_id,
    }
}

fn moderation<'t>(
    result: &Element<'_, 't, '_>,
    labels: &[Element<'_, 't, '_>],
    form: &Form,
) -> Moderation<'t> {
    let verdict = form
        .verdicts
        .iter()
        .find_map(|name| Some((name, result.text(name)?)));
    let verdict = match verdict {
        Some((_, "0")) => Verdict::Normal,
        Some((_, "1")) => Verdict::Sensitive,
        Some((_, "2")) => Verdict::Suspected,
        Some((name, other)) => {
            result.warn_expected(name, "0, 1 or 2", other);
            Verdict::UNKNOWN
        }
        None => Verdict::UNKNOWN,
    };
    let forbidden = match result.text(form.forbidden) {
        Some("0") => Some(Forbidden::None),
        Some("1") => Some(Forbidden::Frozen),
        Some("2") => Some(Forbidden::Moved),
        Some(other) => {
            result.warn_expected(form.forbidden, "0, 1 or 2", other);
            None
        }
        None => None,
    };
    let score = result.text(form.score).and_then(|text| {
        let score = number(text);
        if score.is_none() {
            result.warn_expected(form.score, "a number", text);
        }
        score.map(Cow::Borrowed)
    });
    let holders = std::iter::once(result).chain(labels);
    let hits: BTreeSet<String> = holders.flat_map(|holder| hits(holder, form)).collect();
    Moderation {
        verdict,
        label: result.field(form.label),
        sub_label: result.field(form.sub_label),
        score,
        forbidden,
        hits: hits.into_iter().collect(),
    }
}

/// The scenes of an element whose flag is not 0.
fn hits<'s>(
    holder: &'s Element<'_, '_, '_>,
    form: &'s Form,
) -> impl Iterator<Item = String> + use<'s> {
    holder.object().names().filter_map(move |(name, values)| {
        let scene = name
            .strip_suffix(form.scene)
            .filter(|scene| !scene.is_empty())?;
        let mut flags = values.iter().filter_map(|info| match info {
            Node::Object(info) => info.values(form.hit).first()?.as_text(),
            _ => None,
        });
        let is_hit = flags.any(|flag| flag.parse() != Ok(0.0));
        is_hit.then(|| scene.to_lowercase())
    })
}
