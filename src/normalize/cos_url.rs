//! Parses the URL of an object in COS.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::bucket_ref::BucketRef;

/// The domains of COS: the vendor's SDKs use the second one if the first is not available.
const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];

/// The object that a COS URL names.
pub(super) struct CosUrl<'t> {
    /// `<name>-<APPID>`, and its region. The host of global acceleration does not contain the region.
    pub(super) bucket_ref: BucketRef<'t>,
    /// The key, percent-decoded. Absent if it is empty or not UTF-8.
    pub(super) object: Option<Cow<'t, str>>,
}

impl<'t> CosUrl<'t> {
    /// Parses `http(s)://<name>-<digits>.cos.<region>.<domain>/<key>`, signed or not. Returns `None` for any
    /// other URL: a custom domain may point anywhere.
    pub(super) fn parse(url: &'t str) -> Option<Self> {
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
        let object = percent_decode_str(key)
            .decode_utf8()
            .ok()
            .filter(|key| !key.is_empty());
        let region = (region != "accelerate").then_some(region);
        Some(Self {
            bucket_ref: BucketRef {
                bucket: Some(Cow::Borrowed(bucket)),
                region: region.map(Cow::Borrowed),
            },
            object,
        })
    }
}
