//! Tests the function's log lines, which must not contain secrets.

use serde_json::{Value, json};

use testkit::{
    bodies::{event_id, failed, large, probe, snapshot, tasks, to_json, to_xml, verdict},
    fake_aws::FakeAws,
    function::{ProcessOutput, Settings},
    function_url::{TOKEN, function_url_event, post_json, post_xml},
    queue::{self, TestQueue},
};

/// A wrong token, which could be a password.
const WRONG_TOKEN: &str = "wrong-9c1e-token";

/// A value in bodies that may be a secret.
const BODY_SECRET: &str = "secret-5d2b-in-a-body";

/// A part of a signed URL.
const SIGNATURE: &str = "q-signature=51a4-signature";

/// The value of a header.
const HEADER_VALUE: &str = "header-77aa-value";

/// Returns a job with secrets in many fields.
fn job_with_secrets(number: u32) -> Value {
    let mut job = snapshot(number);
    job["Input"]["Url"] = json!(format!("https://tides.example/ebb.mp4?{SIGNATURE}"));
    job["Input"]["Object"] = json!(BODY_SECRET);
    job["Operation"]["UserData"] = json!(BODY_SECRET);
    job["Operation"]["DocProcess"] = json!({ "DocPassword": BODY_SECRET });
    job["EndTime"] = json!(BODY_SECRET);
    job
}

/// Returns a request for each outcome, with as many secrets as possible.
fn requests() -> Vec<Value> {
    let mut oversize = job_with_secrets(3);
    oversize["Operation"]["Remarks"] = large(3, 9000)["Operation"]["Remarks"].clone();
    let mut test = probe();
    test["data"]["label"] = json!(BODY_SECRET);
    let broken = format!("<Response><JobsDetail><JobId>{BODY_SECRET}</{BODY_SECRET}>");
    let base64 = {
        let mut event = post_xml(b"");
        event["body"] = json!(format!("!{BODY_SECRET}"));
        event
    };
    let mut events = vec![
        post_xml(&to_xml(&tasks([job_with_secrets(1)]))),
        post_json(&to_json(&tasks([job_with_secrets(1), failed(2)]))),
        post_json(&to_json(&verdict("gull-2"))),
        post_json(&to_json(&tasks([oversize]))),
        post_json(&to_json(&test)),
        post_json(b"  "),
        post_xml(broken.as_bytes()),
        post_json(format!("{{\"{BODY_SECRET}\": \"{BODY_SECRET}\"").as_bytes()),
        post_json(BODY_SECRET.as_bytes()),
        base64,
        wrong(WRONG_TOKEN, ""),
        wrong("", &format!("token={WRONG_TOKEN}")),
        function_url_event(
            "GET",
            "/",
            &format!("token={TOKEN}"),
            "text/plain",
            b"",
            false,
        ),
    ];
    for event in &mut events {
        event["headers"]["authorization"] = json!(HEADER_VALUE);
        event["headers"]["x-ci-content-version"] = json!(HEADER_VALUE);
        event["headers"]["user-agent"] = json!(HEADER_VALUE);
    }
    events
}

fn wrong(path: &str, query: &str) -> Value {
    let body = to_json(&tasks([job_with_secrets(1)]));
    function_url_event(
        "POST",
        &format!("/{path}"),
        query,
        "application/json",
        &body,
        true,
    )
}

/// Returns the complete output of a function for [`requests`].
pub(crate) async fn output_of(settings: Settings) -> ProcessOutput {
    let function = crate::start(settings.with("QUEUE_MAX_BYTES", "8192")).await;
    for event in requests() {
        function.invoke(&event, testkit::function::TIMEOUT).await;
    }
    function.stop().await
}

