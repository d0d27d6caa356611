//! A client for Cloud Infinite's API. It signs requests, sends them one at a time, and retries them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::{Args, builder::NonEmptyStringValueParser};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    error::ApiError,
    key::Key,
    signature::{self, Pair},
    xml,
};
use crate::http;

/// The timeout of a request, including the time to receive its response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum number of attempts per request.
const MAX_TRIES: u32 = 5;

/// The back-off before the second attempt. It doubles for each later attempt.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// The interval between requests: five a second. Tencent documents no limit for these requests; its limit for
/// reading the settings of a bucket is ten a second.
const PACE: Duration = Duration::from_millis(200);

/// The maximum size of a response: a hundred jobs of more than half a megabyte each.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024 * 1024;

/// The validity of a signature before and after its creation, in seconds. Each attempt is signed again.
const VALID_BEFORE: i64 = 60;
const VALID_AFTER: i64 = 600;

/// The header for the session token of a temporary key.
const TOKEN_HEADER: &str = "x-cos-security-token";

/// The command-line arguments of the bucket.
#[derive(Args)]
pub(crate) struct BucketArgs {
    /// The COS bucket of the jobs, such as examplebucket-1250000000
    #[arg(long, value_name = "NAME-APPID", value_parser = host_label)]
    pub(crate) bucket: String,
    /// The bucket's region, such as ap-beijing
    #[arg(long, value_parser = host_label)]
    region: String,
    /// A custom endpoint instead of `https://BUCKET.ci.REGION.myqcloud.com`
    #[arg(long, env = "CI_ENDPOINT_URL", value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    ci_endpoint_url: Option<String>,
}

/// Parses a label of a host name. A signed request must not be sent to another host.
fn host_label(text: &str) -> Result<String, &'static str> {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.bytes().all(is_legal) {
        Ok(text.to_owned())
    } else {
        Err("only lower-case letters, digits and hyphens are allowed")
    }
}

/// A client for the API of a bucket.
pub(crate) struct Client {
    agent: ureq::Agent,
    /// Scheme and host.
    endpoint: String,
    /// The host that is sent and signed, with the port of the endpoint, if any.
    host: String,
    key: Key,
    /// The earliest time of the next request.
    next_at: Instant,
    /// The maximum number of attempts per request. After all attempts of a request failed, it is 1 until a
    /// request succeeds: a run reads about forty lists, and five timeouts for each list would add up to an
    /// hour.
    max_tries: u32,
    deadline: Option<Instant>,
}

impl Client {
    /// Creates a client with the API key from the environment. No request starts after the deadline.
    ///
    /// # Errors
    /// Returns an error if the key is missing, or a setting is invalid.
    pub(crate) fn new(bucket: &BucketArgs, deadline: Option<Instant>) -> anyhow::Result<Self> {
        let BucketArgs {
            bucket: name,
            region,
            ..
        } = bucket;
        let endpoint = match &bucket.ci_endpoint_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("https://{name}.ci.{region}.myqcloud.com"),
        };
        let https = endpoint.strip_prefix("https://");
        let host = https.or_else(|| endpoint.strip_prefix("http://"));
        let host = host
            .filter(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']))
            .context("CI_ENDPOINT_URL is not http(s)://host[:port]")?
            .to_owned();
        Ok(Self {
            agent: http::agent(REQUEST_TIMEOUT),
            endpoint,
            host,
            key: Key::from_env()?,
            next_at: Instant::now(),
            max_tries: MAX_TRIES,
            deadline,
        })
    }

    /// Sends a GET request, and returns the response. The path must not be encoded.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
    pub(crate) async fn get(
        &mut self,
        path: &str,
        parameters: &[Pair<'_>],
    ) -> Result<String, ApiError> {
        let mut backoff = FIRST_BACKOFF;
        for tries in 1.. {
            self.check_deadline()?;
            sleep_until(self.next_at).await;
            self.next_at = Instant::now() + PACE;
            let result = self.send(path, parameters).await;
            let is_retryable = result.as_ref().is_err_and(ApiError::is_retryable);
            if !is_retryable || tries >= self.max_tries {
                self.max_tries = if is_retryable { 1 } else { MAX_TRIES };
                return result;
            }
            sleep(backoff).await;
            backoff *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Returns an error if the deadline has passed.
    pub(crate) fn check_deadline(&self) -> Result<(), ApiError> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(ApiError::TimeLimit),
            _ => Ok(()),
        }
    }

    async fn send(&self, path: &str, parameters: &[Pair<'_>]) -> Result<String, ApiError> {
        let Key { id, secret, token } = &self.key;
        let mut headers = vec![("host", &*self.host)];
        headers.extend(token.as_deref().map(|token| (TOKEN_HEADER, token)));
        let request = signature::Request {
            method: "get",
            path,
            parameters,
            headers: &headers,
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since_1970.map_or(0, |time| time.as_secs() as i64);
        let valid = now - VALID_BEFORE..now + VALID_AFTER;
        let authorization = signature::authorization(&request, id, secret, &valid);
        let mut call = self.agent.get(url(&self.endpoint, path, parameters));
        call = call.header("authorization", authorization);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        // ureq blocks its thread, but the connections of the SDK use this thread.
        let received = tokio::task::spawn_blocking(move || receive(call)).await;
        let (status, body) = match received.expect("the HTTP client does not panic") {
            Ok(received) => received,
            Err(error) => {
                let reason = format!("{}: {}", self.host, http::describe(&error));
                return Err(match error {
                    ureq::Error::BodyExceedsLimit(_) => ApiError::Unusable(reason),
                    _ => ApiError::Connection(reason),
                });
            }
        };
        let text = String::from_utf8(body);
        if status != 200 {
            // `<Error><Code/><Message/><RequestId/></Error>`, unless the error is from a proxy.
            let text = text.unwrap_or_default();
            let elements = xml::children(&text, "Error").unwrap_or_default();
            let code = xml::child_text(&elements, "Code");
            return Err(ApiError::refused(status, code.as_deref()));
        }
        text.map_err(|_| ApiError::unusable("the response is not UTF-8"))
    }
}

/// Sends a request, and returns status and body of the response.
fn receive(
    call: ureq::RequestBuilder<ureq::typestate::WithoutBody>,
) -> Result<(u16, Vec<u8>), ureq::Error> {
    let mut response = call.call()?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES);
    Ok((status, body.read_to_vec()?))
}

fn url(endpoint: &str, path: &str, parameters: &[Pair<'_>]) -> String {
    // Slashes, and commas between ids, are not encoded.
    let path: String = path
        .split_inclusive(['/', ','])
        .map(|part| {
            let end = part.trim_end_matches(['/', ',']).len();
            format!("{}{}", signature::encode(&part[..end]), &part[end..])
        })
        .collect();
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", signature::encode(name), signature::encode(value)))
        .collect();
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("{endpoint}{path}{mark}{}", parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_encoded_as_it_is_signed() {
        let parameters = [("startCreationTime", "2026-11-23T14:00:00+0800"), ("a", "")];
        assert_eq!(
            url("http://h", "/jobs/j1,j 2", &parameters),
            "http://h/jobs/j1,j%202?startCreationTime=2026-11-23T14%3A00%3A00%2B0800&a="
        );
    }
}
