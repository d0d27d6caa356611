//! Checks signatures, by a second implementation.

use std::collections::{BTreeMap, HashMap};

use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest, Sha1};

use super::{SECRET_ID, SECRET_KEY, Shared, TOKEN, decoded, lock, pairs};

/// How far clocks may be apart.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl Shared {
    /// Checks the signature of a request.
    pub(super) fn check(&self, head: &Parts) -> Result<(), (u16, &'static str)> {
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let authorization = header("authorization");
        let fields: HashMap<_, _> = authorization
            .split('&')
            .filter_map(|field| field.split_once('='))
            .collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        if field("q-sign-algorithm") != "sha1" {
            return Err((403, "MissingAuthorization"));
        }
        if field("q-ak") != SECRET_ID {
            return Err((403, "InvalidAccessKeyId"));
        }
        let times = field("q-sign-time").split_once(';');
        let times = times.and_then(|(begin, end)| {
            let time = |text: &str| Timestamp::from_second(text.parse().ok()?).ok();
            Some((time(begin)?, time(end)?))
        });
        let Some((begin, end)) = times else {
            return Err((403, "InvalidAuthorization"));
        };
        let now = Timestamp::now() + *lock(&self.skew);
        if end < now {
            return Err((403, "SignatureExpired"));
        }
        if begin > now + MAX_SKEW {
            return Err((403, "RequestTimeTooSkewed"));
        }
        // All that came must be signed: host and token, and every parameter.
        let mut headers = vec![("host".to_owned(), header("host"))];
        if head.headers.contains_key("x-cos-security-token") {
            let name = "x-cos-security-token";
            headers.push((name.to_owned(), header(name)));
        }
        let parameters = pairs(head.uri.query().unwrap_or_default());
        let (header_list, headers) = canonical(headers);
        let (parameter_list, parameters) = canonical(parameters);
        let http_string = format!(
            "get\n{}\n{parameters}\n{headers}\n",
            decoded(head.uri.path())
        );
        let digest = hex::encode(Sha1::digest(http_string));
        let time = field("q-key-time");
        let to_sign = format!("sha1\n{time}\n{digest}\n");
        let signature = hmac(&hmac(SECRET_KEY, time), &to_sign);
        let is_right = field("q-header-list") == header_list
            && field("q-url-param-list") == parameter_list
            && field("q-signature") == signature
            && header("x-cos-security-token") == TOKEN
            && head.method == hyper::Method::GET;
        if is_right {
            Ok(())
        } else {
            Err((403, "SignatureDoesNotMatch"))
        }
    }
}

fn canonical(pairs: Vec<(String, String)>) -> (String, String) {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let sorted: BTreeMap<_, _> = pairs
        .iter()
        .map(|(name, value)| (encode(name).to_ascii_lowercase(), encode(value)))
        .collect();
    let names: Vec<_> = sorted.keys().cloned().collect();
    let joined: Vec<_> = sorted
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (names.join(";"), joined.join("&"))
}

fn hmac(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
