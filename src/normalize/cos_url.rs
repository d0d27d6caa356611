//! Parses the URL of an object in COS.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::bucket_ref::BucketRef;

/// The domains of COS: the vendor's SDKs use the second one if the first is not available.
const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];

/// The object that a COS URL names.
#[derive(Debug, PartialEq, Eq)]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts what a URL in the bucket `my-media-1300000001` names.
    fn assert_names(url: &str, region: Option<&str>, object: Option<&str>) {
        let bucket_ref = BucketRef {
            bucket: Some("my-media-1300000001".into()),
            region: region.map(Cow::Borrowed),
        };
        let object = object.map(Cow::Borrowed);
        assert_eq!(
            CosUrl::parse(url),
            Some(CosUrl { bucket_ref, object }),
            "{url}"
        );
    }

    #[test]
    fn ok_cos_urls() {
        for (rest, object) in [
            ("/a/b.jpg", Some("a/b.jpg")),
            ("/a.jpg?q-sign-algorithm=sha1&q-ak=b", Some("a.jpg")),
            ("/%E9%A9%AC%20b.jpg", Some("马 b.jpg")),
            ("/a#b", Some("a")),
            ("//a", Some("/a")),
            ("/%FF", None),
            ("/", None),
            ("?a/b", None),
            ("", None),
        ] {
            for origin in [
                "https://my-media-1300000001.cos.ap-beijing.myqcloud.com",
                "http://my-media-1300000001.cos.ap-beijing.tencentcos.cn",
            ] {
                assert_names(&format!("{origin}{rest}"), Some("ap-beijing"), object);
            }
        }
    }

    #[test]
    fn ok_global_acceleration_hides_the_region() {
        let url = "https://my-media-1300000001.cos.accelerate.myqcloud.com/a";
        assert_names(url, None, Some("a"));
    }

    #[test]
    fn ok_other_urls_name_no_object() {
        for url in [
            "",
            "test_url",
            "media-1300000001.cos.ap-beijing.myqcloud.com/a",
            "ftp://media-1300000001.cos.ap-beijing.myqcloud.com/a",
            "https://media.cos.ap-beijing.myqcloud.com/a",
            "https://-1300000001.cos.ap-beijing.myqcloud.com/a",
            "https://media-13000x.cos.ap-beijing.myqcloud.com/a",
            "https://media-1300000001.cos..myqcloud.com/a",
            "https://media-1300000001.cos.ap.beijing.myqcloud.com/a",
            "https://a.b@media-1300000001.cos.ap-beijing.myqcloud.com/a",
            "https://media-1300000001.cos.ap-beijing.myqcloud.com.example.com/a",
            "https://media-1300000001.cos.ap-beijing.myqcloud.com:8443/a",
            "https://cdn.example.com/media-1300000001.cos.ap-beijing.myqcloud.com/a",
        ] {
            assert_eq!(CosUrl::parse(url), None, "{url}");
        }
    }
}
