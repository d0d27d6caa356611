//! Any request, from the event that a function URL makes of it to the messages of its body.
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
struct Sent<'a> {
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

fuzz_target!(|sent: Sent<'_>| {
    let (path, query) = match sent.token {
        Token::Missing => (format!("/{}", sent.path), sent.query.to_owned()),
        Token::InPath => (format!("/{}/{TOKEN}", sent.path), sent.query.to_owned()),
        Token::InQuery => (
            format!("/{}", sent.path),
            format!("{}&token={TOKEN}", sent.query),
        ),
    };
    let text = std::str::from_utf8(sent.body)
        .ok()
        .filter(|_| !sent.is_base64);
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "a.lambda-url.eu-central-1.on.aws", "content-type": sent.content_type },
        "requestContext": { "http": { "method": if sent.is_post { "POST" } else { "GET" } }, "stage": "$default" },
        "body": text.map_or_else(|| STANDARD.encode(sent.body), str::to_owned),
        "isBase64Encoded": text.is_none(),
    });
    let event = event.to_string();
    let request = Request::parse(&event).expect("it has the shape");
    let digests = vec![digest(b"another"), digest(TOKEN.as_bytes())];
    let authentic = Authentication::Tokens(digests).authenticate(request);
    assert_eq!(authentic.is_some(), sent.token != Token::Missing);
    let Some(authentic) = authentic else { return };
    assert_eq!(authentic.is_post(), sent.is_post);
    let body = authentic.into_body().expect("it is base64 if it says so");
    assert_eq!(body, sent.body);
    if !callback::is_empty(&body) {
        let _ = messages(&body);
    }
});
