//! Who is let in. The vendor signs nothing, so the URL that it was given carries a token: as the
//! last segment of the path, or as the query's `token`.

use bytes::Bytes;
use lambda_http::{
    Body, Request,
    http::{Method, header::CONTENT_TYPE},
};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The query's parameter that may carry the token.
const PARAMETER: &str = "token";

/// A token's SHA-256. The function never holds a token itself.
pub type TokenDigest = [u8; 32];

/// The tokens that are accepted.
pub struct Tokens {
    /// None where anyone is let in.
    digests: Option<Vec<TokenDigest>>,
}

/// A request that may be read: only [`Tokens::authenticate`] makes one.
pub struct Authentic {
    request: Request,
}

impl Authentic {
    /// Whether its method is the one that callbacks have.
    pub fn is_post(&self) -> bool {
        self.request.method() == Method::POST
    }

    /// What its sender says that the body is.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.request.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// The body as the vendor sent it.
    pub fn into_body(self) -> Bytes {
        match self.request.into_body() {
            Body::Text(text) => Bytes::from(text),
            Body::Binary(bytes) => Bytes::from(bytes),
            _ => Bytes::new(),
        }
    }
}

impl Tokens {
    /// Accepts the tokens with these digests: two while a token is replaced.
    pub fn of_digests(digests: Vec<TokenDigest>) -> Self {
        Self {
            digests: Some(digests),
        }
    }

    /// Accepts every request: for functions that something else protects.
    pub(crate) fn none() -> Self {
        Self { digests: None }
    }

    /// Lets a request in if it carries an accepted token. Takes the same time whichever digest is
    /// the one, and whether one is.
    pub fn authenticate(&self, request: Request) -> Option<Authentic> {
        let Some(digests) = &self.digests else {
            return Some(Authentic { request });
        };
        let mut accepted = Choice::from(0);
        for candidate in candidates(request.uri().path(), request.uri().query()) {
            let candidate = digest(&candidate);
            for digest in digests {
                accepted |= digest.ct_eq(&candidate);
            }
        }
        bool::from(accepted).then_some(Authentic { request })
    }
}

/// The digest that the configuration holds of a token.
pub fn digest(token: &[u8]) -> TokenDigest {
    Sha256::digest(token).into()
}

/// A digest from 64 hexadecimal digits of either case.
pub(crate) fn digest_from_hex(text: &str) -> Option<TokenDigest> {
    let mut digest = TokenDigest::default();
    hex::decode_to_slice(text.trim(), &mut digest).ok()?;
    Some(digest)
}

/// What may be the token.
fn candidates(path: &str, query: Option<&str>) -> Vec<Vec<u8>> {
    let segment = path.trim_end_matches('/').rsplit('/').next();
    let parameters = query
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('=').filter(|(name, _)| *name == PARAMETER))
        .map(|(_, value)| value);
    // The empty text is no token, whatever digest is configured.
    segment
        .into_iter()
        .chain(parameters)
        .filter(|text| !text.is_empty())
        .map(|text| percent_decode_str(text).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use lambda_http::http;

    use super::*;

    fn is_let_in(tokens: &[&str], uri: &str) -> bool {
        let digests = tokens
            .iter()
            .map(|token| digest(token.as_bytes()))
            .collect();
        let request = http::Request::builder().uri(uri).body(Body::Empty).unwrap();
        Tokens::of_digests(digests).authenticate(request).is_some()
    }

    #[test]
    fn ok_where_the_token_may_stand() {
        for uri in [
            "/abc",
            "/abc/",
            "/ci/callback/abc",
            "/?token=abc",
            "/x?a=b&token=abc",
            "/x?token=%61bc",
        ] {
            assert!(is_let_in(&["abc"], uri), "{uri}");
        }
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
            assert!(is_let_in(&["one", "two"], uri), "{uri}");
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
            "//",
        ] {
            assert!(!is_let_in(&["abc"], uri), "{uri}");
        }
        assert!(!is_let_in(&[], "/abc"));
        assert!(!is_let_in(&[""], "/"));
        assert!(!is_let_in(&[""], "/?token="));
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
