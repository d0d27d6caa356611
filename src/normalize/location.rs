//! Reads where objects are from elements and COS URLs, and combines sources that do not contradict each other.

use std::borrow::Cow;

use cloud_infinite_job_record::Input;
use percent_encoding::percent_decode_str;

use super::element::Element;

/// The domains of COS: Tencent's SDKs use the second one if the first is not available.
const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];

/// Where an object is, as far as a source names it.
#[derive(Clone, Default)]
pub(super) struct Location<'t> {
    /// `<name>-<APPID>`.
    pub(super) bucket: Option<Cow<'t, str>>,
    pub(super) region: Option<Cow<'t, str>>,
    pub(super) key: Option<Cow<'t, str>>,
}

impl<'t> Location<'t> {
    /// Reads `Bucket` and `Region` of an element, completed by the location of the elements around it.
    pub(super) fn of_element(element: &Element<'_, 't>, outer: &Self) -> Self {
        let own = Self {
            bucket: element.field("Bucket"),
            region: element.field("Region"),
            key: None,
        };
        own.completed_by(outer)
    }

    /// Copies the location of an input.
    pub(super) fn of_input(input: &Input<'t>) -> Self {
        Self {
            bucket: input.bucket.clone(),
            region: input.region.clone(),
            key: input.object.clone(),
        }
    }

    /// Parses `http(s)://<name>-<digits>.cos.<region>.<domain>/<key>`, signed or not. Returns `None` for any
    /// other URL: a custom domain may point anywhere.
    pub(super) fn of_url(url: &'t str) -> Option<Self> {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (bucket, region) = DOMAINS
            .iter()
            .find_map(|domain| host.strip_suffix(domain))?
            .split_once(".cos.")?;
        let (name, app_id) = bucket.rsplit_once('-')?;
        let is_name = |text: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !text.is_empty() && text.bytes().all(is_allowed)
        };
        let is_app_id = !app_id.is_empty() && app_id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_name(name) || !is_app_id || !is_name(region) {
            return None;
        }
        let key = path.strip_prefix('/').unwrap_or_default();
        let key = &key[..key.find(['?', '#']).unwrap_or(key.len())];
        let key = percent_decode_str(key).decode_utf8().ok();
        // The host of global acceleration does not contain the region.
        let region = (region != "accelerate").then_some(region);
        Some(Self {
            bucket: Some(Cow::Borrowed(bucket)),
            region: region.map(Cow::Borrowed),
            key: key.filter(|key| !key.is_empty()),
        })
    }

    /// Returns whether both may name the same bucket: what both name is equal.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let agree =
            |one: &Option<_>, other: &Option<_>| one.is_none() || other.is_none() || one == other;
        agree(&self.bucket, &other.bucket) && agree(&self.region, &other.region)
    }

    /// Takes what is missing from `other`, unless the two contradict each other: the name of one bucket with
    /// the region of another would name a bucket that does not exist.
    #[must_use]
    pub(super) fn completed_by(self, other: &Self) -> Self {
        if !self.agrees_with(other) {
            return self;
        }
        Self {
            bucket: self.bucket.or_else(|| other.bucket.clone()),
            region: self.region.or_else(|| other.region.clone()),
            key: self.key.or_else(|| other.key.clone()),
        }
    }
}