fn assert_no_secrets(output: &ProcessOutput) {
    for secret in [TOKEN, WRONG_TOKEN, BODY_SECRET, SIGNATURE, HEADER_VALUE] {
        for line in output.lines() {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

#[tokio::test]
async fn secrets_stay_out_of_the_log_at_every_level_and_format() {
    let queue = TestQueue::standard().await;
    let working = Settings::for_queue(&queue.url);
    let missing = Settings::for_queue(&queue::missing_queue_url());
    for settings in [working, missing] {
        for format in ["JSON", "Text"] {
            let settings = settings
                .clone()
                .with("AWS_LAMBDA_LOG_LEVEL", "TRACE")
                .with("AWS_LAMBDA_LOG_FORMAT", format);
            let output = output_of(settings).await;
            assert!(
                output.lines().count() >= requests().len(),
                "there is output: {output:?}"
            );
            assert_no_secrets(&output);
            if format == "JSON" {
                for line in output.lines() {
                    let value: Result<Value, _> = serde_json::from_str(line);
                    assert!(value.is_ok_and(|value| value.is_object()), "{line}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_request_is_logged_once_at_the_level_of_its_answer() {
    let queue = TestQueue::standard().await;
    let working = Settings::for_queue(&queue.url);
    let missing = Settings::for_queue(&queue::missing_queue_url());
    let job = || post_json(&to_json(&tasks([snapshot(1)])));
    let get = || function_url_event("GET", &format!("/{TOKEN}"), "", "text/plain", b"", false);
    let cases = [
        ("published", &working, job(), "INFO"),
        ("a probe", &working, post_json(&to_json(&probe())), "INFO"),
        ("no token", &working, wrong(WRONG_TOKEN, ""), "WARN"),
        ("not POST", &working, get(), "DEBUG"),
        ("empty", &working, post_json(b""), "WARN"),
        ("unreadable", &working, post_json(b"soon"), "ERROR"),
        ("not taken", &missing, job(), "ERROR"),
    ];
    for (case, settings, event, level) in cases {
        let settings = settings.clone().with("AWS_LAMBDA_LOG_LEVEL", "TRACE");
        let function = crate::start(settings).await;
        let answer = function.call(&event).await;
        let output = function.stop().await;
        let lines = output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines: Vec<_> = lines
            .filter(|line| line.get("level").is_some())
            .map(|line| (line["level"].clone(), line["http.status"].clone()))
            .collect();
        let started = (json!("INFO"), Value::Null);
        let answered = (json!(level), json!(answer.status));
        assert_eq!(lines, [started, answered], "{case}: {output:?}");
    }
}

#[tokio::test]
async fn the_first_line_names_the_version() {
    let running = crate::start(Settings::without_queue()).await;
    running.post(&probe()).await;
    // A function that does not start must not log secrets either.
    let misconfigured = crate::start(Settings::without_queue().without("QUEUE_URL")).await;
    let (_, ended) = misconfigured.exit(testkit::function::TIMEOUT).await;
    for output in [running.stop().await, ended] {
        let first = output.stdout.lines().next().unwrap_or_default();
        let line: Value = serde_json::from_str(first).expect("a line is JSON");
        assert_eq!(line["message"], json!("started"), "{output:?}");
        assert_eq!(line["version"], json!(env!("CARGO_PKG_VERSION")));
    }
}

/// Returns the log line of a function that has published this number of jobs.
async fn published(jobs: u32, format: &str) -> String {
    let aws = FakeAws::start().await;
    let settings = aws.settings().with("AWS_LAMBDA_LOG_FORMAT", format);
    let function = crate::start(settings).await;
    let body = to_json(&tasks((0..jobs).map(snapshot)));
    assert_eq!(function.call(&post_json(&body)).await.status, 200);
    let output = function.stop().await;
    let mut lines = output.lines().filter(|line| line.contains("published"));
    lines.next().expect("it says so").to_owned()
}

#[tokio::test]
async fn a_published_line_names_the_first_hundred_events() {
    for (jobs, named, count) in [(1, 1, None), (100, 100, None), (101, 100, Some(101))] {
        let line = published(jobs, "JSON").await;
        let line: Value = serde_json::from_str(&line).expect("a line is JSON");
        let ids: Vec<_> = (0..named).map(event_id).collect();
        assert_eq!(line["event.ids"], json!(ids), "{jobs} jobs");
        assert_eq!(line.get("event.count"), count.map(Value::from).as_ref());
        assert_eq!(line["message"], "published");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "cloud_infinite_callback::telemetry");
        assert_eq!(line["jobs"], jobs);
        let timestamp = line["timestamp"].as_str().expect("it has one");
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    }
    let line = published(2, "Text").await;
    let expected = format!("event.ids=[\"{}\",\"{}\"]", event_id(0), event_id(1));
    assert!(line.contains(&expected), "{line}");
}

#[tokio::test]
async fn only_a_published_line_names_events() {
    let running = crate::start(Settings::for_queue(&queue::missing_queue_url())).await;
    running.post(&probe()).await;
    let job = post_json(&to_json(&tasks([snapshot(1)])));
    assert_eq!(running.call(&job).await.status, 503);
    let output = running.stop().await;
    assert!(output.lines().count() > 2, "{output:?}");
    assert!(output.lines().all(|line| !line.contains("event.")));
}

#[tokio::test]
async fn an_id_that_is_not_plain_is_logged_as_its_digest() {
    let aws = FakeAws::start().await;
    let function = crate::start(aws.settings()).await;
    // A signed URL, and bidirectional and C1 control characters.
    let ids = [
        ("j_1.a-B:2", "j_1.a-B:2", "j_1.a-B:2:Success"),
        (
            "https://a/b?sign=s3cret",
            "sha256:e20f54ce006ded58",
            "sha256:96eff7cfbeb6c05f",
        ),
        (
            "a\u{202E}b",
            "sha256:1f7a9d5e8e213a52",
            "2379c944687adb3ef21b85ef9083dfcd7a3ba8518e9473e06969625a71a605f5",
        ),
        (
            "a\u{85}b",
            "sha256:75e7cf7e9bf896d8",
            "5ca060c2e5a0a342f3257802d150ea729bf87d194f77f85b69e9e2063a247fc1",
        ),
    ];
    for (id, ..) in ids {
        let body = json!({ "JobsDetail": { "JobId": id, "Tag": "Snapshot", "State": "Success" } });
        assert_eq!(function.post(&body).await.status, 200);
    }
    let output = function.stop().await;
    let lines = output.lines().filter(|line| line.contains("published"));
    let logged: Vec<_> = lines
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            (line["job.id"].clone(), line["event.ids"][0].clone())
        })
        .collect();
    let expected = ids.map(|(_, job, event)| (json!(job), json!(event)));
    assert_eq!(logged, expected);
}
