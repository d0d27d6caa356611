//! Collects the objects that a job made.

use std::borrow::Cow;

use cloud_infinite_job_record::Output;

use super::{bucket_ref::BucketRef, element::Element};

/// The most text that the outputs of one job may have, in bytes. A long prefix, bucket or job id is repeated in
/// each output, so without a limit a small body could have a record of gigabytes. 5,000 pages have half a
/// megabyte.
const MAX_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// The outputs that were found so far.
#[derive(Default)]
pub(super) struct Outputs<'t> {
    list: Vec<Output<'t>>,
    bytes: usize,
    dropped: usize,
}

impl<'t> Outputs<'t> {
    /// Whether no output was found so far.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.dropped == 0
    }

    /// Adds an object, unless its name is a template. `path` returns the path of the leaf with its name, and
    /// `describe` fills the other fields.
    pub(super) fn add(
        &mut self,
        prefix: &str,
        name: Cow<'t, str>,
        bucket_ref: &BucketRef<'t>,
        path: impl FnOnce() -> String,
        describe: impl FnOnce(&mut Output<'t>),
    ) {
        if self.bytes > MAX_OUTPUT_BYTES {
            self.dropped += 1;
            return;
        }
        // Counted for templates as well, since checking one takes as long.
        self.bytes += prefix.len() + name.len();
        let name = match prefix {
            "" => name,
            prefix => Cow::Owned(format!("{prefix}{name}")),
        };
        let Some(object) = key(name) else { return };
        let mut output = Output::default();
        output.bucket.clone_from(&bucket_ref.bucket);
        output.region.clone_from(&bucket_ref.region);
        output.object = object;
        output.path = path();
        describe(&mut output);
        self.bytes += output.path.len();
        let texts = [
            &output.bucket,
            &output.region,
            &output.url,
            &output.md5,
            &output.job_id,
            &output.format,
            &output.etag,
        ];
        self.bytes += texts
            .into_iter()
            .flatten()
            .map(|text| text.len())
            .sum::<usize>();
        self.list.push(output);
    }

    /// Returns the outputs. Adds a warning at `element` if there were too many.
    pub(super) fn into_vec(self, element: &Element<'_, 't>) -> Vec<Output<'t>> {
        if self.dropped > 0 {
            let found = format!(
                "expected outputs of at most {MAX_OUTPUT_BYTES} bytes, {} more were left out",
                self.dropped
            );
            element.warn("outputs", &found);
        }
        self.list
    }
}

/// Returns the `ObjectUrl` for each position of `ObjectName`, if there are as many URLs as names.
pub(super) fn paired_urls<'t>(element: &Element<'_, 't>) -> Vec<Option<&'t str>> {
    let count = |name| element.members().values(name).iter().count();
    let names = count("ObjectName");
    if count("ObjectUrl") != names {
        return Vec::new();
    }
    let mut urls = vec![None; names];
    for (index, url) in element.texts("ObjectUrl") {
        urls[index.unwrap_or_default()] = Some(url);
    }
    urls
}

/// Returns the URL of a name: of its position, or the only one.
pub(super) fn url_at<'t>(urls: &[Option<&'t str>], index: Option<usize>) -> Option<&'t str> {
    *urls.get(index.unwrap_or_default())?
}

/// Removes leading slashes from a key: the vendor writes some names as paths.
pub(super) fn without_slash(key: &str) -> &str {
    key.trim_start_matches('/')
}

/// Returns the key of a real object, without leading slashes, unless the name is a template.
fn key(name: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let key = match name {
        Cow::Borrowed(name) => Cow::Borrowed(without_slash(name)),
        Cow::Owned(name) => Cow::Owned(without_slash(&name).to_owned()),
    };
    (!key.is_empty() && !key.contains("${")).then_some(key)
}
