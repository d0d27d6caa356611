//! The bucket whose API is called, and its endpoint.

use clap::{Args, builder::NonEmptyStringValueParser};

/// The bucket whose API is called.
#[derive(Args)]
pub(crate) struct BucketArguments {
    /// The COS bucket of the jobs, such as examplebucket-1250000000
    #[arg(long, value_name = "NAME-APPID", value_parser = bucket_name)]
    pub(crate) bucket: String,
    /// The bucket's region, such as ap-beijing
    #[arg(long, value_parser = region_name)]
    pub(crate) region: String,
    /// A custom endpoint instead of `https://BUCKET.ci.REGION.myqcloud.com`
    #[arg(long, env = "CI_ENDPOINT_URL", value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    ci_endpoint_url: Option<String>,
}

/// Parses the name of a bucket, which becomes a part of a host name.
fn bucket_name(name: &str) -> Result<String, String> {
    let is_bucket = name.rsplit_once('-').is_some_and(|(before, app_id)| {
        is_label(before) && !app_id.is_empty() && app_id.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_bucket {
        Ok(name.to_owned())
    } else {
        Err("expected NAME-APPID, like examplebucket-1250000000".to_owned())
    }
}

/// Parses the name of a region, which becomes a part of a host name.
fn region_name(name: &str) -> Result<String, String> {
    if is_label(name) {
        Ok(name.to_owned())
    } else {
        Err("expected a region, like ap-beijing".to_owned())
    }
}

fn is_label(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(is_legal)
}

impl BucketArguments {
    /// Returns scheme, host and port of the bucket's API, and the host as it is sent and signed: with
    /// its port, unless that is the scheme's own. Returns `None` if `CI_ENDPOINT_URL` is not a URL of a
    /// host.
    pub(super) fn endpoint(&self) -> Option<(String, String)> {
        if let Some(url) = &self.ci_endpoint_url {
            return parse_endpoint(url);
        }
        let Self { bucket, region, .. } = self;
        let host = format!("{bucket}.ci.{region}.myqcloud.com");
        Some((format!("https://{host}"), host))
    }
}

/// Splits an endpoint's URL into the URL that paths are put after, and the host.
fn parse_endpoint(url: &str) -> Option<(String, String)> {
    let uri: ureq::http::Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || uri.query().is_some() || !matches!(uri.path(), "" | "/")
    {
        return None;
    }
    let host = match authority.port_u16() {
        Some(port) if port != default_port => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    Some((format!("{scheme}://{host}"), host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_host_is_checked() {
        for name in ["examplebucket-1250000000", "a-1", "a-b-1"] {
            assert!(bucket_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "-1",
            "examplebucket",
            "bucket-",
            "bucket-12a",
            "evil.com/-1",
            "a@b-1",
            "Bucket-1",
            "a--",
            "bucket -1",
            "a\n-1",
            "x#-1",
        ] {
            assert!(bucket_name(name).is_err(), "{name:?}");
        }
        for name in ["ap-beijing", "na-siliconvalley", "eu-frankfurt1"] {
            assert!(region_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "ap.beijing",
            "ap-beijing/",
            "evil.com#",
            "AP-beijing",
            "-a",
        ] {
            assert!(region_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_endpoint_is_split_into_what_is_called_and_what_is_signed() {
        for (url, endpoint, host) in [
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "127.0.0.1:8080",
            ),
            ("http://localhost:80/", "http://localhost", "localhost"),
            ("https://ci.example:443", "https://ci.example", "ci.example"),
            (
                "https://ci.example:80",
                "https://ci.example:80",
                "ci.example:80",
            ),
            ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
        ] {
            let expected = Some((endpoint.to_owned(), host.to_owned()));
            assert_eq!(parse_endpoint(url), expected, "{url}");
        }
        for url in [
            "",
            "localhost:80",
            "ftp://a",
            "http://a/b",
            "http://a?b=c",
            "http://a:b@c",
            "//a",
        ] {
            assert_eq!(parse_endpoint(url), None, "{url}");
        }
    }
}
