//! Faults in the middle of a run: nothing is lost, each is reported, and the next run does the rest.

use std::{
    future,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::SignedDuration;

use crate::{
    command::{Ended, World, run},
    fake_ci::{Fault, Part, SECRET_KEY, SECRETS},
    jobs::{BUCKET, ended, event_ids, from_node, minutes_ago, run_of_workflow, vendor_time},
};
use testkit::{
    bodies::{job_id, snapshot},
    fake_aws::{Call, FakeAws, Reply},
    server,
};

const TAGS: [&str; 4] = ["--tag", "Snapshot", "--tag", "Other"];

/// 250 jobs on three pages of one list, and five of another.
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

/// The command with another queue.
fn with_queue(world: &World, aws: &FakeAws) -> Command {
    let mut command = world.reconcile(&TAGS);
    command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
    command.env("QUEUE_URL", aws.url());
    command
}

/// Runs again without faults, and checks that both runs together have published each job once.
async fn assert_next_run_completes(world: &World, first: &Ended) {
    world.ci.recover();
    let second = world.run(&TAGS).await;
    assert_eq!(second.code, Some(0), "{first:?}, {second:?}");
    let counts = "listed 255, ended 255,";
    assert!(second.last_line().starts_with(counts), "{second:?}");
    assert_eq!(world.drain().await, event_ids(0..255), "{first:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
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
async fn a_list_that_fails_says_where_and_the_others_go_on() {
    for (fault, pages, reason) in [
        (Fault::Html(200), 1, "expected no document type declaration"),
        (Fault::Empty, 1, "the answer ends early"),
        (Fault::Truncated, 1, "the answer ends early"),
        (
            Fault::Body("<Response>Service Unavailable</Response>"),
            1,
            "expected elements, but found text",
        ),
        (
            Fault::Body("<Response><Error><Code>InternalError</Code></Error></Response>"),
            1,
            "expected a list",
        ),
        (
            Fault::Body("<Response><NextToken>a&nbsp;b</NextToken></Response>"),
            1,
            "expected a token that can be read",
        ),
        (
            Fault::SameToken,
            2,
            "expected the next page, but found one that repeats",
        ),
        (
            Fault::SamePage,
            1,
            "expected the next page, but found one that repeats",
        ),
        (
            Fault::Error(400, "InvalidArgument"),
            1,
            "InvalidArgument (status 400",
        ),
        (
            Fault::Error(403, "AccessDenied"),
            1,
            "the key does not have this permission",
        ),
        (Fault::Html(403), 1, "an error without a code (status 403"),
        (Fault::Html(404), 1, "an error without a code (status 404"),
    ] {
        let world = filled().await;
        world.ci.fail_at(1, fault.clone());
        let ended = world.run(&TAGS).await;
        assert_eq!(ended.code, Some(1), "{fault:?}: {ended:?}");
        let [printed] = &ended.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{fault:?}: {ended:?}")
        };
        let jobs = pages * 100;
        let place = format!("after {jobs} jobs, the last created at 20");
        let name = format!("callbackctl: the list of Snapshot ended early, {place}");
        assert!(printed.starts_with(&name), "{fault:?}: {printed}");
        let asked = world.ci.seen().into_iter();
        let pages_asked = asked.filter(|seen| {
            seen.parameters
                .get("tag")
                .is_some_and(|tag| tag == "Snapshot")
        });
        assert_eq!(
            pages_asked.count(),
            2,
            "{fault:?}: nothing is asked for in vain"
        );
        let is_named = printed.contains(reason) && printed.contains("request id NjQ3");
        assert!(is_named, "{fault:?}: {printed}");
        let published = event_ids((0..jobs).chain(250..255));
        assert_eq!(ended.ids("published"), published, "{fault:?}");
        assert_next_run_completes(&world, &ended).await;
    }
}

#[tokio::test]
async fn a_vendor_that_stays_down_is_given_up_after_five_tries() {
    let world = filled().await;
    world
        .ci
        .fail_always("Snapshot", Fault::Error(503, "SlowDown"));
    let ended = world.run(&TAGS).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let printed = "callbackctl: the list of Snapshot ended early, at its first page: SlowDown (status \
                503, request id NjQ3)\n";
    assert_eq!(ended.stderr, printed);
    let asked = world.ci.seen().into_iter();
    let tags = asked.filter(|seen| {
        seen.parameters
            .get("tag")
            .is_some_and(|tag| tag == "Snapshot")
    });
    assert_eq!(tags.count(), 5);
    assert_eq!(ended.ids("published"), event_ids(250..255));
    assert_next_run_completes(&world, &ended).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_drips_is_given_up_after_fifteen_seconds() {
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
async fn an_answer_about_the_key_or_the_clock_ends_the_run() {
    for (fault, printed) in [
        (
            Fault::Error(403, "SignatureDoesNotMatch"),
            "SignatureDoesNotMatch (status 403, request id NjQ3): TENCENTCLOUD_SECRET_ID, \
             TENCENTCLOUD_SECRET_KEY or TENCENTCLOUD_TOKEN is wrong",
        ),
        (
            Fault::Error(400, "ExpiredToken"),
            "ExpiredToken (status 400, request id NjQ3): TENCENTCLOUD_SECRET_ID, \
             TENCENTCLOUD_SECRET_KEY or TENCENTCLOUD_TOKEN is wrong",
        ),
        (
            Fault::Error(401, "SecretidNotExist"),
            "SecretidNotExist (status 401, request id NjQ3): TENCENTCLOUD_SECRET_ID, \
             TENCENTCLOUD_SECRET_KEY or TENCENTCLOUD_TOKEN is wrong",
        ),
    ] {
        let world = filled().await;
        world.ci.fail_at(1, fault);
        let ended = world.run(&TAGS).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.stderr, format!("callbackctl: {printed}\n"));
        assert_eq!(world.ci.seen().len(), 2, "nothing more is asked");
        let counts = "listed 100, ended 100, received 0, published 100, left 0";
        assert_eq!(ended.last_line(), counts);
        assert_next_run_completes(&world, &ended).await;
    }
}

#[tokio::test]
async fn a_key_or_a_clock_that_is_wrong_is_said() {
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
        let printed = "TENCENTCLOUD_SECRET_KEY or TENCENTCLOUD_TOKEN is wrong\n";
        assert!(ended.stderr.ends_with(printed), "{ended:?}");
        assert!(!ended.stderr.contains(value), "{ended:?}");
    }
    for (minutes, code) in [(20, "SignatureExpired"), (-20, "RequestTimeTooSkewed")] {
        world.ci.skew(SignedDuration::from_mins(minutes));
        let ended = world.run(&TAGS).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let printed = format!(
            "callbackctl: {code} (status 403, request id NjQ3): this machine's clock is wrong\n"
        );
        assert_eq!(ended.stderr, printed);
    }
}

#[tokio::test]
async fn a_redirect_takes_no_key_along() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let elsewhere = server::serve(move |head, _| {
        log.lock().expect("no test panics in it").push(head.uri);
        future::ready(server::Answer::default())
    })
    .await;
    let world = filled().await;
    world.ci.fail_at(1, Fault::Redirect(elsewhere));
    let ended = world.run(&TAGS).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("(status 302, "), "{ended:?}");
    assert!(asked.lock().expect("no test panics in it").is_empty());
    assert_next_run_completes(&world, &ended).await;
}

