//! Computes the `Authorization` header of Cloud Infinite's API: the signature of COS's XML API.
//!
//! Pure: the time is an argument.

use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest, Sha1};

/// The characters that are not percent-encoded, besides letters and digits.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The name and value of a query parameter or header, without encoding.
pub(crate) type Pair<'p> = (&'p str, &'p str);

/// The signed parts of a request.
pub(crate) struct Request<'r> {
    /// The method in lower case.
    pub(crate) method: &'r str,
    /// The path, without encoding.
    pub(crate) path: &'r str,
    pub(crate) parameters: &'r [Pair<'r>],
    pub(crate) headers: &'r [Pair<'r>],
}

/// Returns the value of the header `Authorization` for a request. It is valid in `valid`, a range of
/// Unix seconds.
pub(crate) fn authorization(
    request: &Request<'_>,
    secret_id: &str,
    secret_key: &str,
    valid: &Range<i64>,
) -> String {
    let Request { method, path, .. } = request;
    let (parameter_names, parameters) = canonical(request.parameters);
    let (header_names, headers) = canonical(request.headers);
    let http_string = format!("{method}\n{path}\n{parameters}\n{headers}\n");
    let digest = hex::encode(Sha1::digest(http_string));
    let key_time = format!("{};{}", valid.start, valid.end);
    let sign_key = hmac_sha1(secret_key, &key_time);
    let signature = hmac_sha1(&sign_key, &format!("sha1\n{key_time}\n{digest}\n"));
    format!(
        "q-sign-algorithm=sha1&q-ak={secret_id}&q-sign-time={key_time}&q-key-time={key_time}\
         &q-header-list={header_names}&q-url-param-list={parameter_names}&q-signature={signature}"
    )
}

/// Percent-encodes a name or a value.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Returns the names in lower case, sorted and joined by `;`, and the pairs `name=value` in the same order,
/// joined by `&`.
fn canonical(pairs: &[Pair<'_>]) -> (String, String) {
    let mut encoded: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (encode(name).to_lowercase(), encode(value)))
        .collect();
    encoded.sort();
    let names: Vec<_> = encoded.iter().map(|(name, _)| &**name).collect();
    let pairs = encoded
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    (names.join(";"), pairs.collect::<Vec<_>>().join("&"))
}

fn hmac_sha1(key: &str, message: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC accepts keys of any length");
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected values were computed with Tencent's SDKs: A with the Go SDK, the others with the Python SDK.

    const ID: &str = "QmFzZTY0IGlzIGEgZ2VuZXJp";
    const SECRET: &str = "AKIDZfbOA78asKUYBcXFrJD0a1ICvR98JM";
    const VALID: Range<i64> = 1480932292..1481012292;
    const HOST: Pair<'_> = (
        "host",
        "examplebucket-1250000000.ci.ap-beijing.myqcloud.com",
    );

    fn sign(method: &str, path: &str, parameters: &[Pair<'_>], headers: &[Pair<'_>]) -> String {
        let request = Request {
            method,
            path,
            parameters,
            headers,
        };
        authorization(&request, ID, SECRET, &VALID)
    }

    #[test]
    fn vector_a_headers() {
        let headers = [
            ("x-cos-stroage-class", "nearline"),
            ("host", "testbucket-125000000.cos.ap-guangzhou.myqcloud.com"),
            (
                "x-cos-content-sha1",
                "db8ac1c259eb89d4a131b253bacfca5f319d54f2",
            ),
        ];
        let signature = "&q-signature=ce4ac0ecbcdb30538b3fee0a97cc6389694ce53a";
        assert!(sign("put", "/testfile2", &[], &headers).ends_with(signature));
    }

    #[test]
    fn vector_c_list() {
        let parameters = [
            ("tag", "Transcode"),
            ("queueType", "Transcoding"),
            ("states", "Success,Failed,Cancel"),
            ("orderByTime", "Asc"),
            ("size", "100"),
            ("startCreationTime", "2022-06-27T15:00:00+0800"),
            ("endCreationTime", "2022-06-27T16:00:00+0800"),
        ];
        assert_eq!(
            sign("get", "/jobs", &parameters, &[HOST]),
            "q-sign-algorithm=sha1&q-ak=QmFzZTY0IGlzIGEgZ2VuZXJp\
             &q-sign-time=1480932292;1481012292&q-key-time=1480932292;1481012292&q-header-list=host\
             &q-url-param-list=endcreationtime;orderbytime;queuetype;size;startcreationtime;states;tag\
             &q-signature=ac89ef500351e860e3526230ce04ee59bb8f2c6d"
        );
    }

    #[test]
    fn vector_d_temporary_key() {
        let path = "/jobs/j8d121820f5e411ec926ef19d53ba9c6f,j9c0a4726f6ac11ec96aaa9b64ab18d00";
        let signed = sign(
            "get",
            path,
            &[],
            &[HOST, ("x-cos-security-token", "TOKEN+/=")],
        );
        let expected = "&q-header-list=host;x-cos-security-token&q-url-param-list=\
                        &q-signature=9107a627cd21d75052cf6ec2430b77d185b69475";
        assert!(signed.ends_with(expected), "{signed}");
    }

    #[test]
    fn vector_e_port_in_the_host() {
        let request = Request {
            method: "get",
            path: "/workflowexecution",
            parameters: &[
                ("size", "100"),
                ("orderByTime", "Asc"),
                ("states", "Success,Failed,Cancel"),
                ("startCreationTime", "2026-11-23T14:00:00+0800"),
                ("nextToken", "115716"),
            ],
            headers: &[
                ("host", "127.0.0.1:8080"),
                ("x-cos-security-token", "sess/ion+tok=en"),
            ],
        };
        let id = "AKIDinvented0000000000000000000example";
        let secret = "invented0secret0key0for0tests000";
        let signed = authorization(&request, id, secret, &(1795507200..1795507800));
        assert!(
            signed.ends_with("=1c0837ca9bfe0850f539a2850b200516f1db5f1c"),
            "{signed}"
        );
    }
}
