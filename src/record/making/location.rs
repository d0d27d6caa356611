//! Where an object is, by its URL.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// An object's place as its COS URL tells it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Location<'t> {
    /// `<name>-<APPID>`.
    pub(super) bucket: Option<&'t str>,
    /// Absent for the host of global acceleration, which hides the region.
    pub(super) region: Option<&'t str>,
    /// The key, percent-decoded; absent where it is empty or no UTF-8.
    pub(super) object: Option<Cow<'t, str>>,
}

impl<'t> Location<'t> {
    /// Reads `http(s)://<name>-<digits>.cos.<region>.myqcloud.com/<key>`, signed or not. Any other
    /// URL tells nothing: a domain of one's own may lead anywhere.
    pub(super) fn of(url: &'t str) -> Self {
        Self::read(url).unwrap_or_default()
    }

    fn read(url: &'t str) -> Option<Self> {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (bucket, region) = host.strip_suffix(".myqcloud.com")?.split_once(".cos.")?;
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
            bucket: Some(bucket),
            region,
            object,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(url: &str) -> (Option<&str>, Option<&str>, Option<String>) {
        let location = Location::of(url);
        (
            location.bucket,
            location.region,
            location.object.map(Cow::into_owned),
        )
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
                location(&url),
                (bucket, Some("ap-beijing"), object.map(str::to_owned)),
                "{url}"
            );
        }
    }

    #[test]
    fn ok_global_acceleration_hides_the_region() {
        let url = "https://media-1300000001.cos.accelerate.myqcloud.com/a";
        assert_eq!(
            location(url),
            (Some("media-1300000001"), None, Some("a".to_owned()))
        );
    }

    #[test]
    fn ok_other_urls_tell_nothing() {
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
            assert_eq!(location(url), (None, None, None), "{url}");
        }
    }
}
