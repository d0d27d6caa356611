//! What was received is what the log says.

use std::{
    future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::{
    command::{World, run},
    fake_ci::Fault,
    jobs::{BUCKET, ended, event_ids, minutes_ago},
    log_group::published,
};
use testkit::server;

#[tokio::test]
async fn a_line_lists_many_events_or_only_the_first_of_them() {
    let world = World::new().await;
    world.ci.add((0..8).map(|number| ended(number, 20)));
    world.log.add(&event_ids(0..5)).await;
    // More events than ids: what is not listed counts as missing.
    let mut line: Value = serde_json::from_str(&published(&event_ids([5]))).expect("it is JSON");
    line["event.count"] = json!(2);
    world.log.write(&line.to_string(), minutes_ago(1)).await;
    // None of these says that anything was published.
    for line in [
        r#"{"level":"ERROR","message":"spilled","event.ids":["x"]}"#
            .replace('x', &event_ids([7])[0]),
        r#"{"message":"published","event.ids":"x"}"#.replace('x', &event_ids([7])[0]),
        format!("published event.ids=[\"{}\"]", event_ids([7])[0]),
        "REPORT RequestId: 8f507cfc Duration: 2 ms".to_owned(),
        r#"{"message":"published"}"#.to_owned(),
    ] {
        world.log.write(&line, minutes_ago(1)).await;
    }
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.ids("received"), event_ids(0..6), "{ended:?}");
    assert_eq!(world.drain().await, event_ids([6, 7]));
}

#[tokio::test]
async fn what_is_published_is_written_down_like_the_function_does() {
    let world = World::new().await;
    world.ci.add((0..12).map(|number| ended(number, 20)));
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = world.log.lines_of_others().await;
    let mut ids = Vec::new();
    for (stream, line) in &lines {
        assert_eq!(*stream, lines[0].0, "one stream a run");
        assert!(stream.starts_with("callbackctl/reconcile/20"), "{stream}");
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(line["message"], "published");
        assert_eq!(line["level"], "INFO");
        ids.extend(line["event.ids"].as_array().expect("a list").clone());
    }
    assert_eq!(lines.len(), 2, "a line a batch");
    assert_eq!(ids, event_ids(0..12));
}

#[tokio::test]
async fn two_runs_at_once_send_nothing_twice() {
    let world = World::new().await;
    world.ci.add((0..150).map(|number| ended(number, 20)));
    // The first run waits for its second page while the other one does all the work.
    world.ci.fail_at(1, Fault::Pause);
    let first = tokio::spawn(run(world.reconcile(&["--tag", "Snapshot"])));
    world.ci.wait_for(2).await;
    let second = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(second.ids("published"), event_ids(100..150), "{second:?}");
    world.ci.resume();
    let first = first.await.expect("it does not panic");
    assert_eq!(first.ids("published"), event_ids(0..100), "{first:?}");
    assert_eq!(first.ids("received"), event_ids(100..150), "{first:?}");
    assert_eq!(world.drain().await, event_ids(0..150));
}

#[tokio::test]
async fn a_callback_that_arrives_during_a_run_is_not_published_again() {
    let world = World::new().await;
    world.ci.add((0..2).map(|number| ended(number, 20)));
    world.ci.fail_at(0, Fault::Pause);
    let run = tokio::spawn(run(world.reconcile(&["--tag", "Snapshot"])));
    world.ci.wait_for(1).await;
    world.log.add(&event_ids([1])).await;
    world.ci.resume();
    let ended = run.await.expect("it does not panic");
    assert_eq!(ended.ids("received"), event_ids([1]), "{ended:?}");
    assert_eq!(world.drain().await, event_ids([0]));
}

#[tokio::test]
async fn a_log_that_cannot_be_read_or_written_publishes_nothing() {
    let world = World::new().await;
    world.ci.add([ended(1, 20)]);
    let mut missing = world.callbackctl(&[
        "reconcile",
        "--bucket",
        BUCKET,
        "--region",
        "ap-guangzhou",
        "--log-group",
        "/missing",
    ]);
    let output = missing.output().expect("cargo has built it");
    assert_eq!(output.status.code(), Some(1));
    let told = "callbackctl: cannot read the log group /missing: ResourceNotFoundException\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), told);
    assert!(world.ci.seen().is_empty(), "the vendor is not even asked");

    // It may be read, and not written.
    let address = server::serve(|head, _| {
        let target = head
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let is_read = target.is_some_and(|target| target.ends_with(".FilterLogEvents"));
        future::ready(if is_read {
            server::json(StatusCode::OK, &json!({ "events": [] }))
        } else {
            let error = json!({ "__type": "AccessDeniedException", "message": "s3cret" });
            server::json(StatusCode::BAD_REQUEST, &error)
        })
    })
    .await;
    let mut command = world.reconcile(&["--tag", "Snapshot"]);
    command.env(
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        format!("http://{address}"),
    );
    let ended = run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = format!(
        "callbackctl: cannot create a stream in the log group {}: AccessDeniedException",
        world.log.name
    );
    assert!(ended.stderr.lines().any(|line| line == told), "{ended:?}");
    assert!(world.drain().await.is_empty());

    // It may be written but for lines: what is published is on the queue, and the next run repeats it.
    let address = server::serve(|head, _| {
        let target = head
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let is_write = target.is_some_and(|target| target.ends_with(".PutLogEvents"));
        future::ready(if is_write {
            let error = json!({ "__type": "AccessDeniedException", "message": "s3cret" });
            server::json(StatusCode::BAD_REQUEST, &error)
        } else {
            server::json(StatusCode::OK, &json!({ "events": [] }))
        })
    })
    .await;
    let mut command = world.reconcile(&["--tag", "Snapshot"]);
    command.env(
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        format!("http://{address}"),
    );
    let ended = run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("cannot write into the log group"),
        "{ended:?}"
    );
    assert_eq!(world.drain().await, event_ids([1]));

    // For one outage that is known the log is not needed.
    let bucket = [
        "reconcile",
        "--bucket",
        BUCKET,
        "--region",
        "ap-guangzhou",
        "--all",
    ];
    let mut command = world.callbackctl(&[&bucket[..], &["--tag", "Snapshot"]].concat());
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.drain().await, event_ids([1]));
}

#[tokio::test]
async fn a_log_without_events_is_worth_a_warning() {
    let world = World::new().await;
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = "callbackctl: no event was published since ";
    assert!(ended.stderr.starts_with(told), "{ended:?}");
    assert!(ended.stderr.contains(&world.log.name), "{ended:?}");
}

/// Some of CloudWatch's pages are empty though others follow.
#[tokio::test]
async fn all_pages_of_the_log_are_read() {
    let world = World::new().await;
    world.ci.add((0..3).map(|number| ended(number, 20)));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let address = server::serve(move |_, body| {
        count.fetch_add(1, Ordering::Relaxed);
        let request: Value = serde_json::from_slice(&body).expect("a request is JSON");
        let events = |ids: Vec<String>| json!([{ "message": published(&ids), "timestamp": 1 }]);
        let page = match request["nextToken"].as_str() {
            None => json!({ "events": events(event_ids([0])), "nextToken": "a" }),
            Some("a") => json!({ "events": [], "nextToken": "b" }),
            _ => json!({ "events": events(event_ids([1, 2])) }),
        };
        future::ready(server::json(StatusCode::OK, &page))
    })
    .await;
    let mut command = world.reconcile(&["--tag", "Snapshot"]);
    command.env(
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        format!("http://{address}"),
    );
    let ended = run(command).await;
    assert_eq!(ended.ids("received"), event_ids(0..3), "{ended:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}
