//! Reads the result of the inspection of an image, which looks for other content in the file.

use cloud_infinite_job_record::{Inspection, Outcome};

use super::{element::Element, job::problem};

/// Returns the result of an image inspection: the first suspicious result; else the first result, but only if
/// all of them say that nothing was found. No worker may take a missing result for a harmless image.
pub(super) fn inspection<'t>(node: &Element<'_, 't>, outcome: &Outcome) -> Option<Inspection<'t>> {
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
                let flags: Vec<_> = result.texts("Suspicious").map(|flag| flag.text()).collect();
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
    let mut inspection = Inspection::new(is_suspicious);
    inspection.kind = result.field("SuspiciousType");
    inspection.begin_byte = result.number("SuspiciousBeginByte");
    inspection.end_byte = result.number("SuspiciousEndByte");
    inspection.bytes = result.number("SuspiciousSize");
    inspection
}
