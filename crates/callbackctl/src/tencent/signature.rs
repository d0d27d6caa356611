//! COS's XML signature, which Cloud Infinite's API requires: the value of the header `Authorization`.
//!
//! Pure: the time is an argument.

use std::{fmt::Write, ops::Range};

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest, Sha1};

/// The characters that are not percent-encoded: letters, digits and these.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Name and value of a query parameter or a header, as they are before any encoding.
pub(crate) type Pair<'p> = (&'p str, &'p str);

/// A request as far as it is signed.
pub(crate) struct Request<'r> {
    /// The method in lower case.
    pub(crate) method: &'r str,
    /// The path, decoded.
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
    let key_time = format!("{};{}", valid.start, valid.end);
    let sign_key = hmac_sha1(secret_key, &key_time);
    let (parameter_names, http_string) = http_string(request);
    let (header_names, _) = canonical(request.headers);
    let signature = hmac_sha1(&sign_key, &string_to_sign(&key_time, &http_string));
    format!(
        "q-sign-algorithm=sha1&q-ak={secret_id}&q-sign-time={key_time}&q-key-time={key_time}\
         &q-header-list={header_names}&q-url-param-list={parameter_names}&q-signature={signature}"
    )
}

/// Percent-encodes a name or a value.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Returns the names of the parameters and the request in its canonical form.
fn http_string(request: &Request<'_>) -> (String, String) {
    let (names, parameters) = canonical(request.parameters);
    let (_, headers) = canonical(request.headers);
    let Request { method, path, .. } = request;
    (
        names,
        format!("{method}\n{path}\n{parameters}\n{headers}\n"),
    )
}

fn string_to_sign(key_time: &str, http_string: &str) -> String {
    let digest = hex::encode(Sha1::digest(http_string));
    format!("sha1\n{key_time}\n{digest}\n")
}

/// Returns the names in lower case, sorted and joined by `;`, and in the same order `name=value`
/// joined by `&`.
fn canonical(pairs: &[Pair<'_>]) -> (String, String) {
    let mut encoded: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (encode(name).to_lowercase(), encode(value)))
        .collect();
    encoded.sort();
    let (mut names, mut joined) = (String::new(), String::new());
    for (index, (name, value)) in encoded.iter().enumerate() {
        let (semicolon, ampersand) = if index == 0 { ("", "") } else { (";", "&") };
        let _ = write!(names, "{semicolon}{name}");
        let _ = write!(joined, "{ampersand}{name}={value}");
    }
    (names, joined)
}

