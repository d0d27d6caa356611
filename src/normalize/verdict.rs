//! Reads the verdicts of moderation, and decides for which outcomes they are valid.

use cloud_infinite_job_record::{Forbidden, Outcome, Verdict};

use super::element::Element;
use crate::callback::number;

/// Returns what Tencent did with an object, if it is valid for this outcome: a failed job has 0 as well.
pub(super) fn forbidden(
    element: &Element<'_, '_>,
    name: &str,
    outcome: &Outcome,
) -> Option<Forbidden> {
    let number = element.only_text(name)?;
    let forbidden = match parse_number(number) {
        Some(0.0) => Forbidden::None,
        Some(1.0) => Forbidden::Frozen,
        Some(2.0) => Forbidden::Moved,
        _ => {
            element.warn_quoting(name, "expected 0, 1 or 2, but found", number);
            return None;
        }
    };
    let is_valid = matches!(
        outcome,
        Outcome::Succeeded | Outcome::Partial | Outcome::Pending
    );
    is_valid.then_some(forbidden)
}

pub(super) fn verdict_of_number(text: &str) -> Option<Verdict> {
    match parse_number(text)? {
        0.0 => Some(Verdict::Normal),
        1.0 => Some(Verdict::Sensitive),
        2.0 => Some(Verdict::Suspected),
        _ => None,
    }
}

pub(super) fn verdict_of_word(text: &str) -> Option<Verdict> {
    match text {
        // One of Tencent's pages writes `nomal`.
        "normal" | "nomal" => Some(Verdict::Normal),
        "block" => Some(Verdict::Sensitive),
        _ => None,
    }
}

/// Returns the verdict of the value `name`, if it is valid for this outcome: a failed job has 0 as well, and
/// later parts of a live video may differ.
pub(super) fn verdict(
    element: &Element<'_, '_>,
    name: &str,
    parse: fn(&str) -> Option<Verdict>,
    outcome: &Outcome,
) -> Verdict {
    let Some(text) = element.only_text(name) else {
        return Verdict::UNKNOWN;
    };
    let verdict = parse(text).unwrap_or_else(|| {
        element.warn_quoting(name, "unknown verdict", text);
        Verdict::UNKNOWN
    });
    match outcome {
        Outcome::Succeeded | Outcome::Partial => verdict,
        Outcome::Pending if verdict != Verdict::Normal => verdict,
        _ => Verdict::UNKNOWN,
    }
}

/// Parses a number, unless it is so small that it would become 0.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    let number = number(text)?.get();
    let mut digits = number.bytes().take_while(|byte| !b"eE".contains(byte));
    let is_zero = !digits.any(|byte| (b'1'..=b'9').contains(&byte));
    let parsed = number.parse().ok()?;
    (is_zero || parsed != 0.0).then_some(parsed)
}
