//! Checks that requests are signed, host, token and all parameters included. The unit tests of the signature
//! compare it with the vendor's.

use std::ops::Range;

use hyper::http::request::Parts;
use jiff::{SignedDuration, Timestamp};

use super::{SECRET_ID, SECRET_KEY, Shared, TOKEN, decoded, lock, pairs};

#[path = "../../../src/tencent/signature.rs"]
mod cos_signature;

/// How far clocks may be apart.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

impl Shared {
    /// Checks the signature of a request.
    pub(super) fn check(&self, head: &Parts) -> Result<(), (u16, &'static str)> {
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let authorization = header("authorization");
        let fields = pairs(authorization);
        let field = |name: &str| {
            let field = fields.iter().find(|(found, _)| found == name);
            field.map_or("", |(_, value)| value)
        };
        if field("q-ak") != SECRET_ID {
            return Err((403, "InvalidAccessKeyId"));
        }
        let Some(valid) = seconds(field("q-sign-time")) else {
            return Err((403, "InvalidAuthorization"));
        };
        let now = (Timestamp::now() + *lock(&self.skew)).as_second();
        if valid.end < now {
            return Err((403, "SignatureExpired"));
        }
        if valid.start > now + MAX_SKEW.as_secs() {
            return Err((403, "RequestTimeTooSkewed"));
        }
        let path = decoded(head.uri.path());
        let parameters = pairs(head.uri.query().unwrap_or_default());
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let headers = ["host", "x-cos-security-token"].map(|name| (name, header(name)));
        let request = cos_signature::Request {
            method: "get",
            path: &path,
            parameters: &parameters,
            headers: &headers,
        };
        let expected = cos_signature::authorization(&request, SECRET_ID, SECRET_KEY, &valid);
        if authorization == expected && header("x-cos-security-token") == TOKEN {
            Ok(())
        } else {
            Err((403, "SignatureDoesNotMatch"))
        }
    }
}

fn seconds(text: &str) -> Option<Range<i64>> {
    let (begin, end) = text.split_once(';')?;
    Some(begin.parse().ok()?..end.parse().ok()?)
}
