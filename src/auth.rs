//! Authenticates requests by a token. The vendor signs nothing, so the callback URL contains a token: as the
//! last segment of the path, or as the query parameter `token`.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::function_url::{Headers, Request};

/// The query parameter that may carry the token.
const PARAMETER: &str = "token";

/// The SHA-256 of a token. The function never stores a token itself.
pub type TokenDigest = [u8; 32];

/// Which requests are accepted.
pub enum Authentication {
    /// All requests: something in front of the function authenticates, and `CALLBACK_AUTH` is `none`.
    Disabled,
    /// Requests with one of these tokens. There are two during a rotation.
    Tokens(Vec<TokenDigest>),
}

/// An authenticated request. Only [`Authentication::authenticate`] creates one.
pub struct Authentic<'e> {
    request: Request<'e>,
}

/// The body is not valid base64, although the event says so.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidBase64;

impl Authentic<'_> {
    /// Whether the method is POST.
    pub fn is_post(&self) -> bool {
        self.request.method() == "POST"
    }

    /// Returns the headers.
    pub(crate) fn headers(&self) -> Headers {
        self.request.headers()
    }

    /// Returns the body as the vendor sent it.
    ///
    /// # Errors
    /// Returns [`InvalidBase64`] if the body is encoded and cannot be decoded.
    pub fn into_body(self) -> Result<Bytes, InvalidBase64> {
        let is_base64 = self.request.is_base64();
        let encoded = self.request.into_encoded_body();
        if is_base64 {
            let decoded = STANDARD.decode(encoded.as_bytes());
            return decoded.map(Bytes::from).map_err(|_| InvalidBase64);
        }
        Ok(Bytes::from(encoded.into_owned()))
    }
}

impl Authentication {
    /// Returns the request as authenticated, if it has an accepted token. Takes the same time whether or
    /// not a digest matches, and whichever digest it is.
    pub fn authenticate<'e>(&self, request: Request<'e>) -> Option<Authentic<'e>> {
        let Self::Tokens(digests) = self else {
            return Some(Authentic { request });
        };
        let mut accepted = Choice::from(0);
        for candidate in candidates(request.path(), request.query()) {
            let candidate = digest(&candidate);
            for digest in digests {
                accepted |= digest.ct_eq(&candidate);
            }
        }
        bool::from(accepted).then_some(Authentic { request })
    }
}

/// Returns the digest of a token, as the configuration holds it.
pub fn digest(token: &[u8]) -> TokenDigest {
    Sha256::digest(token).into()
}

/// Parses a digest of 64 hexadecimal digits in either case.
pub(crate) fn digest_from_hex(text: &str) -> Option<TokenDigest> {
    let mut digest = TokenDigest::default();
    hex::decode_to_slice(text.trim(), &mut digest).ok()?;
    Some(digest)
}

/// Returns the parts of a URL that may be the token.
fn candidates(path: &str, query: &str) -> Vec<Vec<u8>> {
    let segment = path.trim_end_matches('/').rsplit('/').next();
    let parameters = query
        .split('&')
        .filter_map(|pair| pair.split_once('=').filter(|(name, _)| *name == PARAMETER))
        .map(|(_, value)| value);
    // An empty text is never a token, even if its digest is configured.
    segment
        .into_iter()
        .chain(parameters)
        .filter(|text| !text.is_empty())
        .map(|text| percent_decode_str(text).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(tokens: &[&str], uri: &str) -> bool {
        let digests = tokens
            .iter()
            .map(|token| digest(token.as_bytes()))
            .collect();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let event = serde_json::json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "requestContext": { "http": { "method": "POST" } },
            "isBase64Encoded": false,
        });
        let event = event.to_string();
        let request = Request::parse(&event).expect("the event is complete");
        let authentication = Authentication::Tokens(digests);
        authentication.authenticate(request).is_some()
    }

    #[test]
    fn ok_places_of_the_token() {
        for uri in [
            "/abc",
            "/abc/",
            "/ci/callback/abc",
            "/?token=abc",
            "/x?a=b&token=abc",
            "/x?token=%61%62%63",
            "/abc?token=wrong",
            "/abc?v=2",
        ] {
            assert!(is_accepted(&["abc"], uri), "{uri}");
        }
        let encoded = "/?token=a%2Bb%2Fc%26d%3D%C3%A9%20%25";
        assert!(is_accepted(&["a+b/c&d=é %"], encoded));
    }

    #[test]
    fn ok_any_of_several_tokens() {
        for uri in [
            "/one",
            "/two",
            "/one?token=two",
            "/wrong?token=two",
            "/two?token=wrong",
        ] {
            assert!(is_accepted(&["one", "two"], uri), "{uri}");
        }
    }

    #[test]
    fn err_everything_else() {
        for uri in [
            "/",
            "/ab",
            "/abcd",
            "/ABC",
            "/abc/x",
            "/?abc",
            "/?token=",
            "/?token",
            "/?tokens=abc",
            "/?x=token=abc",
            "/?token=ab&c",
            "/?Token=abc",
            "/?token=abc%00",
            "/?token=%",
            "/%FF",
            "//",
        ] {
            assert!(!is_accepted(&["abc"], uri), "{uri}");
        }
        // The digest is in the configuration, which more people can read than the token.
        let digest = hex::encode(digest(b"abc"));
        assert!(!is_accepted(&["abc"], &format!("/{digest}")));
        assert!(!is_accepted(&[], "/abc"));
        assert!(!is_accepted(&[""], "/"));
        assert!(!is_accepted(&[""], "/?token="));
    }

    #[test]
    fn ok_digests_as_text() {
        let text = "BA7816BF8F01CFEA414140DE5DAE2223B00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest_from_hex(text), Some(digest(b"abc")));
        for wrong in [
            "",
            "ab",
            &text[1..],
            &format!("{text}00"),
            &text.replace('A', "G"),
            "é",
        ] {
            assert_eq!(digest_from_hex(wrong), None, "{wrong}");
        }
    }
}
