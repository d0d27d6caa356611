//! Tests which requests are accepted.
//!
//! Every request contains Tencent's probe, which does not use the queue. 200 means that the request was
//! accepted.

use serde_json::Value;

use testkit::{
    bodies,
    fake_aws::FakeAws,
    function::{Function, Settings, digest},
    function_url::{TOKEN, function_url_event, post_json},
};

/// A second token, which must be percent-encoded in a query.
const ODD_TOKEN: &str = "a+b/c&d=é %";

/// [`ODD_TOKEN`], percent-encoded for a query.
const ODD_TOKEN_ENCODED: &str = "a%2Bb%2Fc%26d%3D%C3%A9%20%25";

fn probe(path: &str, query: &str) -> Value {
    let body = bodies::to_json(&bodies::probe());
    function_url_event("POST", path, query, "application/json", &body, true)
}

/// Checks the status for each path and query.
async fn assert_status(function: &Function, urls: &[(&str, &str)], expected: u64) {
    for (path, query) in urls {
        let answer = function.call(&probe(path, query)).await;
        assert_eq!(answer.status, expected, "{path}?{query}");
    }
}

#[tokio::test]
async fn any_of_several_digests_is_enough_in_either_case() {
    let digests = format!("{},{}", digest(TOKEN).to_uppercase(), digest(ODD_TOKEN));
    let settings = Settings::without_queue().with("CALLBACK_TOKEN_SHA256", &digests);
    let function = crate::start(settings).await;
    let first = format!("/{TOKEN}");
    let second = format!("token={ODD_TOKEN_ENCODED}");
    assert_status(&function, &[(&first, ""), ("/", &second)], 200).await;
    assert_status(&function, &[("/third", ""), ("/", "token=third")], 403).await;
}

#[tokio::test]
async fn everyone_is_let_in_where_authentication_is_off() {
    let settings = Settings::without_queue()
        .with("CALLBACK_AUTH", "none")
        .without("CALLBACK_TOKEN_SHA256");
    let function = crate::start(settings).await;
    assert_status(&function, &[("/", ""), ("/anything", "token=any")], 200).await;
}

#[tokio::test]
async fn every_failure_has_the_same_answer() {
    let function = crate::start(Settings::without_queue()).await;
    let first = function.call(&probe("", "")).await;
    assert_eq!(first.status, 403);
    let nearly = format!("/{}x", &TOKEN[..TOKEN.len() - 1]);
    // An operator may confuse the digest with the token.
    let digest = format!("/{}", digest(TOKEN));
    for (path, query) in [
        (&*nearly, ""),
        (&digest, ""),
        ("/", "token="),
        ("/", "token=%FF%FE"),
        ("/wrong", "token=wrong"),
    ] {
        let answer = function.call(&probe(path, query)).await;
        assert_eq!(answer, first, "{path}?{query}");
    }
}

#[tokio::test]
async fn nothing_else_is_looked_at_without_a_token() {
    let function = crate::start(Settings::without_queue()).await;
    let requests: [(&str, &[u8]); 5] = [
        ("POST", b""),
        ("POST", b"\xFF\xFE neither XML nor JSON"),
        ("POST", b"<Response><JobsDetail>"),
        ("GET", b""),
        ("DELETE", b"{}"),
    ];
    let expected = function.call(&probe("/wrong", "")).await;
    for (method, body) in requests {
        let event = function_url_event(method, "/wrong", "", "text/plain", body, true);
        assert_eq!(function.call(&event).await, expected, "{method} {body:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_or_kept_without_a_token() {
    let aws = FakeAws::start().await;
    let settings = aws.settings().with("VAULT_BUCKET", "vault");
    let function = crate::start(settings).await;
    let job = bodies::to_json(&bodies::tasks([bodies::snapshot(1)]));
    let broken = b"s3cret, and neither XML nor JSON";
    for body in [&job[..], broken] {
        let event = function_url_event("POST", "/wrong", "", "text/plain", body, true);
        assert_eq!(function.call(&event).await.status, 403);
    }
    assert!(aws.calls().is_empty());
    assert!(aws.objects().is_empty());
    // With a token, bodies are read. The reason does not quote the body.
    for body in [&job[..], broken] {
        assert_eq!(function.call(&post_json(body)).await.status, 200);
    }
    assert_eq!(aws.calls().len(), 1);
    let objects: Vec<_> = aws.objects().into_values().collect();
    assert_eq!(objects.len(), 1);
    assert!(
        !objects[0].reason.contains("s3cret"),
        "{}",
        objects[0].reason
    );
}
