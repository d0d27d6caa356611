//! Tests message groups and deduplication with MiniStack.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::publishing::{RUN_ID, only_message, publish};
use testkit::{
    bodies::{
        BUCKET, event_id, failed, in_workflow, job_id, snapshot, tasks, to_xml, verdict, workflow,
    },
    function::{Settings, digest},
    function_url::post_xml,
    queue::TestQueue,
};

#[tokio::test]
async fn a_standard_queue_is_fair_to_buckets() {
    let queue = TestQueue::standard().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let without_bucket = json!({ "JobsDetail": { "JobId": "j1", "State": "Success" } });
    let mut odd = snapshot(2);
    odd["Input"]["BucketId"] = json!("ebb and flow");
    let cases = [
        (tasks([snapshot(1)]), Some(BUCKET.to_owned())),
        (workflow(RUN_ID), Some(BUCKET.to_owned())),
        (verdict("gull-1"), Some(BUCKET.to_owned())),
        (without_bucket, None),
        // SQS does not allow spaces in a group id.
        (tasks([odd]), Some(digest("ebb and flow"))),
    ];
    for (body, group) in cases {
        publish(&function, &body).await;
        let message = only_message(&queue).await;
        assert_eq!(message.group, group, "{body}");
        assert_eq!(message.deduplication, None, "{body}");
    }
}

#[tokio::test]
async fn a_fifo_queue_keeps_what_belongs_together_in_order() {
    let queue = TestQueue::fifo().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    let without_id = json!({ "JobsDetail": { "Tag": "Snapshot", "State": "Success" } });
    let long = "i".repeat(129);
    let groups: [(Value, Option<&str>); 5] = [
        (tasks([snapshot(1)]), Some(&job_id(1))),
        (tasks([in_workflow(2, RUN_ID)]), Some(RUN_ID)),
        (workflow(RUN_ID), Some(RUN_ID)),
        (tasks([in_workflow(3, &long)]), Some(&digest(&long))),
        (without_id, None),
    ];
    for (body, group) in groups {
        publish(&function, &body).await;
        let message = only_message(&queue).await;
        let id = message.event()["id"].as_str().map(str::to_owned);
        assert_eq!(message.group.as_deref(), group.or(id.as_deref()), "{body}");
        assert_eq!(message.deduplication, id, "{body}");
    }
}

#[tokio::test]
async fn a_fifo_queue_drops_what_the_vendor_sends_twice() {
    let queue = TestQueue::fifo().await;
    let function = crate::start(Settings::for_queue(&queue.url)).await;
    publish(&function, &tasks((0..12).map(snapshot))).await;
    // The same jobs in the other format, with a new job, and a new state of one job.
    let again = tasks((0..12).map(snapshot).chain([snapshot(12), failed(0)]));
    let answer = function.call(&post_xml(&to_xml(&again))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let messages = queue.drain().await;
    let found: BTreeSet<_> = messages
        .iter()
        .filter_map(|message| message.deduplication.clone())
        .collect();
    let mut expected: BTreeSet<_> = (0..13).map(event_id).collect();
    expected.insert(format!("{}:Failed", job_id(0)));
    assert_eq!(messages.len(), expected.len());
    assert_eq!(found, expected);
}
