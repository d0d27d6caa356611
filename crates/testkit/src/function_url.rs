//! Events of a function URL (payload 2.0), and the responses that it returns to clients.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// The token that the functions under test accept.
pub const TOKEN: &str = "Correct-horse_battery.staple~42";

/// The domain name of the function URL.
const DOMAIN: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws";

/// Returns the event of a request, with all fields that AWS documents.
pub fn function_url_event(
    method: &str,
    path: &str,
    query: &str,
    content_type: &str,
    body: &[u8],
    base64: bool,
) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "content-length": body.len().to_string(),
            "content-type": content_type,
            "host": DOMAIN,
            "user-agent": "Go-http-client/1.1",
            "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
            "x-amzn-tls-version": "TLSv1.3",
            "x-amzn-trace-id": "Root=1-64d5b3e1-0a1b2c3d4e5f60718293a4b5",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "domainName": DOMAIN,
            "domainPrefix": "abcdefghijklmnopqrstuvwxyz012345",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "Go-http-client/1.1",
            },
            "requestId": "6a4b8f4e-31c0-4b5c-8d55-6c1f0f7a9e21",
            "routeKey": "$default",
            "stage": "$default",
            "time": "03/Feb/2024:02:11:20 +0000",
            "timeEpoch": 1_706_926_280_123_u64,
        },
        "isBase64Encoded": base64,
    });
    if !query.is_empty() {
        event["queryStringParameters"] = query_parameters(query);
    }
    if base64 {
        event["body"] = json!(STANDARD.encode(body));
    } else if !body.is_empty() {
        event["body"] = json!(std::str::from_utf8(body).expect("an unencoded body is text"));
    }
    event
}

/// Returns the event of an XML callback with a valid token: in base64, like in Lambda.
pub fn post_xml(body: &[u8]) -> Value {
    function_url_event(
        "POST",
        &format!("/{TOKEN}"),
        "",
        "application/xml",
        body,
        true,
    )
}

/// Returns the event of a JSON callback with a valid token: as text, like in Lambda.
pub fn post_json(body: &[u8]) -> Value {
    function_url_event(
        "POST",
        &format!("/{TOKEN}"),
        "",
        "application/json",
        body,
        false,
    )
}

/// Returns the query parameters like AWS: decoded, and with joined values of repeated names.
fn query_parameters(query: &str) -> Value {
    let mut parameters = Map::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let value = decode(value);
        parameters
            .entry(decode(name))
            .and_modify(|values| {
                *values = json!(format!("{},{value}", values.as_str().unwrap_or("")))
            })
            .or_insert_with(|| json!(value));
    }
    Value::Object(parameters)
}

/// The HTTP response that a function URL returns for the result of a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionUrlResponse {
    pub status: u64,
    /// Values by lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl FunctionUrlResponse {
    /// Converts the result of a handler, which must have the format of payload 2.0: AWS returns any other
    /// result as the body of a 200 response.
    pub fn of(response: &Value) -> Self {
        let status = response["statusCode"].as_u64();
        let headers = response["headers"].as_object().into_iter().flatten();
        let body = response["body"].as_str().unwrap_or_default();
        let body = if response["isBase64Encoded"] == json!(true) {
            let bytes = STANDARD.decode(body).expect("a body in base64");
            String::from_utf8(bytes).expect("a body of text")
        } else {
            body.to_owned()
        };
        Self {
            status: status.unwrap_or_else(|| panic!("the response has no status: {response}")),
            headers: headers
                .map(|(name, value)| {
                    (
                        name.to_lowercase(),
                        value.as_str().unwrap_or_default().to_owned(),
                    )
                })
                .collect(),
            body,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("invalid JSON: {error} in {:?}", self.body))
    }
}
