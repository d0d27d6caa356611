//! Any request, from the event of the function URL to the messages.
#![no_main]

use arbitrary::Arbitrary;
use base64::{Engine, engine::general_purpose::STANDARD};
use cloud_infinite_callback::{
    auth::{Authentication, digest},
    callback,
    function_url::Request,
};
use cloud_infinite_callback_fuzz::messages;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const TOKEN: &str = "correct-horse-battery-staple";

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    is_post: bool,
    path: &'a str,
    query: &'a str,
    content_type: &'a str,
    token: Token,
    is_base64: bool,
    body: &'a [u8],
}

#[derive(Arbitrary, Debug, PartialEq)]
enum Token {
    Missing,
    InPath,
    InQuery,
}

fuzz_target!(|input: Input<'_>| {
    let (path, query) = match input.token {
        Token::Missing => (format!("/{}", input.path), input.query.to_owned()),
        Token::InPath => (format!("/{}/{TOKEN}", input.path), input.query.to_owned()),
        Token::InQuery => (
            format!("/{}", input.path),
            format!("{}&token={TOKEN}", input.query),
        ),
    };
    let text = std::str::from_utf8(input.body)
        .ok()
        .filter(|_| !input.is_base64);
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "a.lambda-url.eu-central-1.on.aws", "content-type": input.content_type },
        "requestContext": { "http": { "method": if input.is_post { "POST" } else { "GET" } }, "stage": "$default" },
        "body": text.map_or_else(|| STANDARD.encode(input.body), str::to_owned),
        "isBase64Encoded": text.is_none(),
    });
    let event = event.to_string();
    let request = Request::parse(&event).expect("the event is valid");
    let digests = vec![digest(b"another"), digest(TOKEN.as_bytes())];
    assert_eq!(request.is_post(), input.is_post);
    let authenticated = Authentication::Tokens(digests).authenticate(&request);
    assert_eq!(authenticated.is_some(), input.token != Token::Missing);
    let Some(authenticated) = authenticated else { return };
    let body = request.into_body(&authenticated).expect("the base64 is valid");
    assert_eq!(body, input.body);
    if !callback::is_empty(&body) {
        let _ = messages(&body);
    }
});
