//! Reads the input of a job: from its own fields, completed by a URL of the same object.

use std::borrow::Cow;

use cloud_infinite_job_record::Input;

use super::{element::Element, location::Location};

/// Reads the input of a task, a workflow, or a moderation job in the Detail form.
///
/// `output` is the bucket of `Operation.Output`: a document job names only the key of its input, which is in
/// that bucket.
pub(super) fn input<'t>(element: &Element<'_, 't>, output: &Location<'t>) -> Input<'t> {
    let named = Location {
        bucket: element.field("BucketId"),
        region: element.field("Region"),
        key: element.verbatim("Object").map(Cow::Borrowed),
    };
    complete(element, ["DataId", "Url"], named, output)
}

/// Reads the input of a moderation job in the Simple form.
pub(super) fn simple_input<'t>(data: &Element<'_, 't>) -> Input<'t> {
    let nowhere = Location::default();
    complete(data, ["data_id", "url"], nowhere.clone(), &nowhere)
}

/// Returns an input with its URL. Missing values are read from the URL, but only if it matches every value in the
/// body: a record must never combine two objects.
fn complete<'t>(
    element: &Element<'_, 't>,
    [data_id, url]: [&str; 2],
    mut location: Location<'t>,
    output: &Location<'t>,
) -> Input<'t> {
    let mut input = Input::default();
    input.data_id = element.field(data_id);
    let text = element.verbatim(url);
    input.url = text.map(Cow::Borrowed);
    if let Some(of_url) = text.and_then(Location::of_url) {
        let is_same_key = location.key.is_none() || location.key == of_url.key;
        if is_same_key && location.agrees_with(&of_url) {
            location = location.completed_by(&of_url);
        } else {
            // The URL is not quoted, since it may be signed.
            let problem =
                "not the URL of this object; bucket, region and object are not read from it";
            element.warn(url, problem);
        }
    }
    if location.key.is_some() {
        location = location.completed_by(output);
    }
    (input.bucket, input.region) = (location.bucket, location.region);
    input.object = location.key;
    input
}
