//! The vendor's query API: signed requests, one at a time, tried again where that may help.
//!
//! Of a vendor's error, only the code and the request id are printed: its message may quote the request,
//! including the signature.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{attempts::Attempts, key::Key};
pub(crate) use super::{bucket::BucketArguments, error::ApiError};
use crate::{
    cos_signature::{self, Pair},
    http::{self, HttpError},
    xml_answer::{self, Element},
};

/// The time-out of a request, including the time to receive its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The largest answer: a hundred jobs of more than half a megabyte each.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// How long a signature is valid before and after now, in seconds. It is made for each try.
const VALID_BEFORE: i64 = 60;
const VALID_AFTER: i64 = 600;

/// The longest code and request id that are printed: the vendor's are shorter.
const MAX_PRINTED_LENGTH: usize = 64;

/// How many hexadecimal digits a signature has.
const SIGNATURE_LENGTH: usize = 40;

/// The header that carries a temporary key's token.
const TOKEN_HEADER: &str = "x-cos-security-token";

/// The API of one bucket.
pub(crate) struct CiApi {
    client: Client,
    attempts: Attempts,
}

/// What each try of a request needs.
struct Client {
    agent: ureq::Agent,
    /// Scheme, host and port.
    endpoint: String,
    /// The host as it is sent and signed: with its port, unless that is the scheme's own.
    host: String,
    key: Key,
    /// The signatures of all requests, which an answer may repeat.
    signatures: Mutex<HashSet<String>>,
}

/// An answer with status 200.
pub(crate) struct Answer {
    text: String,
    request_id: Option<String>,
}

impl Answer {
    /// Returns the elements of the answer, whose root is `Response`.
    ///
    /// # Errors
    /// If it is not well-formed XML with this root.
    pub(crate) fn elements(&self) -> Result<Vec<Element<'_>>, ApiError> {
        xml_answer::children(&self.text, "Response").map_err(|reason| self.unusable(reason))
    }

    /// Returns the error for an answer that cannot be used.
    pub(crate) fn unusable(&self, reason: &str) -> ApiError {
        unusable(reason, self.request_id.clone())
    }
}

impl CiApi {
    /// Creates a client of a bucket's API, with the key of the environment. Nothing is sent yet.
    ///
    /// # Errors
    /// All settings that are missing or wrong.
    pub(crate) fn from_env(arguments: &BucketArguments) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let key = Key::from_env(&mut problems);
        let endpoint = arguments.endpoint();
        if endpoint.is_none() {
            problems.push("CI_ENDPOINT_URL: expected http(s)://host[:port]".to_owned());
        }
        match endpoint {
            Some((endpoint, host)) if problems.is_empty() => Ok(Self {
                client: Client {
                    agent: http::agent(REQUEST_TIMEOUT),
                    endpoint,
                    host,
                    key,
                    signatures: Mutex::default(),
                },
                attempts: Attempts::new(),
            }),
            _ => Err(problems),
        }
    }

    /// Sends a GET request for a path without encoding, and returns the answer.
    ///
    /// # Errors
    /// If the last try has no answer of this API with status 200.
    pub(crate) async fn get(
        &mut self,
        path: &str,
        parameters: &[Pair<'_>],
    ) -> Result<Answer, ApiError> {
        let client = &self.client;
        let attempt = async || client.get(path, parameters).await;
        self.attempts.run(attempt).await
    }

    /// Returns whether a text of the vendor contains no part of the key, and no signature.
    pub(crate) fn is_printable(&self, text: &str) -> bool {
        self.client.is_printable(text)
    }
}

fn unusable(reason: &str, request_id: Option<String>) -> ApiError {
    ApiError::Unusable {
        reason: reason.to_owned(),
        request_id,
    }
}

