//! Parses the URL of an object in COS.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The domains of COS: the vendor's SDKs use the second one if the first is not available.
const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];

/// The object that a COS URL names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CosUrl<'t> {
    /// `<name>-<APPID>`.
    pub(super) bucket: &'t str,
    /// Absent for the host of global acceleration, which does not contain the region.
    pub(super) region: Option<&'t str>,
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
        let is_bucket = !name.is_empty()
            && !app_id.is_empty()
            && app_id.bytes().all(|byte| byte.is_ascii_digit())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_region = !region.is_empty()
            && region
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_bucket || !is_region {
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
            bucket,
            region,
            object,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> (Option<&str>, Option<&str>, Option<String>) {
        match CosUrl::parse(url) {
            Some(CosUrl {
                bucket,
                region,
                object,
            }) => (Some(bucket), region, object.map(Cow::into_owned)),
            None => (None, None, None),
        }
    }

    #[test]
    fn ok_cos_urls() {
        let bucket = Some("my-media-1300000001");
        let host = "my-media-1300000001.cos.ap-beijing.myqcloud.com";
        for (url, object) in [
            (format!("https://{host}/a/b.jpg"), Some("a/b.jpg")),
            (
                format!("http://{host}/a.jpg?q-sign-algorithm=sha1&q-ak=b"),
                Some("a.jpg"),
            ),
            (
                format!("https://{host}/%E9%A9%AC%20b.jpg"),
                Some("马 b.jpg"),
            ),
            (format!("https://{host}/a#b"), Some("a")),
            (format!("https://{host}//a"), Some("/a")),
            (format!("https://{host}/%FF"), None),
            (format!("https://{host}/"), None),
            (format!("https://{host}?a/b"), None),
            (format!("https://{host}"), None),
        ] {
            assert_eq!(
                parse(&url),
                (bucket, Some("ap-beijing"), object.map(str::to_owned)),
                "{url}"
            );
        }
    }

    #[test]
    fn ok_the_second_domain() {
        let url = "https://media-1300000001.cos.ap-beijing.tencentcos.cn/a%20b";
        assert_eq!(
            parse(url),
            (
                Some("media-1300000001"),
                Some("ap-beijing"),
                Some("a b".to_owned())
            )
        );
    }

    #[test]
    fn ok_global_acceleration_hides_the_region() {
        let url = "https://media-1300000001.cos.accelerate.myqcloud.com/a";
        assert_eq!(
            parse(url),
            (Some("media-1300000001"), None, Some("a".to_owned()))
        );
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
            assert_eq!(parse(url), (None, None, None), "{url}");
        }
    }
}
