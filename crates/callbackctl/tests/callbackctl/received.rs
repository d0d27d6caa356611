//! Tests the detection of received jobs in the log.

use std::{
    future,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    command::{World, run},
    fake_ci::Fault,
    jobs::{ended, event_ids, from_node, job_id, minutes_ago, task, vendor_time},
    log_group::published,
};
use testkit::{
    bodies::{snapshot, tasks, to_xml},
    bucket::Bucket,
    fake_aws::{FakeAws, Reply},
    function::digest,
    server,
};

#[tokio::test]
async fn a_line_lists_many_events_or_only_the_first_of_them() {
    let world = World::new().await;
    world.ci.add((0..9).map(|number| ended(number, 20)));
    world.log.add(&event_ids(0..5)).await;
    // Invalid ids do not affect the other ids of a line.
    let line = r#"{"message":"published","event.ids":["x",null],"event.count":-1}"#
        .replace('x', &event_ids([8])[0]);
    world.log.write(&line, minutes_ago(1)).await;
    // The line contains fewer ids than events. Jobs that are not listed are regarded as missing.
    let mut line: Value = serde_json::from_str(&published(&event_ids([5]))).expect("it is JSON");
    line["event.count"] = json!(2);
    world.log.write(&line.to_string(), minutes_ago(1)).await;
    // None of these lines reports published events.
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
    let received = event_ids((0..6).chain([8]));
    assert_eq!(ended.ids("received"), received, "{ended:?}");
    assert_eq!(world.drain().await, event_ids([6, 7]));
    assert_eq!(ended.stderr, "");
}

/// Some callbacks have no state, but API responses always contain one.
#[tokio::test]
async fn a_callback_without_a_state_counts_as_received() {
    let world = World::new().await;
    let mut long = snapshot(3);
    long["JobId"] = "j".repeat(130).into();
    long["EndTime"] = vendor_time(minutes_ago(20)).into();
    let mut long_and_received = long.clone();
    long_and_received["JobId"] = "k".repeat(130).into();
    world.ci.add([
        ended(1, 20),
        task(2, "Failed", minutes_ago(21), Some(minutes_ago(20))),
        from_node(&long, minutes_ago(21)),
        from_node(&long_and_received, minutes_ago(21)),
    ]);
    // The ids that the function creates for the same jobs without a state.
    let received = [
        format!("{}:unknown", job_id(1)),
        format!("{}:unknown", job_id(2)),
        digest(&format!("{}:unknown", "j".repeat(130))),
        digest(&format!("{}:Success", "k".repeat(130))),
    ];
    world.log.add(&received).await;
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = "listed 4, received 4, published 0, skipped 0";
    assert_eq!(ended.last_line(), counts, "{ended:?}");
}

#[tokio::test]
async fn a_listed_job_without_a_state_matches_its_callback() {
    let world = World::new().await;
    world.ci.fail_always("Snapshot", Fault::AllStates);
    let without_state = |number| task(number, "", minutes_ago(21), Some(minutes_ago(20)));
    let mut long = snapshot(5);
    long["JobId"] = "j".repeat(130).into();
    long["State"] = "".into();
    long["EndTime"] = vendor_time(minutes_ago(20)).into();
    world.ci.add((1..5).map(without_state));
    world.ci.add([from_node(&long, minutes_ago(21))]);
    let received = [
        format!("{}:Success", job_id(1)),
        format!("{}:Failed", job_id(2)),
        // The job had not ended.
        format!("{}:Running", job_id(3)),
        digest(&format!("{}:Cancel", "j".repeat(130))),
    ];
    world.log.add(&received).await;
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = "listed 5, received 3, published 2, skipped 0";
    assert_eq!(ended.last_line(), counts, "{ended:?}");
    let missing = [3, 4].map(|number| format!("{}:unknown", job_id(number)));
    assert_eq!(world.drain().await, missing);
}

