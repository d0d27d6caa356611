//! What a worker finds on the queue, seen through MiniStack.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use testkit::{
    bodies::{
        BUCKET, REGION, event_id, failed, in_workflow, job_id, snapshot, tasks, to_json, to_xml,
        verdict, workflow,
    },
    function::{Function, Settings, digest},
    function_url::{post_json, post_xml},
    queue::{Message, Queue},
};

/// A run of a workflow.
pub(crate) const RUN_ID: &str = "i22222222222222222222222222222222";

/// Sends a body as JSON, which must be taken.
pub(crate) async fn publish(function: &Function, body: &Value) {
    let answer = function.call(&post_json(&to_json(body))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// The queue's one message.
pub(crate) async fn only_message(queue: &Queue) -> Message {
    let mut messages = queue.drain().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    messages.remove(0)
}

/// Names and values.
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
async fn every_job_of_a_body_is_one_message() {
    let queue = Queue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    // Around the most that one call takes.
    for count in [1, 10, 11, 25] {
        publish(&function, &tasks((0..count).map(snapshot))).await;
        let messages = queue.drain().await;
        let found: Vec<_> = messages
            .iter()
            .map(|message| message.event()["id"].clone())
            .collect();
        let expected: BTreeSet<_> = (0..count).map(event_id).collect();
        assert_eq!(found.len(), expected.len(), "{count} jobs");
        let found: BTreeSet<_> = found.iter().filter_map(Value::as_str).collect();
        assert_eq!(
            found,
            expected.iter().map(String::as_str).collect(),
            "{count} jobs"
        );
    }
}

#[tokio::test]
async fn xml_and_json_of_one_job_make_one_message() {
    let queue = Queue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let cases = [
        tasks([snapshot(1)]),
        tasks([failed(2)]),
        tasks([in_workflow(3, RUN_ID)]),
        workflow(RUN_ID),
    ];
    for body in cases {
        publish(&function, &body).await;
        let of_json = only_message(&queue).await;
        let answer = function.call(&post_xml(&to_xml(&body))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(only_message(&queue).await, of_json);
    }
}

#[tokio::test]
async fn a_message_is_a_cloudevent() {
    let queue = Queue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    publish(&function, &tasks([snapshot(1)])).await;
    let mut event = only_message(&queue).await.event();
    let data = event["data"].take();
    let expected = json!({
        "specversion": "1.0",
        "id": event_id(1),
        "source": format!("//{BUCKET}.ci.{REGION}.myqcloud.com"),
        "type": "com.tencent.ci.task.succeeded",
        "subject": "harbour/ebb & flow <1>.mp4",
        "time": "2024-02-03T02:11:20Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:cloud-infinite-callback:job-record:1",
        "data": null,
    });
    assert_eq!(event, expected);
    assert_eq!(data["jobId"], json!(job_id(1)));
    assert_eq!(data["userData"], json!("order=17"));
    let headers = json!({ "x-cos-meta-camera": "pier 3", "x-cos-meta-lens": "潮" });
    assert_eq!(data["headers"], headers);
}

#[tokio::test]
async fn workers_can_filter_by_attributes() {
    let queue = Queue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let place = [("bucket", BUCKET), ("region", REGION)];
    let (done, broken) = (job_id(1), job_id(2));
    let homeless = json!({ "code": 4, "message": "no such object", "data": { "result": 0 } });
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
        // What is not known has no attribute: SQS refuses empty ones.
        (
            "moderation",
            homeless,
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

/// What SQS takes, in bodies and in attributes.
fn is_legal(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..))
}

#[tokio::test]
async fn characters_that_the_queue_refuses_are_not_sent_and_not_lost() {
    let queue = Queue::standard().await;
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
