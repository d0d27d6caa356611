//! Reads the input of a job: from its own fields, completed by a URL of the same object.

use std::borrow::Cow;

use cloud_infinite_job_record::Input;

use super::{
    bucket_ref::{BucketRef, may_be_equal},
    cos_url::CosUrl,
    element::Element,
};

/// Reads the input of a task, a workflow, or a moderation job in the Detail form.
///
/// `output` is the bucket of `Operation.Output`: a document job names only the key of its input, which is in
/// that bucket.
pub(super) fn input<'t>(element: &Element<'_, 't>, output: &BucketRef<'t>) -> Input<'t> {
    let mut named = Input::default();
    named.bucket = element.field("BucketId");
    named.region = element.field("Region");
    named.object = element.verbatim("Object").map(Cow::Borrowed);
    named.data_id = element.field("DataId");
    let mut input = with_url(element, "Url", named);
    if input.object.is_some() {
        let BucketRef { bucket, region } = BucketRef {
            bucket: input.bucket,
            region: input.region,
        }
        .or(output);
        (input.bucket, input.region) = (bucket, region);
    }
    input
}

/// Reads the input of a moderation job in the Simple form.
pub(super) fn simple_input<'t>(data: &Element<'_, 't>) -> Input<'t> {
    let mut named = Input::default();
    named.data_id = data.field("data_id");
    with_url(data, "url", named)
}

/// Takes what the body does not name from the URL, if the URL agrees with everything that the body names: a
/// record must never combine two objects.
fn with_url<'t>(element: &Element<'_, 't>, name: &str, mut named: Input<'t>) -> Input<'t> {
    let Some(url) = element.verbatim(name) else {
        return named;
    };
    named.url = Some(Cow::Borrowed(url));
    let Some(cos_url) = CosUrl::parse(url) else {
        return named;
    };
    let is_same_object = may_be_equal(named.bucket.as_deref(), Some(cos_url.bucket))
        && may_be_equal(named.region.as_deref(), cos_url.region)
        && (named.object.is_none() || named.object == cos_url.object);
    if !is_same_object {
        // The URL is not quoted, since it may be signed.
        let found = "expected the URL of the object that the body names, but found another; bucket, \
            region and object are not read from it";
        element.warn(name, found);
        return named;
    }
    named.bucket = named.bucket.or(Some(Cow::Borrowed(cos_url.bucket)));
    named.region = named.region.or(cos_url.region.map(Cow::Borrowed));
    named.object = named.object.or(cos_url.object);
    named
}
