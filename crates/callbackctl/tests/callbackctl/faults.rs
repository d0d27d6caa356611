//! Tests faults during a run: no job is lost, each fault is reported, and the next run publishes the remaining
//! jobs.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    command::{Ended, World, run},
    fake_ci::Fault,
    jobs::{WORKFLOW, ended, event_ids, from_node, minutes_ago, run_of_workflow, vendor_time},
};
use testkit::{
    bodies::{job_id, snapshot},
    fake_aws::{Call, FakeAws, Reply},
};

const TAGS: [&str; 4] = ["--tag", "Snapshot", "--tag", "Other"];

/// Creates 250 jobs on three pages of one list, and five jobs on another list.
async fn filled() -> World {
    let world = World::new().await;
    world
        .ci
        .add((0..250).map(|number| ended(number, 100 - i64::from(number / 5))));
    world.ci.add((250..255).map(|number| {
        let mut node = snapshot(number);
        node["Tag"] = "Other".into();
        node["EndTime"] = vendor_time(minutes_ago(20)).into();
        from_node(&node, minutes_ago(21))
    }));
    // Prevents the warning that the log is empty.
    world.log.add(&["another:Success".to_owned()]).await;
    world
}

/// Returns the command with another queue.
fn with_queue(world: &World, aws: &FakeAws) -> Command {
    let mut command = world.reconcile(&TAGS);
    command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
    command.env("QUEUE_URL", aws.url());
    command
}

/// Runs again without faults, and checks that the two runs have published each job once.
async fn assert_next_run_completes(world: &World, first: &Ended) {
    world.ci.recover();
    let second = world.run(&TAGS).await;
    assert_eq!(second.code, Some(0), "{first:?}, {second:?}");
    let counts = "listed 255,";
    assert!(second.last_line().starts_with(counts), "{second:?}");
    assert_eq!(world.drain().await, event_ids(0..255), "{first:?}");
}

#[tokio::test]
async fn temporary_faults_are_retried() {
    for fault in [
        Fault::Error(503, "SlowDown"),
        Fault::Error(429, "SlowDown"),
        Fault::Error(500, "InternalError"),
        Fault::Html(502),
        Fault::Close,
    ] {
        let world = filled().await;
        world.ci.fail_at(1, fault.clone());
        world.ci.fail_at(2, fault.clone());
        let ended = world.run(&TAGS).await;
        assert_eq!(ended.code, Some(0), "{fault:?}: {ended:?}");
        assert_eq!(ended.stderr, "", "{fault:?}");
        assert_eq!(world.drain().await, event_ids(0..255), "{fault:?}");
    }
}

#[tokio::test]
async fn a_failed_list_is_reported_and_blocks_no_other() {
    let text = Fault::Body("<Response>Service Unavailable</Response>");
    let other = Fault::Body("<Response><Error><Code>InternalError</Code></Error></Response>");
    let entity = Fault::Body("<Response><NextToken>a&nbsp;b</NextToken></Response>");
    let invalid = Fault::Error(400, "InvalidArgument");
    let denied = Fault::Error(403, "AccessDenied");
    for (fault, reason) in [
        (
            Fault::Html(200),
            "the response has a document type declaration",
        ),
        (Fault::Empty, "the response is empty"),
        (Fault::Truncated, "the response is incomplete"),
        (text, "the response has text between its elements"),
        (other, "the response is not a list"),
        (entity, "unreadable NextToken"),
        (Fault::SameToken, "a page was repeated"),
        (Fault::SamePage, "a page was repeated"),
        (invalid, "InvalidArgument (status 400"),
        (denied, "the API key does not have this permission"),
        (Fault::Html(403), "unknown error (status 403"),
        (Fault::Html(404), "unknown error (status 404"),
    ] {
        let world = filled().await;
        world.ci.fail_at(1, fault.clone());
        let ended = world.run(&TAGS).await;
        assert_eq!(ended.code, Some(1), "{fault:?}: {ended:?}");
        let [printed] = &ended.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{fault:?}: {ended:?}")
        };
        // The second page of this list contains jobs.
        let jobs = if matches!(fault, Fault::SameToken) {
            200
        } else {
            100
        };
        let place = format!("with {jobs} jobs: ");
        let name = format!("callbackctl: the list of Snapshot is incomplete, {place}");
        assert!(printed.starts_with(&name), "{fault:?}: {printed}");
        let asked = world.ci.seen().into_iter();
        let pages_asked = asked.filter(|seen| {
            seen.parameters
                .get("tag")
                .is_some_and(|tag| tag == "Snapshot")
        });
        assert_eq!(pages_asked.count(), 2, "{fault:?}: no unnecessary requests");
        assert!(printed.contains(reason), "{fault:?}: {printed}");
        let published = event_ids((0..jobs).chain(250..255));
        assert_eq!(ended.ids("published"), published, "{fault:?}");
        assert_next_run_completes(&world, &ended).await;
    }
}