#[tokio::test]
async fn published_jobs_are_recorded_like_those_of_the_function() {
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

/// Creates a body with more jobs than a line of the function can list. A part of it is published before the
/// queue fails.
#[tokio::test]
async fn jobs_published_by_replay_and_lookup_are_not_sent_again() {
    let world = World::new().await;
    world.ci.add((0..125).map(|number| ended(number, 20)));
    let vault = Bucket::create().await;
    let body = to_xml(&tasks((0..120).map(snapshot)));
    vault.put("spill/2024/05/06/a", &body).await;
    let log = ["--log-group", &world.log.name];
    let replay = || {
        let mut command = world.callbackctl(&[&["replay"], &log[..]].concat());
        command.env("VAULT_BUCKET", &vault.name);
        command
    };
    // Only the first batch is accepted.
    let aws = FakeAws::scripted(&[Reply::Accept], Reply::Error(403, "AccessDenied")).await;
    let mut command = replay();
    command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
    command.env("QUEUE_URL", aws.url());
    let failed = run(command).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let dry = world.run(&["--tag", "Snapshot", "--dry-run"]).await;
    assert_eq!(dry.ids("received"), event_ids(0..10), "{dry:?}");

    let replayed = run(replay()).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let ids: Vec<_> = (120..123).map(job_id).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let lookup = [&ids, &["--publish"][..], &log].concat();
    let looked_up = run(world.of_bucket("lookup", &lookup)).await;
    assert_eq!(looked_up.code, Some(0), "{looked_up:?}");
    assert_eq!(world.drain().await, event_ids(0..123));

    let reconciled = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(reconciled.code, Some(0), "{reconciled:?}");
    let counts = "listed 125, received 123, published 2, skipped 0";
    assert_eq!(reconciled.last_line(), counts);
    assert_eq!(world.drain().await, event_ids([123, 124]));
    let lines = world.log.lines_of_others().await;
    let mut streams: Vec<_> = lines
        .iter()
        .map(|(stream, _)| stream.split('/').nth(1))
        .collect();
    streams.dedup();
    assert_eq!(streams, [Some("replay"), Some("lookup"), Some("reconcile")]);
}

#[tokio::test]
async fn a_log_that_a_replay_cannot_write_is_reported() {
    let world = World::new().await;
    let vault = Bucket::create().await;
    vault.put("spill/a", &to_xml(&tasks([snapshot(1)]))).await;
    for (calls, published) in [
        (&["CreateLogStream"][..], vec![]),
        (&["PutLogEvents"][..], event_ids([1])),
    ] {
        let arguments = ["replay", "--log-group", &world.log.name];
        let mut command = world.callbackctl(&arguments);
        command.env("VAULT_BUCKET", &vault.name);
        let log = refusing_log(calls).await;
        command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", log);
        let ended = run(command).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("AccessDeniedException"), "{ended:?}");
        assert_eq!(world.drain().await, published, "{calls:?}");
    }
}

/// The log is read again after ten seconds.
#[tokio::test]
async fn jobs_received_during_a_run_are_not_sent_again() {
    let world = World::new().await;
    world.ci.add((0..148).map(|number| ended(number, 20)));
    // The first run waits for its second page while the other run publishes all jobs.
    world.ci.fail_at(1, Fault::Pause);
    let first = tokio::spawn(run(world.reconcile(&["--tag", "Snapshot"])));
    world.ci.wait_for(2).await;
    let second = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(second.ids("published"), event_ids(100..148), "{second:?}");
    world.ci.add([148, 149].map(|number| ended(number, 20)));
    world.log.add(&event_ids([148])).await;
    // The clock is slow.
    let late = minutes_ago(0) - SignedDuration::from_secs(45);
    world.log.add_at(&event_ids([149]), late).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    world.ci.resume();
    let first = first.await.expect("it does not panic");
    assert_eq!(first.ids("published"), event_ids(0..100), "{first:?}");
    assert_eq!(first.ids("received"), event_ids(100..150), "{first:?}");
    assert_eq!(world.drain().await, event_ids(0..148));
}

/// A busy function writes 45,000 lines in 15 minutes, which are about 24 pages.
#[tokio::test]
async fn the_log_is_read_once_and_then_only_new_lines() {
    let world = World::new().await;
    world.ci.add((0..125).map(|number| ended(number, 20)));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let address = server::serve(move |_, body| {
        count.fetch_add(1, Ordering::Relaxed);
        let request: Value = serde_json::from_slice(&body).expect("a request is JSON");
        let is_old = request["startTime"].as_i64() < Some(minutes_ago(10).as_millisecond());
        let page = request["nextToken"]
            .as_str()
            .map_or(1, |token| token.parse::<u32>().expect("a page"));
        let mut answer = json!({ "events": [] });
        if is_old && page < 24 {
            answer["nextToken"] = (page + 1).to_string().into();
        }
        // Some pages of CloudWatch are empty although more pages follow.
        if is_old && [1, 24].contains(&page) {
            let line = published(&event_ids([100 + page]));
            answer["events"] = json!([{ "message": line, "timestamp": 1 }]);
        }
        future::ready(server::json(StatusCode::OK, &answer))
    })
    .await;
    let ended = run(with_log(&world, &format!("http://{address}"))).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.ids("received"), event_ids([101, 124]), "{ended:?}");
    assert_eq!(ended.ids("published").len(), 123, "{ended:?}");
    // The pages, a stream, a line for each of thirteen batches, and a read every ten seconds.
    let asked = asked.load(Ordering::Relaxed);
    assert!((38..43).contains(&asked), "{asked} calls");
}

