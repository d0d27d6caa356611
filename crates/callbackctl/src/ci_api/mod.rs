//! The vendor's query API: signed requests, one at a time, tried again where that may help.
//!
//! Nothing that the vendor says is printed but an error's code and the id of the request: its messages
//! may quote what was sent, signatures included.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, builder::NonEmptyStringValueParser};
use tokio::time::{Instant, sleep, sleep_until};
use ureq::tls::{RootCerts, TlsConfig};

use crate::{
    cos_signature::{self, Pair},
    xml_answer::{self, Element},
};

/// When a request is given up, also while its answer drips in.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The largest answer: a hundred jobs of more than half a megabyte each.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// How often a request is made before it is given up.
const MAX_TRIES: u32 = 5;

/// The wait before the second try, which doubles for each one after that.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// From one request to the next: five a second. The vendor publishes no limit for these reads; for
/// reads of a bucket's settings it is ten a second.
const PACE: Duration = Duration::from_millis(200);

/// How long a signature is valid before and after now, in seconds. It is made for each try.
const VALID_BEFORE: i64 = 60;
const VALID_AFTER: i64 = 600;

/// The longest code and request id that are printed: the vendor's are shorter.
const MAX_PRINTED_LENGTH: usize = 64;

/// Codes that say that no request with this key can succeed.
const KEY_CODES: &[&str] = &[
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "SecretidNotExist",
    "MissingAuthorization",
    "InvalidAuthorization",
    "ExpiredToken",
    "InvalidToken",
];

/// Codes that say that this machine's clock is wrong.
const CLOCK_CODES: &[&str] = &["RequestTimeTooSkewed", "SignatureExpired"];

/// Codes that say that there is nothing of this kind: no such job, queue or service of the bucket.
const NOTHING_CODES: &[&str] = &["ResourceNotFound", "QueueNotFound", "MediaBucketUnBinded"];

/// Which bucket is asked.
#[derive(Args)]
pub(crate) struct BucketArguments {
    /// The COS bucket whose jobs are asked for, with its APPID: examplebucket-1250000000
    #[arg(long, value_name = "NAME-APPID", value_parser = bucket_name)]
    pub(crate) bucket: String,
    /// The bucket's region: ap-beijing
    #[arg(long, value_parser = region_name)]
    pub(crate) region: String,
    /// Another endpoint than `https://<bucket>.ci.<region>.myqcloud.com`
    #[arg(long, env = "CI_ENDPOINT_URL", value_parser = NonEmptyStringValueParser::new())]
    ci_endpoint_url: Option<String>,
}

/// Accepts the name of a bucket: it becomes a host.
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

/// Accepts the name of a region: it becomes a part of a host.
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

/// The names of the vendor's key, as its own tools have them.
const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
const TOKEN: &str = "TENCENTCLOUD_TOKEN";

/// The API of one bucket.
pub(crate) struct CiApi {
    agent: ureq::Agent,
    /// Scheme, host and port.
    endpoint: String,
    /// The host as it is sent and signed: with its port, where that is not the scheme's own.
    host: String,
    secret_id: String,
    secret_key: String,
    token: Option<String>,
    /// When the next request may begin.
    next_at: Instant,
}

/// Why a request has no answer that can be used.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The key, or this machine's clock: no other request would succeed.
    Key(Refusal),
    /// The vendor refused this request.
    Refused(Refusal),
    /// What came is not an answer of this API, or nothing came.
    Unusable {
        reason: String,
        request_id: Option<String>,
    },
}

/// What the vendor said of a request that it refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: String,
    request_id: Option<String>,
}

impl ApiError {
    /// Returns whether the vendor says that there is nothing of the kind that was asked for.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if NOTHING_CODES.contains(&&*refusal.code))
    }

    /// Returns whether the vendor says that it does not know the id that was asked for.
    pub(crate) fn is_unknown_id(&self) -> bool {
        let is_missing =
            |refusal: &Refusal| refusal.status == 404 && refusal.code != "NoSuchBucket";
        self.is_nothing() || matches!(self, Self::Refused(refusal) if is_missing(refusal))
    }

    /// Returns whether the vendor says that it does not know what was asked for.
    pub(crate) fn is_invalid_argument(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == "InvalidArgument")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request_id = match self {
            Self::Key(refusal) | Self::Refused(refusal) => {
                write!(f, "{} (status {}", refusal.code, refusal.status)?;
                &refusal.request_id
            }
            Self::Unusable { reason, request_id } => {
                write!(f, "{reason}")?;
                if request_id.is_none() {
                    return Ok(());
                }
                write!(f, " (")?;
                request_id
            }
        };
        match (self, request_id) {
            (Self::Unusable { .. }, Some(id)) => write!(f, "request id {id})"),
            (_, Some(id)) => write!(f, ", request id {id})"),
            (_, None) => write!(f, ")"),
        }?;
        match self {
            Self::Key(refusal) if CLOCK_CODES.contains(&&*refusal.code) => {
                write!(f, ": this machine's clock is wrong")
            }
            Self::Key(_) => write!(f, ": {SECRET_ID}, {SECRET_KEY} or {TOKEN} is wrong"),
            Self::Refused(refusal) if refusal.code == "AccessDenied" => {
                write!(f, ": the key has no right to ask for this")
            }
            _ => Ok(()),
        }
    }
}