#[tokio::test]
async fn after_five_failed_tries_each_list_is_tried_once() {
    let world = filled().await;
    let slow_down = Fault::Error(503, "SlowDown");
    for tag in ["Snapshot", "Tts"] {
        world.ci.fail_always(tag, slow_down.clone());
    }
    let tags = ["Snapshot", "Tts", "Other", "Tts"].map(|tag| ["--tag", tag]);
    let ended = world.run(tags.as_flattened()).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let printed =
        "callbackctl: the list of Snapshot is incomplete, with 0 jobs: SlowDown (status 503)\n";
    assert!(ended.stderr.starts_with(printed), "{ended:?}");
    let asked: Vec<_> = world
        .ci
        .seen()
        .iter()
        .map(|seen| seen.parameters["tag"].clone())
        .collect();
    let tries = |tag: &str, count| vec![tag.to_owned(); count];
    let expected = [
        tries("Snapshot", 5),
        tries("Tts", 1),
        tries("Other", 1),
        tries("Tts", 5),
    ];
    assert_eq!(asked, expected.concat());
    assert_eq!(ended.ids("published"), event_ids(250..255));
    assert_next_run_completes(&world, &ended).await;
}

#[tokio::test]
async fn a_slow_response_times_out_after_fifteen_seconds() {
    for fault in [Fault::Silence, Fault::Drip] {
        let world = filled().await;
        world.ci.fail_at(1, fault.clone());
        let begin = Instant::now();
        let ended = world.run(&TAGS).await;
        let took = begin.elapsed();
        assert_eq!(ended.code, Some(0), "{fault:?}: {ended:?}");
        let is_in_time = (15..25).contains(&took.as_secs());
        assert!(is_in_time, "{fault:?}: {took:?}");
        assert_eq!(world.drain().await, event_ids(0..255), "{fault:?}");
    }
}

#[tokio::test]
async fn an_error_about_the_key_or_the_clock_stops_the_run() {
    let key = "check TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN";
    let clock = "this machine's clock is wrong";
    for (status, code, advice) in [
        (403, "SignatureDoesNotMatch", key),
        (400, "ExpiredToken", key),
        (401, "SecretidNotExist", key),
        (403, "SignatureExpired", clock),
        (403, "RequestTimeTooSkewed", clock),
    ] {
        let printed = format!("{code} (status {status}): {advice}");
        let fault = Fault::Error(status, code);
        let world = filled().await;
        world.ci.fail_at(1, fault);
        let ended = world.run(&TAGS).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.stderr, format!("callbackctl: {printed}\n"));
        assert_eq!(world.ci.seen().len(), 2, "nothing more is asked");
        let counts = "listed 100, received 0, published 100, skipped 0";
        assert_eq!(ended.last_line(), counts);
        assert_next_run_completes(&world, &ended).await;
    }
}

