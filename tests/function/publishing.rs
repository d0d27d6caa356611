//! Tests the messages that a worker receives from MiniStack.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cloud_infinite_callback::{
    aws::behavior_version,
    callback::Payload,
    event::job_events,
    publish::{Delivery, Publisher},
    queue as sqs,
    vault::{RequestMetadata, Vault},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use testkit::{
    bodies::{BUCKET, REGION, failed, job_id, snapshot, tasks, to_json, verdict, workflow},
    function::{Function, Settings, digest},
    queue::{ReceivedMessage, TestQueue},
};

/// A run of a workflow.
pub(crate) const RUN_ID: &str = "i22222222222222222222222222222222";

/// Posts a body as JSON, which must be accepted.
pub(crate) async fn publish(function: &Function, body: &Value) {
    let answer = function.post(body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Returns the only message of the queue.
pub(crate) async fn only_message(queue: &TestQueue) -> ReceivedMessage {
    let mut messages = queue.drain().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

/// Returns the names and values of attributes.
type Attributes<'a> = &'a [(&'a str, &'a str)];

/// Attributes of type String.
fn strings(attributes: Attributes<'_>) -> BTreeMap<String, (String, String)> {
    attributes
        .iter()
        .map(|(name, value)| {
            (
                (*name).to_owned(),
                ("String".to_owned(), (*value).to_owned()),
            )
        })
        .collect()
}

#[tokio::test]
async fn workers_can_filter_by_attributes() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let place = [("bucket", BUCKET), ("region", REGION)];
    let (done, broken) = (job_id(1), job_id(2));
    let without_bucket = json!({ "code": 4, "message": "no such object", "data": { "result": 0 } });
    let cases: [(&str, Value, Attributes<'_>, Attributes<'_>); 5] = [
        (
            "task",
            tasks([snapshot(1)]),
            &place,
            &[
                ("type", "Snapshot"),
                ("state", "Success"),
                ("outcome", "succeeded"),
                ("jobId", &done),
            ],
        ),
        (
            "task",
            tasks([failed(2)]),
            &place,
            &[
                ("type", "Snapshot"),
                ("state", "Failed"),
                ("outcome", "failed"),
                ("jobId", &broken),
            ],
        ),
        // A run has no region.
        (
            "workflow",
            workflow(RUN_ID),
            &[("bucket", BUCKET)],
            &[
                ("type", "Workflow"),
                ("state", "Success"),
                ("outcome", "succeeded"),
                ("jobId", RUN_ID),
            ],
        ),
        (
            "moderation",
            verdict("gull-1"),
            &place,
            &[
                ("type", "ReviewImage"),
                ("state", "Success"),
                ("outcome", "succeeded"),
                ("jobId", "gull-1"),
            ],
        ),
        // An unknown value has no attribute, because SQS rejects empty attributes.
        (
            "moderation",
            without_bucket,
            &[],
            &[("state", "Failed"), ("outcome", "failed")],
        ),
    ];
    for (family, body, place, rest) in cases {
        publish(&function, &body).await;
        let mut expected = strings(place);
        expected.extend(strings(rest));
        expected.extend(strings(&[
            ("contentType", "application/cloudevents+json"),
            ("schemaVersion", "1"),
            ("family", family),
        ]));
        assert_eq!(only_message(&queue).await.attributes, expected, "{body}");
    }
}

/// Returns whether SQS accepts this text in bodies and attributes.
fn is_legal(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..))
}

#[tokio::test]
async fn characters_that_the_queue_refuses_are_not_sent_and_not_lost() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let odd = "a\u{1}\u{1F}\u{7F}\u{FFFE}\u{FFFF}\u{10FFFF}\t\"\\z";
    let mut job = snapshot(1);
    for name in ["State", "Tag", "JobId"] {
        job[name] = json!(odd);
    }
    job["Input"]["BucketId"] = json!(odd);
    job["Operation"]["UserData"] = json!(odd);
    publish(&function, &tasks([job])).await;
    let message = only_message(&queue).await;
    assert!(is_legal(&message.body), "{:?}", message.body);
    for (name, (_, value)) in &message.attributes {
        assert!(is_legal(value) && !value.is_empty(), "{name}: {value:?}");
    }
    assert_eq!(message.attributes.len(), 9);
    assert_eq!(message.event()["data"]["userData"], json!(odd));
    assert_eq!(message.event()["data"]["detail"]["State"], json!(odd));
    assert_eq!(message.group, Some(digest(odd)));
}

/// Publishes jobs that are all too large for the queue, after the deadline. The vault has no time, so nothing is
/// sent.
#[tokio::test]
async fn oversize_jobs_alone_end_at_the_deadline() {
    let body = to_json(&tasks((0..100).map(snapshot)));
    let Ok(Payload::Callback(callback)) = Payload::read(&body) else {
        panic!("the body is a callback");
    };
    let vault = Vault::new("vault".to_owned(), || unreachable!("it has no time"));
    let vault = Arc::new(vault.with_budget(Duration::ZERO));
    let config = aws_sdk_sqs::Config::builder().behavior_version(behavior_version());
    let queue = sqs::Queue::new(
        String::new(),
        aws_sdk_sqs::Client::from_conf(config.build()),
    );
    let publisher = Publisher::new(queue, Some(vault), 1, Duration::from_secs(10));
    let mut count = 0;
    // All of them would need a second.
    let events = job_events(&callback).inspect(|_| {
        count += 1;
        std::thread::sleep(Duration::from_millis(10));
    });
    let delivery = Delivery {
        id: "r1".to_owned(),
        request: RequestMetadata {
            request_id: "r1".to_owned(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            content_type: "application/json".to_owned(),
            content_encoding: None,
        },
        trace: None,
        deadline: Instant::now(),
    };
    let report = publisher.publish(events, &delivery).await;
    let error = report.error.expect("nothing was published").to_string();
    assert!(error.contains("no time was left for message"), "{error}");
    assert!(count < 100, "all jobs were normalized");
}