#[tokio::test]
async fn a_server_that_repeats_the_key_as_a_code_is_not_quoted() {
    let task = "<Tag>Snapshot</Tag><State>Success</State>";
    let templates = [
        (
            400,
            "<Error><Code>@</Code><Message>@</Message></Error>".to_owned(),
        ),
        (
            400,
            "<Error><Code>Other</Code><RequestId>@</RequestId></Error>".to_owned(),
        ),
        (
            200,
            "<Response><Other>@</Other><RequestId>@</RequestId></Response>".to_owned(),
        ),
        (
            200,
            format!("<Response><JobsDetail><JobId>@</JobId>{task}</JobsDetail></Response>"),
        ),
        (
            200,
            "<Response><JobsDetail><JobId>@</JobId><Input><Input>".to_owned(),
        ),
        (
            200,
            format!(
                "<Response><JobsDetail><JobId>j1</JobId>{task}</JobsDetail><NextToken>@</NextToken></Response>"
            ),
        ),
        (302, "@".to_owned()),
        (200, "<html>@</html>".to_owned()),
    ];
    let parts = [
        Part::Authorization,
        Part::Signature,
        Part::SecretId,
        Part::Token,
    ];
    for part in parts {
        let world = World::new().await;
        world.log.add(&["another:Success".to_owned()]).await;
        for (status, template) in &templates {
            let fault = Fault::Echo(*status, template.clone().leak(), part);
            world.ci.fail_always("Snapshot", fault);
            // It looks for the other secrets in what is written.
            let ended = world.run(&["--tag", "Snapshot"]).await;
            assert_eq!(ended.code, Some(1), "{part:?}, {template}: {ended:?}");
            let messages = world.queue.drain().await;
            let lines = world.log.lines_of_others().await;
            let written = format!("{ended:?} {messages:?} {lines:?}");
            let secrets = SECRETS.map(str::to_owned).into_iter();
            for secret in secrets.chain(world.ci.signatures()) {
                assert!(
                    !written.contains(&secret),
                    "{part:?}, {template}: {written}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_key_in_references_is_neither_printed_nor_published() {
    let world = World::new().await;
    let references: String = SECRET_KEY.bytes().map(|b| format!("&#{b};")).collect();
    let cut = format!(
        "{}<!-- --><![CDATA[{}]]>",
        &SECRET_KEY[..9],
        &SECRET_KEY[9..]
    );
    for key in [references, cut] {
        let body = format!(
            "<Response><JobsDetail><JobId>j1</JobId><Tag>Snapshot</Tag><State>Success</State>\
             <UserData>{key}</UserData></JobsDetail></Response>"
        );
        let body = Fault::Body(body.leak());
        world.ci.fail_always("Snapshot", body.clone());
        world.ci.fail_always("/jobs/j1", body);
        let bucket = ["--bucket", BUCKET, "--region", "ap-guangzhou"];
        let lookup = world.callbackctl(&[&["lookup", "j1"], &bucket[..]].concat());
        for ended in [world.run(&["--tag", "Snapshot"]).await, run(lookup).await] {
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let reason = "the answer repeats the key or the signature";
            assert!(ended.stderr.contains(reason), "{ended:?}");
        }
        assert!(world.drain().await.is_empty());
    }
}

#[tokio::test]
async fn an_earlier_signature_in_upper_case_is_not_quoted() {
    for (status, template) in [
        (
            403,
            "<Error><Code>AccessDenied</Code><RequestId>@</RequestId></Error>",
        ),
        (403, "<Error><Code>@</Code></Error>"),
        (
            200,
            "<Response><JobsDetail><JobId>@</JobId><Tag>T</Tag><State>Success</State></JobsDetail>\
             </Response>",
        ),
        (
            200,
            "<Response><JobsDetail><JobId>j1</JobId><Tag>T</Tag><State>@</State></JobsDetail>\
             </Response>",
        ),
    ] {
        let world = World::new().await;
        world.ci.fail_at(0, Fault::Error(503, "SlowDown"));
        world
            .ci
            .fail_at(1, Fault::Echo(status, template, Part::FirstSignature));
        let ended = world.run(&["--tag", "Snapshot"]).await;
        assert_eq!(ended.code, Some(1), "{template}: {ended:?}");
        let messages = world.queue.drain().await;
        let written = format!("{ended:?} {messages:?}").to_lowercase();
        for signature in world.ci.signatures() {
            assert!(!written.contains(&signature), "{template}: {written}");
        }
    }
}

#[tokio::test]
async fn an_aws_service_that_does_not_answer_is_given_up() {
    let silent = server::serve(|_, _| future::pending::<server::Answer>()).await;
    let silent = format!("http://{silent}");
    let world = World::new().await;
    let mut reconcile = world.reconcile(&["--tag", "Snapshot"]);
    reconcile.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &silent);
    let mut doctor = world.callbackctl(&["doctor", "http://127.0.0.1:9/x"]);
    doctor.env("AWS_ENDPOINT_URL_SQS", &silent);
    // The SDK makes three by default.
    for command in [&mut reconcile, &mut doctor] {
        command.env("AWS_MAX_ATTEMPTS", "1");
    }
    let both = async { tokio::join!(run(reconcile), run(doctor)) };
    let both = tokio::time::timeout(Duration::from_secs(45), both).await;
    let (reconcile, doctor) = both.expect("they end");
    assert_eq!(reconcile.code, Some(1), "{reconcile:?}");
    let name = &world.log.name;
    let printed = format!("callbackctl: cannot read the log group {name}: the request timed out\n");
    assert_eq!(reconcile.stderr, printed);
    let printed = "the queue cannot be read: the request timed out";
    assert!(doctor.stdout.contains(printed), "{doctor:?}");
}

#[tokio::test]
async fn a_run_that_cannot_be_looked_up_or_is_not_over_there_is_left() {
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
        // The vendor lists these although they were not asked for.
        listed(6, "Postponed", "Failed"),
        listed(7, "Postponed", "Postponed"),
        listed(8, "Running", "Running"),
        listed(11, "Success", "Success"),
    ]);
    // Two without an id are two.
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
    let workflow = "w11111111111111111111111111111111";
    let ended = world.run(&["--workflow-id", workflow]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    let unknown = "left: its state is unknown: callbackctl lookup ID --publish sends it";
    let expected = [
        "a job without an id  left: it cannot be looked up".to_owned(),
        "a job without an id  left: it cannot be looked up".to_owned(),
        format!(
            "{}  left: the vendor lists it, and its lookup does not find it",
            id(1)
        ),
        format!(
            "{}  left: it cannot be looked up: expected the end of the XML, but the answer ends \
             early (request id NjQ3)",
            id(2)
        ),
        format!(
            "{}  left: the vendor lists it as over, and its lookup says that it is not",
            id(4)
        ),
        format!(
            "{}  left: it cannot be looked up: expected this run, but found another one (request id \
             NjQ3)",
            id(11)
        ),
        format!("{}:Postponed  {unknown}", id(5)),
        format!("{}:Postponed  {unknown}", id(7)),
        format!("{}:Failed  published", id(6)),
        format!("{}:Success  published", id(3)),
    ];
    assert_eq!(
        lines.pop(),
        Some("listed 11, ended 10, received 0, published 2, left 8")
    );
    lines.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_job_that_cannot_be_read_is_left_and_the_others_go_on() {
    let world = World::new().await;
    let mut broken = ended(1, 20);
    let deep = "<a>".repeat(200) + &"</a>".repeat(200);
    broken.xml = broken
        .xml
        .replace("<Operation>", &format!("<Operation>{deep}"));
    world.ci.add([broken, ended(2, 20)]);
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = format!("{}  left: it cannot be read: ", job_id(1));
    assert!(ended.stdout.contains(&line), "{ended:?}");
    assert_eq!(ended.ids("published"), event_ids([2]));
}

#[tokio::test]
async fn messages_that_the_queue_refuses_keep_no_others_back_and_those_are_sent_once() {
    // The second code says that no message can be sent.
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
        assert_eq!(ended.ids("left"), event_ids([1, 2]), "{ended:?}");
        let counts = "listed 255, ended 255, received 0, published 253, left 2";
        assert_eq!(ended.last_line(), counts);
        let mut sent: Vec<_> = aws.calls().iter().flat_map(Call::ids).collect();
        sent.sort();
        // The refused ones in the batch and by themselves.
        let mut expected = event_ids((0..255).chain([1, 2]));
        expected.sort();
        assert_eq!(sent, expected, "{code}");
        let second = world.run(&TAGS).await;
        assert_eq!(second.ids("published"), event_ids([1, 2]), "{second:?}");
    }
}

#[tokio::test]
async fn a_queue_that_takes_nothing_is_given_up_within_a_minute() {
    for reply in [Reply::Silence, Reply::Error(403, "AccessDeniedException")] {
        let world = filled().await;
        let aws = FakeAws::scripted(&[], reply.clone()).await;
        let begin = Instant::now();
        let ended = run(with_queue(&world, &aws)).await;
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{reply:?}: {ended:?}"
        );
        assert_eq!(ended.code, Some(1), "{reply:?}: {ended:?}");
        let counts = "listed 255, ended 255, received 0, published 0, left 255";
        assert_eq!(ended.last_line(), counts, "{reply:?}");
        let given_up = ended.stdout.matches("left: the queue was given up").count();
        assert_eq!(given_up, 253, "{reply:?}: the others say why");
        assert!(world.log.lines_of_others().await.is_empty(), "{reply:?}");
        assert_next_run_completes(&world, &ended).await;
    }
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
    let counts = "listed 255, ended 255, received 200, published 55, left 0";
    assert_eq!(second.last_line(), counts);
    assert_eq!(world.drain().await, event_ids(0..255));
}