/// An answer with status 200: XML whose root is `Response`.
pub(crate) struct Answer {
    text: String,
    request_id: Option<String>,
}

impl Answer {
    /// Returns the elements of the answer.
    pub(crate) fn elements(&self) -> Result<Vec<Element<'_>>, ApiError> {
        xml_answer::children(&self.text, "Response").map_err(|reason| self.unusable(reason))
    }

    /// Creates the error of an answer that makes no sense.
    pub(crate) fn unusable(&self, reason: &str) -> ApiError {
        ApiError::Unusable {
            reason: reason.to_owned(),
            request_id: self.request_id.clone(),
        }
    }
}

/// What came back of one try.
struct Raw {
    status: u16,
    body: String,
    request_id: Option<String>,
}

impl CiApi {
    /// Creates a client of a bucket's API, with the key of the environment. Nothing is sent yet.
    ///
    /// # Errors
    /// All settings that are missing or wrong.
    pub(crate) fn from_env(arguments: &BucketArguments) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut required = |name: &str| {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            value.unwrap_or_else(|| {
                problems.push(format!("{name} is not set"));
                String::new()
            })
        };
        let (secret_id, secret_key) = (required(SECRET_ID), required(SECRET_KEY));
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let is_header = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_header(&secret_id) {
            problems.push(format!("{SECRET_ID}: expected printable ASCII characters"));
        }
        if !token.as_deref().is_none_or(is_header) {
            problems.push(format!("{TOKEN}: expected printable ASCII characters"));
        }
        let endpoint = match &arguments.ci_endpoint_url {
            Some(url) => parse_endpoint(url),
            None => {
                let BucketArguments { bucket, region, .. } = arguments;
                let host = format!("{bucket}.ci.{region}.myqcloud.com");
                Some((format!("https://{host}"), host))
            }
        };
        let Some((endpoint, host)) = endpoint else {
            problems.push("CI_ENDPOINT_URL: expected http(s)://host[:port]".to_owned());
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            agent: agent(),
            endpoint,
            host,
            secret_id,
            secret_key,
            token,
            next_at: Instant::now(),
        })
    }

    /// Asks for a path, whose segments are plain, and returns the answer.
    ///
    /// # Errors
    /// If the last try has no answer of this API with status 200.
    pub(crate) async fn get(
        &mut self,
        path: &str,
        parameters: &[Pair<'_>],
    ) -> Result<Answer, ApiError> {
        let mut backoff = FIRST_BACKOFF;
        for tried in 1.. {
            sleep_until(self.next_at).await;
            self.next_at = Instant::now() + PACE;
            let error = match self.try_get(path, parameters).await {
                Ok(raw) if raw.status == 200 => {
                    let (text, request_id) = (raw.body, raw.request_id);
                    return Ok(Answer { text, request_id });
                }
                Ok(raw) => {
                    let status = raw.status;
                    let error = self.refusal(&raw);
                    let may_pass = status == 429 || status >= 500 || is_slow_down(&error);
                    if !may_pass {
                        return Err(error);
                    }
                    error
                }
                Err(reason) => ApiError::Unusable {
                    reason,
                    request_id: None,
                },
            };
            if tried == MAX_TRIES {
                return Err(error);
            }
            sleep(backoff).await;
            backoff *= 2;
        }
        unreachable!("it tries until it returns")
    }

    async fn try_get(&self, path: &str, parameters: &[Pair<'_>]) -> Result<Raw, String> {
        let mut headers = vec![("host", &*self.host)];
        headers.extend(self.token.as_deref().map(|token| (TOKEN_HEADER, token)));
        let request = cos_signature::Request {
            method: "get",
            path,
            parameters,
            headers: &headers,
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since_1970.map_or(0, |time| time.as_secs() as i64);
        let valid = now - VALID_BEFORE..now + VALID_AFTER;
        let authorization =
            cos_signature::authorization(&request, &self.secret_id, &self.secret_key, &valid);
        let mut call = self
            .agent
            .get(url(&self.endpoint, path, parameters))
            .header("authorization", authorization);
        if let Some(token) = &self.token {
            call = call.header(TOKEN_HEADER, token);
        }
        // ureq blocks, and the connections of the SDK want to be looked after meanwhile.
        let done = tokio::task::spawn_blocking(move || {
            let mut answer = call.call()?;
            let header = |name| {
                let value: &ureq::http::HeaderValue = answer.headers().get(name)?;
                Some(value.to_str().ok()?.to_owned())
            };
            let request_id = header("x-ci-request-id").or_else(|| header("x-cos-request-id"));
            let status = answer.status().as_u16();
            let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES);
            let body = String::from_utf8(body.read_to_vec()?);
            Ok((status, request_id, body))
        });
        let done = done
            .await
            .map_err(|_| "this program has a fault".to_owned())?;
        let (status, request_id, body) = done.map_err(|error: ureq::Error| describe(&error))?;
        let request_id = request_id.filter(|id| self.is_printable(id));
        match body {
            Ok(body) => Ok(Raw {
                status,
                body,
                request_id,
            }),
            // The status counts, whatever an error's text is written in.
            Err(_) if status != 200 => Ok(Raw {
                status,
                body: String::new(),
                request_id,
            }),
            Err(_) => Err("expected an answer in UTF-8".to_owned()),
        }
    }

    /// Reads the vendor's error: `<Error><Code/><Message/><RequestId/></Error>`.
    fn refusal(&self, raw: &Raw) -> ApiError {
        let elements = xml_answer::children(&raw.body, "Error").unwrap_or_default();
        let text = |name| xml_answer::child_text(&elements, name);
        let is_code = |code: &String| code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = text("Code").filter(|code| is_code(code) && self.is_printable(code));
        let request_id = text("RequestId").filter(|id| self.is_printable(id));
        let is_key = |code: &str| KEY_CODES.contains(&code) || CLOCK_CODES.contains(&code);
        let is_key = match &code {
            Some(code) => is_key(code) || (raw.status == 401 && code != "AccessDenied"),
            None => raw.status == 401,
        };
        let refusal = Refusal {
            status: raw.status,
            code: code.unwrap_or_else(|| "an error without a code".to_owned()),
            request_id: request_id.or_else(|| raw.request_id.clone()),
        };
        if is_key {
            ApiError::Key(refusal)
        } else {
            ApiError::Refused(refusal)
        }
    }

    /// Returns whether a text of the vendor's looks like a code or a request id, and holds nothing of the
    /// key: a server that is not the vendor's may say anything there.
    fn is_printable(&self, text: &str) -> bool {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+/=".contains(&byte);
        let secrets = [
            Some(&self.secret_id),
            Some(&self.secret_key),
            self.token.as_ref(),
        ];
        let mut secrets = secrets.into_iter().flatten();
        text.len() <= MAX_PRINTED_LENGTH
            && text.bytes().all(is_legal)
            && !secrets.any(|part| text.contains(&**part))
    }
}

/// The header that carries a temporary key's token.
const TOKEN_HEADER: &str = "x-cos-security-token";

fn is_slow_down(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused(refusal) if refusal.code == "SlowDown")
}