#[tokio::test]
async fn a_wrong_part_of_the_key_is_reported_and_not_printed() {
    let world = filled().await;
    for (name, value) in [
        ("TENCENTCLOUD_SECRET_KEY", "another0secret0key0000000000000"),
        ("TENCENTCLOUD_TOKEN", "another/token"),
        ("TENCENTCLOUD_SECRET_ID", "AKIDanother"),
    ] {
        let mut command = world.reconcile(&TAGS);
        command.env(name, value);
        let ended = run(command).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let printed = "TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN\n";
        assert!(ended.stderr.ends_with(printed), "{ended:?}");
        assert!(!ended.stderr.contains(value), "{ended:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = filled().await;
    world.ci.fail_at(1, Fault::Html(302));
    let ended = world.run(&TAGS).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("(status 302)"), "{ended:?}");
    let seen = world.ci.seen();
    assert!(seen.iter().all(|seen| seen.path != "/elsewhere"));
    assert_next_run_completes(&world, &ended).await;
}

#[tokio::test]
async fn a_run_that_cannot_be_looked_up_is_skipped() {
    let world = World::new().await;
    let id = |number| run_of_workflow(number, "Success", minutes_ago(20)).id;
    let listed = |number, listed: &str, found| {
        let mut run = run_of_workflow(number, found, minutes_ago(20));
        run.state = listed.to_owned();
        run
    };
    world.ci.add_runs([
        listed(1, "Success", "Success"),
        listed(2, "Success", "Success"),
        listed(3, "Success", "Success"),
        listed(4, "Success", "Running"),
        listed(5, "Success", "Postponed"),
        // Tencent lists these jobs although they were not requested.
        listed(6, "Postponed", "Failed"),
        listed(7, "Postponed", "Postponed"),
        listed(8, "Running", "Running"),
        listed(11, "Success", "Success"),
    ]);
    // Two jobs without an id are different jobs.
    world.ci.add_runs([30, 31].map(|minutes| {
        let mut run = run_of_workflow(9, "Success", minutes_ago(minutes));
        run.id = String::new();
        run
    }));
    let path = |number| format!("/workflowexecution/{}", id(number));
    world
        .ci
        .fail_always(&path(1), Fault::Error(404, "ResourceNotFound"));
    world.ci.fail_always(&path(2), Fault::Truncated);
    let other = "<Response><WorkflowExecution><RunId>i0</RunId></WorkflowExecution></Response>";
    world.ci.fail_always(&path(11), Fault::Body(other));
    world.ci.fail_always("/workflowexecution", Fault::AllStates);
    let ended = world.run(&["--workflow-id", WORKFLOW]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    let unknown = "skipped: unknown state: publish the job with callbackctl lookup ID --publish";
    let expected = [
        "unknown id  skipped: cannot look up a run without an id".to_owned(),
        "unknown id  skipped: cannot look up a run without an id".to_owned(),
        format!("{}  skipped: listed, but not found by the lookup", id(1)),
        format!(
            "{}  skipped: lookup failed: the response is incomplete or not well-formed",
            id(2)
        ),
        format!(
            "{}  skipped: listed as ended, but the lookup reports it running",
            id(4)
        ),
        format!("{}  skipped: listed, but not found by the lookup", id(11)),
        format!("{}:Postponed  {unknown}", id(5)),
        format!("{}:Postponed  {unknown}", id(7)),
        format!("{}:Failed  published", id(6)),
        format!("{}:Success  published", id(3)),
    ];
    assert_eq!(
        lines.pop(),
        Some("listed 11, received 0, published 2, skipped 8")
    );
    lines.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_unreadable_job_is_skipped_and_blocks_no_other() {
    let world = World::new().await;
    let mut broken = ended(1, 20);
    let deep = "<a>".repeat(200) + &"</a>".repeat(200);
    broken.xml = broken
        .xml
        .replace("<Operation>", &format!("<Operation>{deep}"));
    world.ci.add([broken, ended(2, 20)]);
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = format!("{}  skipped: unreadable: ", job_id(1));
    assert!(ended.stdout.contains(&line), "{ended:?}");
    assert_eq!(ended.ids("published"), event_ids([2]));
}

#[tokio::test]
async fn a_rejected_message_blocks_no_other_and_repeats_none() {
    // The second code applies to all messages.
    for code in ["InvalidParameterValue", "InvalidAttributeName"] {
        let world = filled().await;
        let refused = Reply::Error(400, "InvalidMessageContents");
        let script = [
            Reply::RefuseEntries(&[1, 2], code),
            refused.clone(),
            refused,
        ];
        let aws = FakeAws::scripted(&script, Reply::Accept).await;
        let ended = run(with_queue(&world, &aws)).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.ids("skipped"), event_ids([1, 2]), "{ended:?}");
        let counts = "listed 255, received 0, published 253, skipped 2";
        assert_eq!(ended.last_line(), counts);
        let mut sent: Vec<_> = aws.calls().iter().flat_map(Call::ids).collect();
        sent.sort();
        // The rejected messages are sent in the batch and again one by one.
        let mut expected = event_ids((0..255).chain([1, 2]));
        expected.sort();
        assert_eq!(sent, expected, "{code}");
        let second = world.run(&TAGS).await;
        assert_eq!(second.ids("published"), event_ids([1, 2]), "{second:?}");
    }
}

#[tokio::test]
async fn a_queue_that_accepts_nothing_stops_the_run_within_a_minute() {
    for reply in [Reply::Silence, Reply::Error(403, "AccessDeniedException")] {
        let world = filled().await;
        let aws = FakeAws::scripted(&[], reply.clone()).await;
        let begin = Instant::now();
        let ended = run(with_queue(&world, &aws)).await;
        let is_in_time = begin.elapsed() < Duration::from_secs(60);
        assert!(is_in_time, "{reply:?}: {ended:?}");
        assert_eq!(ended.code, Some(1), "{reply:?}: {ended:?}");
        let counts = "listed 100, received 0, published 0, skipped 20";
        assert_eq!(ended.last_line(), counts, "{reply:?}");
        let stopped = "callbackctl: stopped after two consecutive queue failures\n";
        assert_eq!(ended.stderr, stopped, "{reply:?}");
        assert!(world.log.lines_of_others().await.is_empty(), "{reply:?}");
        assert_next_run_completes(&world, &ended).await;
    }
}

#[tokio::test]
async fn no_request_starts_after_the_time_limit() {
    let world = filled().await;
    let ended = world
        .run(&[&TAGS[..], &["--time-limit", "0s"]].concat())
        .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr, "callbackctl: time limit exceeded\n");
    assert!(world.ci.seen().is_empty());
    assert_next_run_completes(&world, &ended).await;
}

#[tokio::test]
async fn a_run_that_is_killed_loses_nothing() {
    let world = filled().await;
    world.ci.fail_at(2, Fault::Pause);
    let mut command = world.reconcile(&TAGS);
    command.stdout(std::process::Stdio::null());
    let mut child = command.spawn().expect("cargo has built it");
    world.ci.wait_for(3).await;
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
    world.ci.resume();
    world.ci.recover();
    let second = world.run(&TAGS).await;
    assert_eq!(second.code, Some(0), "{second:?}");
    let counts = "listed 255, received 200, published 55, skipped 0";
    assert_eq!(second.last_line(), counts);
    assert_eq!(world.drain().await, event_ids(0..255));
}

#[tokio::test]
async fn an_unreachable_host_is_named_with_the_cause() {
    let world = World::new().await;
    for (host, cause) in [
        ("nowhere.invalid", "failed to lookup address information"),
        ("127.0.0.1:9", "Connection refused"),
    ] {
        let lookup = ["lookup", "j1", "--bucket", "b-1", "--region", "r"];
        let mut command = world.callbackctl(&lookup);
        command.env("CI_ENDPOINT_URL", format!("http://{host}"));
        let ended = run(command).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let reason = format!("callbackctl: j1: lookup failed: {host}: connection failed: {cause}");
        assert!(ended.stderr.starts_with(&reason), "{ended:?}");
    }
}
