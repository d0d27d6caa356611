//! Tests the responses to Tencent, as in the table "Responses" of the README.

use serde_json::{Value, json};

use testkit::{
    bodies::{self, event_id, large, snapshot, tasks, to_json, to_xml},
    function::Settings,
    function_url::{FunctionUrlResponse, TOKEN, function_url_event, post_json, post_xml},
    queue::TestQueue,
    runtime_api::InvocationResult,
};

/// A word that no response may contain.
const CANARY: &str = "canary-7f3a";

/// Checks the common properties of error responses. Only 503 has `Retry-After`, because other retries cannot
/// succeed.
fn assert_problem(answer: &FunctionUrlResponse, status: u64, case: &str) {
    assert_eq!(answer.status, status, "{case}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{case}"
    );
    assert_eq!(answer.json()["status"], json!(status), "{case}");
    assert!(
        !format!("{answer:?}").contains(CANARY),
        "{case}: {answer:?}"
    );
    let retry_after = answer.header("retry-after");
    let seconds = retry_after.map(|seconds| seconds.parse().expect("whole seconds"));
    if status == 503 {
        assert!(
            seconds.is_some_and(|seconds: u32| seconds > 0),
            "{case}: {answer:?}"
        );
    } else {
        assert_eq!(seconds, None, "{case}");
    }
}

#[tokio::test]
async fn published_jobs_are_counted_and_named_in_their_order() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let one = function
        .call(&post_xml(&to_xml(&tasks([snapshot(1)]))))
        .await;
    assert_eq!(one.status, 200);
    assert_eq!(one.header("content-type"), Some("application/json"));
    assert_eq!(one.json(), json!({ "accepted": 1, "ids": [event_id(1)] }));

    let three = tasks([snapshot(4), bodies::failed(2), snapshot(3)]);
    let three = function.post(&three).await;
    assert_eq!(three.status, 200);
    let failed = format!("{}:Failed", bodies::job_id(2));
    let expected = json!({ "accepted": 3, "ids": [event_id(4), failed, event_id(3)] });
    assert_eq!(three.json(), expected);
    assert_eq!(queue.drain().await.len(), 4);
}

#[tokio::test]
async fn the_vendors_probe_is_answered_and_not_queued() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    for url in ["test_text", "test_audio", "test_url", "test_image"] {
        let mut probe = bodies::probe();
        probe["data"]["url"] = json!(url);
        let answer = function.post(&probe).await;
        assert_eq!(answer.status, 200, "{url}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{url}"
        );
        assert_eq!(answer.json(), json!({ "probe": true }), "{url}");
    }
    assert_eq!(queue.drain().await, []);
}

#[tokio::test]
async fn only_post_is_taken() {
    let function = crate::start(Settings::without_queue()).await;
    let body = to_json(&bodies::probe());
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let path = format!("/{TOKEN}");
        let event = function_url_event(method, &path, "", "application/json", &body, false);
        let answer = function.call(&event).await;
        assert_problem(&answer, 405, method);
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
    }
}

#[tokio::test]
async fn a_body_of_nothing_is_a_bad_request() {
    let function = crate::start(Settings::without_queue()).await;
    let empty_text = {
        let mut event = post_json(b"");
        event["body"] = json!("");
        event
    };
    let null = {
        let mut event = post_json(b"");
        event["body"] = Value::Null;
        event
    };
    let cases = [
        ("no body", post_json(b"")),
        ("a null body", null),
        ("an empty body", empty_text),
        ("an empty body in base64", post_xml(b"")),
        ("white space", post_json(b" \r\n\t ")),
        ("white space in base64", post_xml(b"\n\n")),
        ("a byte order mark", post_xml(b"\xEF\xBB\xBF\r\n")),
    ];
    for (case, event) in cases {
        assert_problem(&function.call(&event).await, 400, case);
    }
}

#[tokio::test]
async fn unreadable_without_vault_is_503() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let bodies = [
        CANARY.to_owned(),
        format!("<Response><JobsDetail><JobId>{CANARY}</JobId>"),
        format!("<Request><JobsDetail><JobId>{CANARY}</JobId></JobsDetail></Request>"),
        format!("<!DOCTYPE Response [<!ENTITY e \"{CANARY}\">]><Response>&e;</Response>"),
        format!(r#"{{"EventName":"TaskFinish","JobsDetail":[{{"JobId":"{CANARY}""#),
        format!(r#"{{"EventName":"{CANARY}"}}"#),
        format!(r#"{{"JobsDetail":["{CANARY}"]}}"#),
        format!(r#"["{CANARY}"]"#),
        format!("{}{CANARY}", "[".repeat(100_000)),
    ];
    let mut answers = Vec::new();
    for body in bodies {
        let answer = function.call(&post_xml(body.as_bytes())).await;
        let case: String = body.chars().take(60).collect();
        assert_problem(&answer, 503, &case);
        answers.push(answer);
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "a fixed text: {answers:?}"
    );
    assert_eq!(queue.drain().await, []);
}

#[tokio::test]
async fn oversize_without_vault_is_413() {
    let queue = TestQueue::standard().await;
    let settings = Settings::for_queue(&queue.url).with("QUEUE_MAX_BYTES", "8192");
    let function = crate::start(settings).await;
    let mut job = large(1, 8192);
    job["Input"]["Object"] = json!(CANARY);
    assert_problem(&function.post(&tasks([job])).await, 413, "8192 bytes");
    assert_eq!(queue.drain().await, []);
    let answer = function.post(&tasks([snapshot(2)])).await;
    assert_eq!(answer.status, 200, "the limit allows a record: {answer:?}");
}

#[tokio::test]
async fn a_body_larger_than_a_url_takes_is_refused() {
    let function = crate::start(Settings::without_queue()).await;
    let largest = vec![b' '; 6 * 1024 * 1024];
    assert_problem(
        &function.call(&post_json(&largest)).await,
        400,
        "blank, and just not too large",
    );
    let larger = [&largest[..], b" "].concat();
    assert_problem(
        &function.call(&post_json(&larger)).await,
        413,
        "one byte more",
    );
    // The size is checked without decoding base64.
    assert_problem(&function.call(&post_xml(&largest)).await, 400, "in base64");
    let answer = function.call(&post_xml(&larger)).await;
    assert_problem(&answer, 413, "one byte more in base64");
}

#[tokio::test]
async fn a_deadline_in_the_past_does_not_refuse_a_callback() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let event = post_json(&to_json(&tasks([snapshot(1)])));
    // The deadline has already passed, as after a freeze that stopped the clock of the function.
    let answer = function.invoke(&event, std::time::Duration::ZERO).await;
    let InvocationResult::Response(response) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(response["statusCode"], json!(200), "{response}");
}
