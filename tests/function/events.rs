//! Tests the responses and log lines for events that a function URL sends rarely or never.

use serde_json::{Value, json};

use testkit::{
    bodies::{probe, to_json},
    function::{ProcessOutput, Settings},
    function_url::{FunctionUrlResponse, TOKEN, post_json},
    runtime_api::InvocationResult,
};

/// A word in every event of these tests, which no response and no log line may contain.
const CANARY: &str = "canary-31d8";

/// A request with a valid token, which gets 200.
fn request() -> Value {
    let mut event = post_json(&to_json(&probe()));
    event["headers"]["x-canary"] = json!(CANARY);
    event
}

/// Returns the request with another value at this path, or without a value.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut event = request();
    let (parent, name) = pointer.rsplit_once('/').expect("a place");
    let parent = event.pointer_mut(parent).expect("it is there");
    let parent = parent.as_object_mut().expect("a map");
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    event
}

/// Returns the events of other services, and requests in which a required field is missing or has another type.
fn other_shapes() -> Vec<Value> {
    let body = String::from_utf8(to_json(&probe())).expect("JSON is text");
    let mut events = vec![
        Value::Null,
        json!({}),
        json!([]),
        json!(5),
        json!(CANARY),
        json!([request()]),
        // serde could read an array as the fields of a request.
        json!([
            "2.0",
            format!("/{TOKEN}"),
            "",
            null,
            [["POST"]],
            body,
            false
        ]),
        with("/version", Some(json!({ "2.0": null }))),
        with("/requestContext", Some(json!([["POST"]]))),
        // API Gateway's REST API: payload 1.0.
        json!({
            "version": "1.0", "resource": "/", "path": format!("/{TOKEN}"), "httpMethod": "POST",
            "headers": { "x": CANARY }, "multiValueHeaders": {}, "queryStringParameters": { "token": TOKEN },
            "requestContext": { "httpMethod": "POST" }, "body": body, "isBase64Encoded": false,
        }),
        // A load balancer.
        json!({
            "requestContext": { "elb": { "targetGroupArn": CANARY } }, "httpMethod": "POST",
            "path": format!("/{TOKEN}"), "queryStringParameters": {}, "headers": {}, "body": body,
            "isBase64Encoded": false,
        }),
        // EventBridge.
        json!({
            "version": "0", "id": CANARY, "detail-type": "Scheduled Event", "source": "aws.events",
            "time": "2024-02-03T10:11:12Z", "resources": [], "detail": {},
        }),
        // A queue.
        json!({ "Records": [{ "messageId": CANARY, "body": body, "eventSource": "aws:sqs" }] }),
    ];
    for (place, others) in [
        ("/version", [None, Some(json!(2.0)), Some(json!("1.0"))]),
        ("/rawPath", [None, Some(Value::Null), Some(json!([TOKEN]))]),
        (
            "/requestContext",
            [None, Some(Value::Null), Some(json!(CANARY))],
        ),
        (
            "/requestContext/http",
            [None, Some(Value::Null), Some(json!("POST"))],
        ),
        (
            "/requestContext/http/method",
            [None, Some(Value::Null), Some(json!(5))],
        ),
        (
            "/isBase64Encoded",
            [None, Some(Value::Null), Some(json!("false"))],
        ),
        (
            "/body",
            [
                Some(json!(5)),
                Some(json!({ "a": CANARY })),
                Some(json!([])),
            ],
        ),
    ] {
        events.extend(others.map(|other| with(place, other)));
    }
    events
}

/// Returns the log lines after the first one, and the lines with metrics.
fn lines(output: &ProcessOutput) -> (Vec<Value>, Vec<Value>) {
    let lines = output
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let (metrics, log): (Vec<_>, Vec<_>) = lines.partition(|line| line.get("_aws").is_some());
    (log.into_iter().skip(1).collect(), metrics)
}