fn hmac_sha1(key: &str, message: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    // No expected value was computed with this code: A is from the vendor's Go SDK, B from its page about
    // signatures, and C, D and E from its Python SDK.

    const ID: &str = "QmFzZTY0IGlzIGEgZ2VuZXJp";
    const SECRET: &str = "AKIDZfbOA78asKUYBcXFrJD0a1ICvR98JM";
    const VALID: Range<i64> = 1480932292..1481012292;
    const HOST: Pair<'_> = (
        "host",
        "examplebucket-1250000000.ci.ap-beijing.myqcloud.com",
    );

    #[test]
    fn vector_a_a_put_with_headers() {
        let host = "testbucket-125000000.cos.ap-guangzhou.myqcloud.com";
        let digest = "db8ac1c259eb89d4a131b253bacfca5f319d54f2";
        let request = Request {
            method: "put",
            path: "/testfile2",
            parameters: &[],
            headers: &[
                ("x-cos-stroage-class", "nearline"),
                ("host", host),
                ("x-cos-content-sha1", digest),
            ],
        };
        assert_eq!(
            hmac_sha1(SECRET, "1480932292;1481012292"),
            "95d110a8ead64cac52083100db75b7e3f369e72f"
        );
        let digest = hex::encode(Sha1::digest(http_string(&request).1));
        assert_eq!(digest, "113b22e92b74237531fafbfc8bb9e67be55645c7");
        assert_eq!(
            authorization(&request, ID, SECRET, &VALID),
            "q-sign-algorithm=sha1&q-ak=QmFzZTY0IGlzIGEgZ2VuZXJp\
             &q-sign-time=1480932292;1481012292&q-key-time=1480932292;1481012292\
             &q-header-list=host;x-cos-content-sha1;x-cos-stroage-class&q-url-param-list=\
             &q-signature=ce4ac0ecbcdb30538b3fee0a97cc6389694ce53a"
        );
    }

    #[test]
    fn vector_b_a_path_and_values_that_are_encoded() {
        let request = Request {
            method: "get",
            path: "/exampleobject(腾讯云)",
            parameters: &[
                ("response-content-type", "application/octet-stream"),
                ("response-cache-control", "max-age=600"),
            ],
            headers: &[
                ("date", "Thu, 16 May 2019 06:55:53 GMT"),
                (
                    "host",
                    "examplebucket-1250000000.cos.ap-beijing.myqcloud.com",
                ),
            ],
        };
        let (_, http_string) = http_string(&request);
        assert_eq!(
            http_string,
            "get\n/exampleobject(腾讯云)\nresponse-cache-control=max-age%3D600\
             &response-content-type=application%2Foctet-stream\n\
             date=Thu%2C%2016%20May%202019%2006%3A55%3A53%20GMT\
             &host=examplebucket-1250000000.cos.ap-beijing.myqcloud.com\n"
        );
        let string_to_sign = string_to_sign("1557989753;1557996953", &http_string);
        assert_eq!(
            string_to_sign,
            "sha1\n1557989753;1557996953\n54ecfe22f59d3514fdc764b87a32d8133ea611e6\n"
        );
        let sign_key = "937914bf490e9e8c189836aad2052e4feeb35eaf";
        assert_eq!(
            hmac_sha1(sign_key, &string_to_sign),
            "01681b8c9d798a678e43b685a9f1bba0f6c0e012"
        );
    }

    #[test]
    fn vector_c_a_list() {
        let request = Request {
            method: "get",
            path: "/jobs",
            parameters: &[
                ("tag", "Transcode"),
                ("queueType", "Transcoding"),
                ("states", "Success,Failed,Cancel"),
                ("orderByTime", "Asc"),
                ("size", "100"),
                ("startCreationTime", "2022-06-27T15:00:00+0800"),
                ("endCreationTime", "2022-06-27T16:00:00+0800"),
            ],
            headers: &[HOST],
        };
        assert_eq!(
            authorization(&request, ID, SECRET, &VALID),
            "q-sign-algorithm=sha1&q-ak=QmFzZTY0IGlzIGEgZ2VuZXJp\
             &q-sign-time=1480932292;1481012292&q-key-time=1480932292;1481012292&q-header-list=host\
             &q-url-param-list=endcreationtime;orderbytime;queuetype;size;startcreationtime;states;tag\
             &q-signature=ac89ef500351e860e3526230ce04ee59bb8f2c6d"
        );
    }

    #[test]
    fn vector_d_a_lookup_with_a_temporary_key() {
        let request = Request {
            method: "get",
            path: "/jobs/j8d121820f5e411ec926ef19d53ba9c6f,j9c0a4726f6ac11ec96aaa9b64ab18d00",
            parameters: &[],
            headers: &[HOST, ("x-cos-security-token", "TOKEN+/=")],
        };
        let authorization = authorization(&request, ID, SECRET, &VALID);
        let (_, lists) = authorization
            .split_once("&q-header-list=")
            .expect("it is there");
        assert_eq!(
            lists,
            "host;x-cos-security-token&q-url-param-list=\
             &q-signature=9107a627cd21d75052cf6ec2430b77d185b69475"
        );
    }

    #[test]
    fn vector_e_a_port_in_the_host() {
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
        let (id, secret) = (
            "AKIDinvented0000000000000000000example",
            "invented0secret0key0for0tests000",
        );
        let authorization = authorization(&request, id, secret, &(1795507200..1795507800));
        let (_, signature) = authorization
            .split_once("&q-signature=")
            .expect("it is there");
        assert_eq!(signature, "1c0837ca9bfe0850f539a2850b200516f1db5f1c");
    }
}