impl Client {
    async fn get(&self, path: &str, parameters: &[Pair<'_>]) -> Result<Answer, ApiError> {
        let Key { id, secret, token } = &self.key;
        let mut headers = vec![("host", &*self.host)];
        headers.extend(token.as_deref().map(|token| (TOKEN_HEADER, token)));
        let request = cos_signature::Request {
            method: "get",
            path,
            parameters,
            headers: &headers,
        };
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since_1970.map_or(0, |time| time.as_secs() as i64);
        let valid = now - VALID_BEFORE..now + VALID_AFTER;
        let authorization = cos_signature::authorization(&request, id, secret, &valid);
        let signature = authorization.rsplit('=').next().unwrap_or_default();
        self.signatures().insert(signature.to_owned());
        let call = self.agent.get(url(&self.endpoint, path, parameters));
        let mut call = call.header("authorization", authorization);
        if let Some(token) = token {
            call = call.header(TOKEN_HEADER, token);
        }
        // ureq blocks, and the connections of the SDK need the thread meanwhile.
        let received = tokio::task::spawn_blocking(move || receive(call)).await;
        let fault = |_| Err(HttpError::Connection("the HTTP client panicked".to_owned()));
        let received = received.unwrap_or_else(fault).map_err(|error| match error {
            HttpError::TimedOut => ApiError::TimedOut(REQUEST_TIMEOUT),
            HttpError::Connection(reason) => ApiError::Connection(reason),
            HttpError::TooLarge(_) => unusable(&error.to_string(), None),
        });
        let (status, request_id, body) = received?;
        let is_printable = |text: &String| is_plain(text) && self.is_printable(text);
        let request_id = request_id.filter(is_printable);
        if status != 200 {
            // `<Error><Code/><Message/><RequestId/></Error>`, unless the error is a proxy's.
            let body = String::from_utf8(body).unwrap_or_default();
            let elements = xml_answer::children(&body, "Error").unwrap_or_default();
            let text = |name| xml_answer::child_text(&elements, name).filter(is_printable);
            let request_id = text("RequestId").or(request_id);
            let is_code = |code: &String| code.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let code = text("Code").filter(is_code);
            return Err(ApiError::refused(status, code, request_id));
        }
        match String::from_utf8(body) {
            // Jobs are printed and published unchanged, so the whole answer must be free of secrets.
            Ok(text) if self.is_repeated_by(&text) => Err(unusable(
                "the answer repeats the key or the signature",
                request_id,
            )),
            Ok(text) => Ok(Answer { text, request_id }),
            Err(_) => Err(unusable("expected an answer in UTF-8", request_id)),
        }
    }

    fn is_printable(&self, text: &str) -> bool {
        self.key.is_printable(text) && !self.has_signature(text)
    }

    /// Returns whether a document reveals the key or a signature, as it is or in its decoded text.
    fn is_repeated_by(&self, document: &str) -> bool {
        let (decoded, _) = xml_answer::text(document);
        let is_secret = |text: &str| self.key.is_revealed_by(text) || self.has_signature(text);
        is_secret(document) || is_secret(&decoded)
    }

    fn signatures(&self) -> MutexGuard<'_, HashSet<String>> {
        let signatures = self.signatures.lock();
        signatures.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a text contains a signature of this process, in whatever case.
    fn has_signature(&self, text: &str) -> bool {
        let signatures = self.signatures();
        let digits = text.as_bytes().split(|byte| !byte.is_ascii_hexdigit());
        let mut places = digits.flat_map(|digits| digits.windows(SIGNATURE_LENGTH));
        places.any(|place| {
            let place = String::from_utf8_lossy(place).to_ascii_lowercase();
            signatures.contains(&place)
        })
    }
}

/// Sends a request, and returns status, request id and body of the answer.
fn receive(
    call: ureq::RequestBuilder<ureq::typestate::WithoutBody>,
) -> Result<(u16, Option<String>, Vec<u8>), HttpError> {
    let mut answer = call.call()?;
    let header = |name| {
        let value: &ureq::http::HeaderValue = answer.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let request_id = header("x-ci-request-id").or_else(|| header("x-cos-request-id"));
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES);
    Ok((status, request_id, body.read_to_vec()?))
}

/// Returns whether a text of the vendor's looks like a code or a request id.
fn is_plain(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+/=".contains(&byte);
    text.len() <= MAX_PRINTED_LENGTH && text.bytes().all(is_legal)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_encoded_as_it_is_signed() {
        let parameters = [("startCreationTime", "2026-11-23T14:00:00+0800"), ("a", "")];
        assert_eq!(
            url("http://h", "/jobs/j1,j 2", &parameters),
            "http://h/jobs/j1,j%202?startCreationTime=2026-11-23T14%3A00%3A00%2B0800&a="
        );
    }
}
