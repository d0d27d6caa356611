//! Tests the metrics in CloudWatch's embedded metric format.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::telemetry::output_of;
use testkit::{
    bodies::{failed, snapshot, tasks, verdict},
    fake_aws::FakeAws,
    function::{ProcessOutput, Settings},
    queue::TestQueue,
};

/// Returns the lines of an output in the embedded metric format.
fn metric_lines(output: &ProcessOutput) -> Vec<Value> {
    let lines = output.stdout.lines();
    let lines = lines.map(|line| serde_json::from_str(line).expect("a line is JSON"));
    lines
        .filter(|line: &Value| line.get("_aws").is_some())
        .collect()
}

/// Returns the sum of each metric.
fn sums(output: &ProcessOutput) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in metric_lines(output) {
        assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
        for directive in items(&line["_aws"]["CloudWatchMetrics"]) {
            for metric in items(&directive["Metrics"]) {
                let name = metric["Name"].as_str().expect("a name");
                let value = line[name].as_f64();
                *sums.entry(name.to_owned()).or_default() +=
                    value.unwrap_or_else(|| panic!("expected a number in {line}"));
            }
            for dimension in items(&directive["Dimensions"]).iter().flat_map(items) {
                let dimension = dimension.as_str().expect("a name");
                assert!(line[dimension].is_string(), "{dimension}: {line}");
            }
        }
    }
    sums
}

fn items(list: &Value) -> &[Value] {
    list.as_array().expect("a list")
}

#[tokio::test]
async fn metrics_are_written_whatever_the_log_level() {
    for level in ["TRACE", "INFO", "ERROR", "FATAL"] {
        let queue = TestQueue::standard().await;
        let settings = Settings::for_queue(&queue.url).with("AWS_LAMBDA_LOG_LEVEL", level);
        let sums = sums(&output_of(settings).await);
        let sum = |name: &str| sums.get(name).copied();
        let counts = [
            ("RecordsPublished", Some(4.0)),
            ("Probes", Some(1.0)),
            ("AuthFailures", Some(2.0)),
            // An empty body and invalid base64.
            ("BadRequests", Some(2.0)),
            // Three unreadable bodies and one that is too large.
            ("VaultFailures", Some(4.0)),
            ("Quarantined", None),
            ("Spilled", None),
        ];
        for (name, expected) in counts {
            assert_eq!(sum(name), expected, "{name} at {level}");
        }
        assert!(
            sum("PublishMillis").is_some_and(|millis| millis > 0.0),
            "{level}"
        );
    }
}

#[tokio::test]
async fn published_records_are_counted_by_family_and_outcome() {
    let aws = FakeAws::start().await;
    for (body, expected) in [
        (
            tasks([snapshot(1), snapshot(2)]),
            &[("task", "succeeded", 2)][..],
        ),
        (
            tasks([snapshot(1), failed(2), snapshot(3)]),
            &[("task", "failed", 1), ("task", "succeeded", 2)],
        ),
        (verdict("gull-2"), &[("moderation", "succeeded", 1)]),
    ] {
        let function = crate::start(aws.settings()).await;
        let answer = function.post(&body).await;
        assert_eq!(answer.status, 200);
        let lines = metric_lines(&function.stop().await);
        let mut found: Vec<_> = lines
            .iter()
            .map(|line| {
                let text = |name: &str| line[name].as_str().expect("a dimension");
                let count = line["RecordsPublished"].as_u64().expect("a count");
                (text("family"), text("outcome"), count)
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{lines:?}");
        let with_time = lines
            .iter()
            .filter(|line| line.get("PublishMillis").is_some());
        assert_eq!(with_time.count(), 1, "{lines:?}");
    }
}
