//! The metrics, as lines of CloudWatch's embedded metric format.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::telemetry::output_of;
use testkit::{
    bodies::{failed, snapshot, tasks, to_json},
    fake_aws::FakeAws,
    function::{Output, Settings},
    function_url::post_json,
    queue::Queue,
};

/// The metrics of an output in CloudWatch's embedded format: name to sum and to the dimension sets
/// under which it is found.
fn metrics(output: &Output) -> BTreeMap<String, (f64, BTreeSet<Vec<String>>)> {
    let mut metrics: BTreeMap<String, (f64, BTreeSet<Vec<String>>)> = BTreeMap::new();
    let lines = output
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for line in lines.filter(|line| line.get("_aws").is_some()) {
        assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
        for directive in line["_aws"]["CloudWatchMetrics"]
            .as_array()
            .expect("a list")
        {
            let sets = dimension_sets(&line, directive);
            for metric in directive["Metrics"].as_array().expect("a list") {
                let name = metric["Name"].as_str().expect("a name").to_owned();
                let value = line[&name].as_f64();
                let entry = metrics.entry(name).or_default();
                entry.0 += value.unwrap_or_else(|| panic!("expected a number in {line}"));
                entry.1.extend(sets.iter().cloned());
            }
        }
    }
    metrics
}

/// The dimensions of a directive, each with its value, which must stand in the same line.
fn dimension_sets(line: &Value, directive: &Value) -> Vec<Vec<String>> {
    assert!(
        directive["Namespace"]
            .as_str()
            .is_some_and(|name| !name.is_empty()),
        "{line}"
    );
    let set = |set: &Value| {
        let names = set
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str);
        names
            .map(|name| {
                let value = line[name].as_str();
                format!(
                    "{name}={}",
                    value.unwrap_or_else(|| panic!("no text {name} in {line}"))
                )
            })
            .collect()
    };
    directive["Dimensions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(set)
        .collect()
}

#[tokio::test]
async fn metrics_are_written_whatever_the_log_level() {
    for level in ["TRACE", "INFO", "ERROR", "FATAL"] {
        let queue = Queue::standard().await;
        let settings = Settings::for_queue(&queue.url).with("AWS_LAMBDA_LOG_LEVEL", level);
        let metrics = metrics(&output_of(settings).await);
        let sum = |name: &str| metrics.get(name).map(|(sum, _)| *sum);
        let counts = [
            ("RecordsPublished", Some(4.0)),
            ("Probes", Some(1.0)),
            ("AuthFailures", Some(2.0)),
            // One that is empty and one that is not base64.
            ("BadRequests", Some(2.0)),
            // Three that cannot be read and one that is too large.
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
        assert!(
            sum("BodyBytes").is_some_and(|bytes| bytes > 1000.0),
            "{level}"
        );
    }
}

#[tokio::test]
async fn published_records_are_counted_by_family_and_outcome() {
    let queue = Queue::standard().await;
    let output = output_of(Settings::for_queue(&queue.url)).await;
    let metrics = metrics(&output);
    let (_, sets) = &metrics["RecordsPublished"];
    let found: BTreeSet<_> = sets
        .iter()
        .filter_map(|set| family_and_outcome(set))
        .collect();
    let expected = [
        ("moderation", "succeeded"),
        ("task", "failed"),
        ("task", "succeeded"),
    ];
    assert_eq!(
        found,
        BTreeSet::from(expected.map(|(f, o)| (f.to_owned(), o.to_owned())))
    );
}

/// The two dimensions of a set, where it has both.
fn family_and_outcome(set: &[String]) -> Option<(String, String)> {
    let value = |name: &str| {
        set.iter()
            .find_map(|dimension| dimension.strip_prefix(name)?.strip_prefix('='))
    };
    Some((value("family")?.to_owned(), value("outcome")?.to_owned()))
}

#[tokio::test]
async fn a_call_has_a_line_for_each_kind_of_its_records() {
    for (jobs, expected) in [
        (vec![snapshot(1), snapshot(2)], vec![2]),
        (vec![snapshot(1), failed(2), snapshot(3)], vec![1, 2]),
    ] {
        let aws = FakeAws::start().await;
        let function = crate::start(aws.settings()).await;
        let answer = function.call(&post_json(&to_json(&tasks(jobs)))).await;
        assert_eq!(answer.status, 200);
        let output = function.stop().await;
        let lines = output
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let lines: Vec<Value> = lines
            .filter(|line: &Value| line.get("_aws").is_some())
            .collect();
        let records: Vec<_> = lines
            .iter()
            .map(|line| line["RecordsPublished"].as_u64().expect("it counts them"))
            .collect();
        let mut sorted = records.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{lines:?}");
        let with_size = lines.iter().filter(|line| line.get("BodyBytes").is_some());
        assert_eq!(with_size.count(), 1, "{lines:?}");
    }
}
