//! Reads the result of the inspection of an image, which looks for other content in the file.

use cloud_infinite_job_record::{Inspection, Outcome};

use super::{element::Element, job::problem};

/// Returns the result of an image inspection: the first suspicious result; else the first result, but only if
/// all of them say that nothing was found. Workers must not interpret a missing result as a harmless image.
pub(super) fn inspection<'t>(node: &Element<'_, 't>, outcome: &Outcome) -> Option<Inspection<'t>> {
    let mut first = None;
    let mut is_harmless = matches!(outcome, Outcome::Succeeded | Outcome::Partial);
    for operation in node.children("Operation") {
        is_harmless &= are_objects(&operation, "ImageInspectResult");
        for inspected in operation.children("ImageInspectResult") {
            if problem(&inspected).is_some() {
                is_harmless = false;
                continue;
            }
            is_harmless &= are_objects(&inspected, "ProcessResult");
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

/// Returns whether there are values of `name`, and all are objects: a result that is missing or a text says
/// nothing.
fn are_objects(element: &Element<'_, '_>, name: &str) -> bool {
    let values = element.members().values(name).iter().count();
    values > 0 && values == element.children(name).count()
}

fn describe_inspection<'t>(result: &Element<'_, 't>, is_suspicious: bool) -> Inspection<'t> {
    let mut inspection = Inspection::new(is_suspicious);
    inspection.kind = result.field("SuspiciousType");
    inspection.begin_byte = result.number("SuspiciousBeginByte");
    inspection.end_byte = result.number("SuspiciousEndByte");
    inspection.bytes = result.number("SuspiciousSize");
    inspection
}