fn agent() -> ureq::Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(REQUEST_TIMEOUT))
        .http_status_as_error(false)
        // The API has none, and what another host is sent may be a key's token.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

fn url(endpoint: &str, path: &str, parameters: &[Pair<'_>]) -> String {
    // Commas between ids are sent as they are.
    let segments: Vec<_> = path
        .split('/')
        .map(|segment| {
            let ids: Vec<_> = segment.split(',').map(cos_signature::encode).collect();
            ids.join(",")
        })
        .collect();
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| {
            let encode = cos_signature::encode;
            format!("{}={}", encode(name), encode(value))
        })
        .collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!(
        "{endpoint}{}{mark}{}",
        segments.join("/"),
        parameters.join("&")
    )
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

/// Describes why no answer came, without a word of what was sent.
fn describe(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => {
            format!("request timed out after {} s", REQUEST_TIMEOUT.as_secs())
        }
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            format!("request timed out after {} s", REQUEST_TIMEOUT.as_secs())
        }
        ureq::Error::Io(error) => format!("connection failed: {}", error.kind()),
        ureq::Error::HostNotFound => "host not found".to_owned(),
        ureq::Error::BodyExceedsLimit(limit) => format!("the answer is larger than {limit} bytes"),
        ureq::Error::Tls(reason) => format!("TLS failed: {reason}"),
        ureq::Error::Rustls(error) => format!("TLS failed: {error}"),
        _ => "expected an HTTP answer".to_owned(),
    }
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

    #[test]
    fn a_url_is_encoded_as_it_is_signed() {
        let parameters = [("startCreationTime", "2026-11-23T14:00:00+0800"), ("a", "")];
        assert_eq!(
            url("http://h", "/jobs/j1,j 2", &parameters),
            "http://h/jobs/j1,j%202?startCreationTime=2026-11-23T14%3A00%3A00%2B0800&a="
        );
    }
}