#[tokio::test]
async fn an_event_of_another_shape_is_a_bad_request_with_one_line() {
    let function = crate::start(Settings::without_queue()).await;
    let events = other_shapes();
    for event in &events {
        let answer = function.call(event).await;
        assert_eq!(answer.status, 400, "{event}");
        let expected = r#"{"title":"Bad Request","status":400}"#;
        assert_eq!(answer.body, expected, "{event}");
    }
    let output = function.stop().await;
    for line in output.lines() {
        assert!(!line.contains(CANARY) && !line.contains(TOKEN), "{line}");
    }
    let (log, metrics) = lines(&output);
    assert_eq!(log.len(), events.len());
    for line in log {
        assert_eq!(line["level"], "WARN", "{line}");
        assert_eq!(
            line["message"], "refused: not an event of a function URL (payload 2.0)",
            "{line}"
        );
    }
    assert_eq!(metrics.len(), events.len());
    assert!(metrics.iter().all(|line| line["BadRequests"] == 1));
}

/// Requests that clients can send, although `http::Request` does not accept all of them.
fn odd_requests() -> Vec<Value> {
    let mut events = vec![
        with("/rawQueryString", None),
        with("/rawQueryString", Some(Value::Null)),
        with("/headers", None),
        with("/headers", Some(Value::Null)),
        with("/headers", Some(json!([CANARY]))),
        with("/headers/x-forwarded-proto", Some(json!("https, https"))),
        with("/headers/content-type", Some(json!(["a", "b"]))),
        with("/headers/content-type", Some(json!("\u{1}潮\n"))),
        with("/headers/host", Some(json!("a b<>"))),
        with("/headers/host", None),
        with("/requestContext/stage", Some(json!("a b%"))),
        with("/requestContext/http/path", Some(Value::Null)),
        with("/queryStringParameters", Some(json!({ "a": [1] }))),
        with("/cookies", Some(json!(["\n"]))),
        with(
            "/body",
            Some(json!(String::from_utf8(to_json(&probe())).ok())),
        ),
    ];
    for query in [
        "<",
        "\"",
        " ",
        "a b",
        "%",
        "%zz",
        "%FF",
        "\0",
        "\u{7F}",
        "潮",
        "a=<\">&b=c d",
        "#",
        "?",
        "[",
        "^`{|}",
    ] {
        events.push(with("/rawQueryString", Some(json!(query))));
        let path = format!("/{query}/{TOKEN}");
        events.push(with("/rawPath", Some(json!(path))));
    }
    events
}

#[tokio::test]
async fn an_odd_request_is_let_in_by_its_token_alone() {
    let function = crate::start(Settings::without_queue()).await;
    for mut event in odd_requests() {
        let answer = function.call(&event).await;
        assert_eq!(answer.status, 200, "{event}");
        let path = event["rawPath"].as_str().unwrap_or_default();
        event["rawPath"] = json!(path.replace(TOKEN, "wrong"));
        let answer = function.call(&event).await;
        assert_eq!(answer.status, 403, "{event}");
    }
}

#[tokio::test]
async fn base64_is_decoded_only_for_a_post_with_a_token() {
    let function = crate::start(Settings::without_queue()).await;
    for body in ["!", "a", "PFJlc3BvbnNl Pg==", "é", "AAA=A", "="] {
        let event = |path: &str, method: &str| {
            let mut event = with("/body", Some(json!(body)));
            event["isBase64Encoded"] = json!(true);
            event["rawPath"] = json!(path);
            event["requestContext"]["http"]["method"] = json!(method);
            event
        };
        let token = format!("/{TOKEN}");
        for (path, method, status) in [
            ("/wrong", "POST", 403),
            ("/wrong", "GET", 403),
            (&token, "GET", 405),
            (&token, "POST", 400),
        ] {
            let answer = function.call(&event(path, method)).await;
            assert_eq!(answer.status, status, "{body}: {method} {path}");
        }
    }
    let output = function.stop().await;
    let (log, _) = lines(&output);
    let last = log.last().expect("it says something");
    assert_eq!(last["message"], "refused: body is not valid base64");
    assert_eq!(last["level"], "WARN");
}

#[tokio::test]
async fn an_answer_has_the_form_that_a_function_url_takes() {
    let function = crate::start(Settings::without_queue()).await;
    let expected = json!({
        "statusCode": 200,
        "headers": { "content-type": "application/json" },
        "body": r#"{"probe":true}"#,
        "isBase64Encoded": false,
    });
    match function
        .invoke(&request(), testkit::function::TIMEOUT)
        .await
    {
        InvocationResult::Response(response) => {
            assert_eq!(response, expected);
            assert_eq!(FunctionUrlResponse::of(&response).status, 200);
        }
        other => panic!("the function did not respond: {other:?}"),
    }
}
