//! Parses requests and serializes responses of a function URL: payload format 2.0, which an HTTP API uses as
//! well.
//!
//! Only the fields that are used are deserialized, borrowed from the event. The types of `lambda_http` would
//! copy the body twice, and its adapter panics on some paths and queries that a client can send.

use std::{borrow::Cow, fmt, marker::PhantomData};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::auth::Authenticated;

/// A request, borrowed from its event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'e> {
    #[serde(borrow)]
    version: Cow<'e, str>,
    #[serde(borrow)]
    raw_path: Cow<'e, str>,
    #[serde(borrow)]
    raw_query_string: Option<Text<'e>>,
    /// Parsed only after the token was checked.
    #[serde(borrow)]
    headers: Option<&'e RawValue>,
    #[serde(borrow, deserialize_with = "deserialize_object")]
    request_context: RequestContext<'e>,
    #[serde(borrow)]
    body: Option<Text<'e>>,
    is_base64_encoded: bool,
}

/// The supported version of the payload format.
const VERSION: &str = "2.0";

/// A string that is copied only if it contains escape sequences.
#[derive(Default, Deserialize)]
struct Text<'e>(#[serde(borrow)] Cow<'e, str>);

#[derive(Deserialize)]
struct RequestContext<'e> {
    #[serde(borrow, deserialize_with = "deserialize_object")]
    http: Http<'e>,
}

#[derive(Deserialize)]
struct Http<'e> {
    #[serde(borrow)]
    method: Cow<'e, str>,
}

/// The headers that are used. Lambda writes all names in lower case.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
}

/// The body is not valid base64, although the event is marked as base64.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidBase64;

impl<'e> Request<'e> {
    /// Parses an event. Returns `None` for any other event.
    pub fn parse(event: &'e str) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_str(event);
        let request: Self = deserialize_object(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        (request.version == VERSION).then_some(request)
    }

    /// Returns the path as the client sent it, percent-encoded.
    pub(crate) fn path(&self) -> &str {
        &self.raw_path
    }

    /// Returns the query as the client sent it, without its `?`.
    pub(crate) fn query(&self) -> &str {
        self.raw_query_string.as_ref().map_or("", |query| &query.0)
    }

    /// Returns whether the method is POST.
    pub fn is_post(&self) -> bool {
        self.request_context.http.method == "POST"
    }

    /// Returns the headers. All are absent if one of them is not text.
    pub(crate) fn headers(&self, _: &Authenticated) -> Headers {
        let headers = self
            .headers
            .map(|headers| serde_json::from_str(headers.get()));
        headers.and_then(Result::ok).unwrap_or_default()
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

    /// Returns the body as the client sent it.
    ///
    /// # Errors
    /// Returns [`InvalidBase64`] if the body is marked as base64, but cannot be decoded.
    pub fn into_body(self, _: &Authenticated) -> Result<Bytes, InvalidBase64> {
        let Text(encoded) = self.body.unwrap_or_default();
        if self.is_base64_encoded {
            let decoded = STANDARD.decode(encoded.as_bytes());
            return decoded.map(Bytes::from).map_err(|_| InvalidBase64);
        }
        Ok(Bytes::from(encoded.into_owned()))
    }
}

/// Deserializes a struct from a JSON object. serde would also accept an array.
fn deserialize_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct ObjectVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(ObjectVisitor(PhantomData))
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
