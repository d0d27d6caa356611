//! Authenticates requests by a token. Tencent does not sign callbacks, so the callback URL contains a token: as
//! the last segment of the path, or as the query parameter `token`.

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::function_url::Request;

/// The query parameter that may carry the token.
const PARAMETER: &str = "token";

/// The SHA-256 of a token. The function never stores the token.
pub type TokenDigest = [u8; 32];

/// Which requests are accepted.
pub enum Authentication {
    /// All requests are accepted, because another service authenticates them. `CALLBACK_AUTH` is `none`.
    Disabled,
    /// Requests with one of these tokens. There are two during a rotation.
    Tokens(Vec<TokenDigest>),
}

/// Proves that a request was accepted. Only [`Authentication::authenticate`] creates one, and [`Request`] returns
/// headers and body only with it.
pub struct Authenticated {
    token_index: Option<u32>,
}

impl Authenticated {
    /// Returns the position of the accepted token's digest in `CALLBACK_TOKEN_SHA256`, from 0.
    pub(crate) fn token_index(&self) -> Option<u32> {
        self.token_index
    }
}

impl Authentication {
    /// Returns `Some` if the request has an accepted token. The time does not depend on whether and which digest
    /// matches.
    pub fn authenticate(&self, request: &Request<'_>) -> Option<Authenticated> {
        let Self::Tokens(digests) = self else {
            return Some(Authenticated { token_index: None });
        };
        // The number of the digest from 1, or 0 if none matches.
        let mut accepted = 0_u32;
        for candidate in candidates(request.path(), request.query()) {
            let candidate = digest(&candidate);
            for (number, digest) in (1..).zip(digests) {
                accepted.conditional_assign(&number, digest.ct_eq(&candidate));
            }
        }
        let token_index = accepted.checked_sub(1)?;
        Some(Authenticated {
            token_index: Some(token_index),
        })
    }
}

/// Returns the digest of a token, as in the configuration.
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

    /// Returns the position of the token in this path and query.
    fn accepted(tokens: &[&str], uri: &str) -> Option<u32> {
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
        authentication.authenticate(&request)?.token_index()
    }

    fn is_accepted(tokens: &[&str], uri: &str) -> bool {
        accepted(tokens, uri).is_some()
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
        for (uri, index) in [
            ("/one", 0),
            ("/two", 1),
            ("/one?token=two", 1),
            ("/wrong?token=two", 1),
            ("/two?token=wrong", 1),
        ] {
            assert_eq!(accepted(&["one", "two"], uri), Some(index), "{uri}");
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
}
