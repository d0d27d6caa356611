//! Parses requests and serializes responses of a function URL: payload format 2.0, which an HTTP API uses as
//! well.
//!
//! Only the fields that are used are deserialized. `lambda_http` would build an `http::Request` before the
//! token is checked, and panics on some paths and queries that a client can send.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

/// A request, borrowed from its event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'e> {
    #[serde(borrow)]
    version: Text<'e>,
    #[serde(borrow)]
    raw_path: Text<'e>,
    #[serde(borrow)]
    raw_query_string: Option<Text<'e>>,
    /// Not parsed before the token is checked.
    #[serde(borrow)]
    headers: Option<&'e RawValue>,
    #[serde(borrow)]
    request_context: Object<RequestContext<'e>>,
    #[serde(borrow)]
    body: Option<Text<'e>>,
    is_base64_encoded: bool,
}

/// The supported version of the payload format.
const VERSION: &str = "2.0";

/// A JSON object. Without this, serde would read a struct from an array as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        if !json.starts_with('{') {
            return Err(D::Error::custom("expected an object"));
        }
        serde_json::from_str(json)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// A text that is copied only if it has escapes.
#[derive(Default, Deserialize)]
struct Text<'e>(#[serde(borrow)] Cow<'e, str>);

/// The headers that are used. Lambda writes all names in lower case.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
}

#[derive(Deserialize)]
struct RequestContext<'e> {
    #[serde(borrow)]
    http: Object<Http<'e>>,
}

#[derive(Deserialize)]
struct Http<'e> {
    #[serde(borrow)]
    method: Text<'e>,
}

impl<'e> Request<'e> {
    /// Parses an event. Returns `None` for an event of any other shape.
    pub fn parse(event: &'e str) -> Option<Self> {
        let Object(request) = serde_json::from_str::<Object<Self>>(event).ok()?;
        (request.version.0 == VERSION).then_some(request)
    }

    /// Returns the path as the client sent it, percent-encoded.
    pub(crate) fn path(&self) -> &str {
        &self.raw_path.0
    }

    /// Returns the query as the client sent it, without its `?`.
    pub(crate) fn query(&self) -> &str {
        self.raw_query_string.as_ref().map_or("", |query| &query.0)
    }

    /// Returns the method.
    pub(crate) fn method(&self) -> &str {
        &self.request_context.0.http.0.method.0
    }

    /// Returns the headers. All are absent if one of them is not text.
    pub(crate) fn headers(&self) -> Headers {
        let headers = self
            .headers
            .map(|headers| serde_json::from_str(headers.get()));
        headers.and_then(Result::ok).unwrap_or_default()
    }

    /// Returns the body as the event contains it: text, or base64.
    pub(crate) fn into_encoded_body(self) -> Cow<'e, str> {
        self.body.unwrap_or_default().0
    }

    /// Whether the event contains the body in base64.
    pub(crate) fn is_base64(&self) -> bool {
        self.is_base64_encoded
    }

    /// Returns the size of the decoded body in bytes, without decoding it.
    pub(crate) fn body_bytes(&self) -> usize {
        let encoded = self.body.as_ref().map_or("", |body| &body.0);
        if self.is_base64_encoded {
            encoded.trim_end_matches('=').len() * 3 / 4
        } else {
            encoded.len()
        }
    }
}

/// A response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub(crate) status_code: u16,
    /// The headers.
    pub(crate) headers: ResponseHeaders,
    /// The body, as text.
    pub(crate) body: String,
    /// Always `false`.
    pub(crate) is_base64_encoded: bool,
}

/// The headers of a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ResponseHeaders {
    pub(crate) content_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<&'static str>,
}
