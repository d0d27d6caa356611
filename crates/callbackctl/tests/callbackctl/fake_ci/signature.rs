//! Checks that the signature of a request includes the host, the token and all parameters.

use std::ops::Range;

use jiff::Timestamp;

use super::{SECRET_ID, SECRET_KEY, Seen, Shared, TOKEN, pairs};

#[path = "../../../src/tencent/signature.rs"]
mod cos_signature;

impl Shared {
    /// Checks the key, the time and the signature of a request.
    pub(super) fn is_signed(request: &Seen) -> bool {
        let header = |name| request.headers.get(name).map_or("", String::as_str);
        let authorization = header("authorization");
        let fields = pairs(authorization);
        let Some(valid) = fields.get("q-sign-time").and_then(|time| seconds(time)) else {
            return false;
        };
        let parameters = request.parameters.iter();
        let parameters: Vec<_> = parameters
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let headers = ["host", "x-cos-security-token"].map(|name| (name, header(name)));
        let signed = cos_signature::Request {
            method: "get",
            path: &request.path,
            parameters: &parameters,
            headers: &headers,
        };
        let expected = cos_signature::authorization(&signed, SECRET_ID, SECRET_KEY, &valid);
        valid.contains(&Timestamp::now().as_second())
            && authorization == expected
            && header("x-cos-security-token") == TOKEN
    }
}

fn seconds(text: &str) -> Option<Range<i64>> {
    let (begin, end) = text.split_once(';')?;
    Some(begin.parse().ok()?..end.parse().ok()?)
}
