//! Tests `callbackctl doctor`.

use std::{future, process::Command};

use hyper::StatusCode;

use crate::command::{callbackctl, run, run_with};
use testkit::{
    queue::TestQueue,
    server::{self, HttpResponse},
};

/// Starts a receiver that responds to the probe like the function, and to a wrong token with
/// `status`.
async fn receiver(status: u16) -> String {
    let address = server::serve(move |head, _| {
        let (status, body) = match head.uri.path() {
            "/s3cret" => (200, r#"{"probe":true}"#),
            _ => (status, ""),
        };
        let mut answer = HttpResponse::new(body.into());
        *answer.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
        future::ready(answer)
    })
    .await;
    format!("http://{address}/s3cret")
}

#[tokio::test]
async fn an_unexpected_status_is_explained() {
    for (status, code, finding) in [
        (403, 0, "good   a wrong token is rejected\n"),
        (
            200,
            1,
            "wrong  a wrong token is accepted (200)\n       anyone can send callbacks",
        ),
        (302, 1, "wrong  status 302 for a wrong token: a redirect\n"),
        (
            429,
            1,
            "wrong  status 429 for a wrong token: the function is throttled\n",
        ),
        (
            502,
            1,
            "wrong  status 502 for a wrong token: the function does not start",
        ),
        (
            404,
            1,
            "wrong  status 404 for a wrong token: the response is not from the function\n",
        ),
    ] {
        let url = receiver(status).await;
        let ended = run(callbackctl(&["doctor", &url])).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stdout.contains(finding), "{ended:?}");
        let is_open = ended.stdout.contains("anyone can send callbacks");
        assert_eq!(is_open, status == 200, "{ended:?}");
    }
}

#[tokio::test]
async fn the_url_can_come_from_standard_input() {
    let url = receiver(403).await;
    let input = format!("{url}\n");
    let ended = run_with(callbackctl(&["doctor"]), input.as_bytes()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = run(callbackctl(&["doctor"])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let error = "callbackctl: no URL: pass it as an argument or on standard input\n";
    assert_eq!(ended.stderr, error);
}

/// The errors of the HTTP client quote the URL.
#[tokio::test]
async fn the_url_with_its_token_is_never_printed() {
    for url in [
        "http://127.0.0.1:9/s3cret",
        "http://127.0.0.1:9/?token=s3cret",
        "http://h h/s3cret",
        "ftp://h/s3cret",
        "//s3cret",
        "s3cret",
    ] {
        let ended = run(callbackctl(&["doctor", url])).await;
        assert_eq!(ended.code, Some(1), "{url}");
        let reason = "wrong  cannot reach the URL: ";
        assert!(ended.stdout.starts_with(reason), "{ended:?}");
        assert!(!format!("{ended:?}").contains("s3cret"), "{ended:?}");
    }
}

#[tokio::test]
async fn the_limit_of_the_queue_is_compared() {
    for (limit, max_bytes, is_wrong) in [
        (1_048_576, "1048576", false),
        (262_144, "1048576", true),
        (262_144, "262144", false),
        (262_144, "262145", true),
    ] {
        let queue = TestQueue::of_at_most(limit).await;
        let mut command: Command = callbackctl(&["doctor", "http://127.0.0.1:9/x"]);
        command.env("QUEUE_URL", &queue.url);
        command.env("QUEUE_MAX_BYTES", max_bytes);
        let ended = run(command).await;
        let wrong = format!(
            "wrong  the queue accepts messages of up to {limit} bytes, but QUEUE_MAX_BYTES is {max_bytes}\n"
        );
        assert_eq!(ended.stdout.contains(&wrong), is_wrong, "{ended:?}");
    }
}
