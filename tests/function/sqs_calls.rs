//! Tests the calls to the queue: their limits, contents and retries.

use serde_json::Value;

use testkit::{
    bodies::{event_id, large, snapshot, tasks},
    fake_aws::{Call, FakeAws, Reply, SQS_MAX_BYTES, attribute_bytes, body_bytes},
    function::Function,
    function_url::FunctionUrlResponse,
    runtime_api::TRACE,
};

/// The maximum number of messages in a call.
const MAX_ENTRIES: usize = 10;

async fn publish(
    function: &Function,
    jobs: impl IntoIterator<Item = Value>,
) -> FunctionUrlResponse {
    function.post(&tasks(jobs)).await
}

/// Returns the ids in all calls, in order.
fn ids(calls: &[Call]) -> Vec<String> {
    calls.iter().flat_map(Call::ids).collect()
}

#[tokio::test]
async fn a_call_keeps_to_the_limits_of_the_queue() {
    // The number of jobs, their size in bytes, and the minimum number of calls.
    let cases = [
        (1, 0, 1),
        (2, 0, 1),
        (10, 0, 1),
        (11, 0, 2),
        (25, 0, 3),
        (3, 400_000, 2),
        (5, 700_000, 5),
        (12, 120_000, 2),
    ];
    for (count, bytes, fewest) in cases {
        let aws = FakeAws::start().await;
        let function = crate::start(aws.settings()).await;
        let answer = publish(&function, (0..count).map(|number| large(number, bytes))).await;
        let case = format!("{count} jobs of {bytes} bytes");
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
        let calls = aws.calls();
        assert_eq!(
            ids(&calls),
            (0..count).map(event_id).collect::<Vec<_>>(),
            "{case}"
        );
        for call in &calls {
            assert!(
                call.entries.len() <= MAX_ENTRIES,
                "{case}: {}",
                call.entries.len()
            );
            assert!(call.bytes() <= SQS_MAX_BYTES, "{case}: {}", call.bytes());
        }
        assert_eq!(calls.len(), fewest, "{case}");
    }
}

#[tokio::test]
async fn attributes_count_against_the_limits() {
    let aws = FakeAws::start().await;
    let function = crate::start(aws.settings()).await;
    publish(&function, [large(1, 1)]).await;
    let sample = aws.calls().remove(0).entries.remove(0);
    let (body, attributes) = (body_bytes(&sample) - 1, attribute_bytes(&sample));

    // One message of exactly the maximum size, and one that is larger.
    let room = SQS_MAX_BYTES - body - attributes;
    assert_eq!(publish(&function, [large(2, room)]).await.status, 200);
    assert_eq!(publish(&function, [large(3, room + 1)]).await.status, 413);
    // Two messages that would fit into one call without their attributes.
    let half = SQS_MAX_BYTES / 2 - body - attributes + 1;
    assert_eq!(
        publish(&function, [large(4, half), large(5, half)])
            .await
            .status,
        200
    );

    let calls = aws.calls();
    assert_eq!(ids(&calls), [1, 2, 4, 5].map(event_id));
    assert!(calls.iter().all(|call| call.bytes() <= SQS_MAX_BYTES));
}

#[tokio::test]
async fn every_message_carries_the_trace_of_its_invocation() {
    let aws = FakeAws::start().await;
    let function = crate::start(aws.settings()).await;
    publish(&function, [snapshot(1)]).await;
    publish(&function, (2..5).map(snapshot)).await;
    let entries: Vec<_> = aws
        .calls()
        .into_iter()
        .flat_map(|call| call.entries)
        .collect();
    assert_eq!(entries.len(), 4);
    for entry in entries {
        let header = &entry["MessageSystemAttributes"]["AWSTraceHeader"];
        assert_eq!(header["DataType"], "String");
        assert_eq!(header["StringValue"], TRACE);
    }
}

#[tokio::test]
async fn only_entries_that_were_not_taken_are_sent_again() {
    let script = [
        Reply::FailEntries(&[1, 3]),
        Reply::LoseEntries(&[0]),
        Reply::Accept,
    ];
    let aws = FakeAws::scripted(&script, Reply::Accept).await;
    let function = crate::start(aws.settings()).await;
    let answer = publish(&function, (0..5).map(snapshot)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let calls: Vec<_> = aws.calls().iter().map(Call::ids).collect();
    let expected: [&[u32]; 3] = [&[0, 1, 2, 3, 4], &[1, 3], &[1]];
    let expected = expected.map(|numbers| numbers.iter().copied().map(event_id).collect());
    assert_eq!(calls, expected as [Vec<String>; 3]);
    let output = function.stop().await;
    let metrics = output.lines().find(|line| line.contains("PublishRetries"));
    let metrics: Value = serde_json::from_str(metrics.expect("it counts them")).unwrap();
    assert_eq!(metrics["PublishRetries"], 2);
}