#[tokio::test]
async fn a_lookup_that_cannot_be_recorded_names_each_job() {
    let world = World::new().await;
    world.ci.add((0..15).map(|number| ended(number, 20)));
    let ids: Vec<_> = (0..15).map(job_id).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let arguments = [&["--publish", "--log-group", &world.log.name][..], &ids].concat();
    let mut command = world.of_bucket("lookup", &arguments);
    let refusing = refusing_log(&["PutLogEvents"]).await;
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", refusing);
    let ended = run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for id in event_ids(0..15) {
        assert!(
            ended.stderr.contains(&format!("{id}  published\n")),
            "{id}: {ended:?}"
        );
    }
    assert_eq!(world.drain().await, event_ids(0..15));
}

/// An id may be a signed URL, so the log contains its digest.
#[tokio::test]
async fn an_id_with_illegal_characters_is_replaced_by_its_digest() {
    let world = World::new().await;
    let mut node = snapshot(1);
    node["JobId"] = "https://h/?q-signature=1".into();
    node["EndTime"] = vendor_time(minutes_ago(20)).into();
    world.ci.add([from_node(&node, minutes_ago(21))]);
    let logged = format!(
        "sha256:{}",
        &digest("https://h/?q-signature=1:Success")[..16]
    );
    let first = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(first.ids("published"), [&*logged], "{first:?}");
    assert!(world.log.lines_of_others().await[0].1.contains(&logged));
    let second = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(second.ids("received"), [&*logged], "{second:?}");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_or_written_publishes_nothing() {
    let world = World::new().await;
    world.ci.add([ended(1, 20)]);
    let ended = run(world.of_bucket("reconcile", &["--log-group", "/missing"])).await;
    assert_eq!(ended.code, Some(1));
    let printed = "callbackctl: cannot read the log group /missing: ResourceNotFoundException\n";
    assert_eq!(ended.stderr, printed);
    assert!(world.ci.seen().is_empty(), "no request to Tencent's API");

    // The log can be read, but not written.
    let log = refusing_log(&["CreateLogStream", "PutLogEvents"]).await;
    let ended = run(with_log(&world, &log)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let warning = format!(
        "callbackctl: cannot create a stream in the log group {}: AccessDeniedException",
        world.log.name
    );
    assert!(
        ended.stderr.lines().any(|line| line == warning),
        "{ended:?}"
    );
    assert!(world.drain().await.is_empty());

    // The stream can be created, but no line can be written. The job is published, and the next run publishes
    // it again.
    let log = refusing_log(&["PutLogEvents"]).await;
    let ended = run(with_log(&world, &log)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let warning = "cannot write to the log group";
    assert!(ended.stderr.contains(warning), "{ended:?}");
    assert_eq!(world.drain().await, event_ids([1]));

    // The log is not required with `--all`.
    let mut command = world.of_bucket("reconcile", &["--all", "--tag", "Snapshot"]);
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.drain().await, event_ids([1]));
}

/// Returns the command with another log.
fn with_log(world: &World, endpoint: &str) -> Command {
    let mut command = world.reconcile(&["--tag", "Snapshot"]);
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", endpoint);
    command
}

/// Starts an empty log that rejects these calls, and returns its endpoint.
async fn refusing_log(calls: &'static [&'static str]) -> String {
    let address = server::serve(move |head, _| {
        let target = head.headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        let is_refused =
            target.is_some_and(|target| calls.iter().any(|call| target.ends_with(call)));
        future::ready(if is_refused {
            let error = json!({ "__type": "AccessDeniedException", "message": "s3cret" });
            server::json(StatusCode::BAD_REQUEST, &error)
        } else {
            server::json(StatusCode::OK, &json!({ "events": [] }))
        })
    })
    .await;
    format!("http://{address}")
}
