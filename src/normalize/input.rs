//! Reads the input of a job: from its own fields, completed by a URL of the same object.

use std::borrow::Cow;

use cloud_infinite_job_record::Input;

use super::{bucket_ref::BucketRef, cos_url::CosUrl, element::Element};

/// Reads the input of a task, a workflow, or a moderation job in the Detail form.
///
/// `output` is the bucket of `Operation.Output`: a document job names only the key of its input, which is in
/// that bucket.
pub(super) fn input<'t>(element: &Element<'_, 't>, output: &BucketRef<'t>) -> Input<'t> {
    let mut input = Input::default();
    input.bucket = element.field("BucketId");
    input.region = element.field("Region");
    input.object = element.verbatim("Object").map(Cow::Borrowed);
    input.data_id = element.field("DataId");
    add_url(&mut input, element, "Url");
    if input.object.is_some() {
        complete(&mut input, output);
    }
    input
}

/// Reads the input of a moderation job in the Simple form.
pub(super) fn simple_input<'t>(data: &Element<'_, 't>) -> Input<'t> {
    let mut input = Input::default();
    input.data_id = data.field("data_id");
    add_url(&mut input, data, "url");
    input
}

/// Adds the URL `name`, and what the body does not name from it, if the URL agrees with everything that the body
/// names: a record must never combine two objects.
fn add_url<'t>(input: &mut Input<'t>, element: &Element<'_, 't>, name: &str) {
    let Some(url) = element.verbatim(name) else {
        return;
    };
    input.url = Some(Cow::Borrowed(url));
    let Some(cos_url) = CosUrl::parse(url) else {
        return;
    };
    let is_same_object = BucketRef::from_input(input).agrees_with(&cos_url.bucket_ref)
        && (input.object.is_none() || input.object == cos_url.object);
    if !is_same_object {
        // The URL is not quoted, since it may be signed.
        let problem = "not the URL of this object; bucket, region and object are not read from it";
        element.warn(name, problem);
        return;
    }
    complete(input, &cos_url.bucket_ref);
    input.object = input.object.take().or(cos_url.object);
}

/// Fills in a missing bucket and region.
fn complete<'t>(input: &mut Input<'t>, other: &BucketRef<'t>) {
    let BucketRef { bucket, region } = BucketRef::from_input(input).or(other);
    (input.bucket, input.region) = (bucket, region);
}
