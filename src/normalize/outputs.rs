//! Collects the objects that a job made.

use std::borrow::Cow;

use cloud_infinite_job_record::Output;

use super::{
    element::{Element, Leaf},
    location::Location,
};
use crate::callback::MAX_OUTPUT_BYTES;

/// The name of an object, with the prefix and the URL next to it.
pub(super) struct ObjectName<'p, 't> {
    /// The text that names the object.
    pub(super) leaf: Leaf<'p, 't>,
    pub(super) prefix: &'t str,
    pub(super) name: Cow<'t, str>,
    pub(super) url: Option<&'t str>,
}

/// Returns the objects that the texts `leaf` of an element name.
pub(super) fn object_names<'p, 't>(
    element: &'p Element<'_, 't>,
    leaf: &'p str,
) -> impl Iterator<Item = ObjectName<'p, 't>> {
    let (prefix, urls) = match leaf {
        "ObjectName" => (element.verbatim("ObjectPrefix"), paired_urls(element)),
        _ => (None, Vec::new()),
    };
    element.texts(leaf).map(move |leaf| ObjectName {
        prefix: prefix.unwrap_or_default(),
        name: Cow::Borrowed(leaf.verbatim),
        url: urls.get(leaf.index).copied().flatten(),
        leaf,
    })
}

impl ObjectName<'_, '_> {
    /// Returns whether the object has this key. Leading slashes do not matter.
    pub(super) fn is_key(&self, key: &str) -> bool {
        // The prefix may be long and belong to many names, so they are not joined.
        match without_slash(self.prefix) {
            "" => without_slash(key) == without_slash(&self.name),
            prefix => without_slash(key).strip_prefix(prefix) == Some(&*self.name),
        }
    }
}

/// The outputs that have been found so far.
#[derive(Default)]
pub(super) struct Outputs<'t> {
    list: Vec<Output<'t>>,
    bytes: usize,
    dropped: usize,
}

impl<'t> Outputs<'t> {
    /// Returns whether no output has been found so far.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.dropped == 0
    }

    /// Adds an object, unless its name is a template. `describe` fills what its name does not say.
    pub(super) fn add(
        &mut self,
        object: ObjectName<'_, 't>,
        location: &Location<'t>,
        describe: impl FnOnce(&mut Output<'t>),
    ) {
        if self.bytes > MAX_OUTPUT_BYTES {
            self.dropped += 1;
            return;
        }
        // Counted for templates as well, since checking one takes as long.
        self.bytes += object.prefix.len() + object.name.len();
        let Some(key) = key(object.prefix, object.name) else {
            return;
        };
        let mut output = Output::new(key, object.leaf.path());
        output.bucket.clone_from(&location.bucket);
        output.region.clone_from(&location.region);
        output.url = object.url.map(Cow::Borrowed);
        describe(&mut output);
        let texts = [
            &output.bucket,
            &output.region,
            &output.url,
            &output.md5,
            &output.job_id,
            &output.format,
            &output.etag,
        ];
        let bytes = texts.into_iter().flatten().map(|text| text.len());
        self.bytes += output.path.len() + bytes.sum::<usize>();
        self.list.push(output);
    }

    /// Returns the outputs. Adds a warning at `element` if there were too many.
    pub(super) fn into_vec(self, element: &Element<'_, 't>) -> Vec<Output<'t>> {
        if self.dropped > 0 {
            let dropped = self.dropped;
            let problem =
                format!("more than {MAX_OUTPUT_BYTES} bytes; {dropped} more were dropped");
            element.warn("outputs", &problem);
        }
        self.list
    }
}

/// Returns the `ObjectUrl` for each position of `ObjectName`, if there are as many URLs as names.
fn paired_urls<'t>(element: &Element<'_, 't>) -> Vec<Option<&'t str>> {
    let count = |name| element.members().values(name).iter().count();
    let names = count("ObjectName");
    if count("ObjectUrl") != names {
        return Vec::new();
    }
    let mut urls = vec![None; names];
    for url in element.texts("ObjectUrl") {
        urls[url.index] = Some(url.verbatim);
    }
    urls
}

/// Removes leading slashes from a key: Tencent writes some names as paths.
pub(super) fn without_slash(key: &str) -> &str {
    key.trim_start_matches('/')
}

/// Returns the key of a real object, without leading slashes, unless the name is a template.
fn key<'t>(prefix: &str, name: Cow<'t, str>) -> Option<Cow<'t, str>> {
    let key = match (prefix, name) {
        ("", Cow::Borrowed(name)) => Cow::Borrowed(without_slash(name)),
        (prefix, name) => Cow::Owned(without_slash(&format!("{prefix}{name}")).to_owned()),
    };
    (!key.is_empty() && !key.contains("${")).then_some(key)
}
