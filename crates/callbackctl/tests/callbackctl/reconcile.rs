//! Tests which jobs are found and published.

use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    command::{World, run},
    fake_ci::Fault,
    jobs::{
        BUCKET, Job, WORKFLOW, ended, ended_at, event_ids, from_node, minutes_ago, run_of_workflow,
        task, vendor_time,
    },
};
use testkit::{
    bodies::{event_id, large, snapshot},
    bucket::Bucket,
};

#[tokio::test]
async fn the_missing_ones_of_250_jobs_are_published_and_no_others() {
    let world = World::new().await;
    // Of ten jobs, seven were received, one is missing, one is running, and one ended long ago.
    world.ci.add((0..250).map(|number| match number % 10 {
        8 => task(number, "Running", minutes_ago(60), None),
        9 => ended(number, 300),
        _ => ended(number, 10 + i64::from(number % 100)),
    }));
    let arrived = (0..250).filter(|number| number % 10 < 7);
    world.log.add(&event_ids(arrived.clone())).await;

    let missing = event_ids((0..250).filter(|number| number % 10 == 7));
    let first = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    // Tencent does not list running jobs.
    let counts = "listed 225, received 175, published 25, skipped 0";
    assert_eq!(first.last_line(), counts);
    assert_eq!(first.ids("published"), missing);
    assert_eq!(first.ids("received"), event_ids(arrived));
    assert_eq!(first.stderr, "");
    assert_eq!(world.drain().await, missing);

    let second = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(second.code, Some(0), "{second:?}");
    let counts = "listed 225, received 200, published 0, skipped 0";
    assert_eq!(second.last_line(), counts);
    assert!(world.drain().await.is_empty());
}

#[tokio::test]
async fn jobs_outside_the_time_window_are_ignored() {
    let world = World::new().await;
    let ago = |minutes, seconds| minutes_ago(minutes) + SignedDuration::from_secs(seconds);
    let year_9999 = "9999-01-01T00:00:00Z".parse().expect("a time of a test");
    world.ci.add([
        ended_at(1, ago(60, -20)),
        ended_at(2, ago(60, 20)),
        ended_at(3, ago(10, -20)),
        ended_at(4, ago(10, 20)),
        // Created exactly the maximum duration of a job before its end, and earlier.
        task(5, "Failed", ago(120, 40), Some(minutes_ago(30))),
        task(6, "Failed", ago(120, -40), Some(minutes_ago(30))),
        // Ended, without an end time.
        task(7, "Cancel", minutes_ago(90), None),
        task(8, "Pause", minutes_ago(30), None),
        // This end time is impossible.
        task(9, "Failed", minutes_ago(90), Some(year_9999)),
    ]);
    let window = ["--since", "1h", "--until", "10m", "--longest-job", "1h"];
    let ended = world
        .run(&[&["--tag", "Snapshot"], &window[..]].concat())
        .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let id = |number, state| event_id(number).replace("Success", state);
    let expected = [
        event_id(2),
        event_id(3),
        id(5, "Failed"),
        id(7, "Cancel"),
        id(9, "Failed"),
    ];
    assert_eq!(ended.ids("published"), expected);
    assert_eq!(world.drain().await, expected);
}

#[tokio::test]
async fn listed_jobs_that_have_not_ended_are_ignored() {
    let world = World::new().await;
    let states = ["Submitted", "Running", "Pause", "Auditing"];
    let created = minutes_ago(30);
    world.ci.add((1..).zip(states).map(|(number, state)| {
        // Some samples nevertheless have an end time.
        task(number, state, created, Some(minutes_ago(20)))
    }));
    world.ci.add([ended(9, 20)]);
    world.ci.fail_always("Snapshot", Fault::AllStates);
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = "listed 5, received 0, published 1, skipped 0";
    assert_eq!(ended.last_line(), counts);
    assert_eq!(world.drain().await, event_ids([9]));
}

#[tokio::test]
async fn a_missing_job_with_an_unknown_state_is_skipped() {
    let world = World::new().await;
    let created = minutes_ago(400);
    let postponed = |number, end| task(number, "Postponed", created, end);
    world.ci.add([
        postponed(1, Some(minutes_ago(20))),
        postponed(2, None),
        postponed(3, Some(minutes_ago(20))),
        // Outside the time window.
        postponed(4, Some(minutes_ago(300))),
    ]);
    world.ci.fail_always("Snapshot", Fault::AllStates);
    let id = |number| event_id(number).replace("Success", "Postponed");
    world.log.add(&[id(3)]).await;
    for arguments in [
        &["--tag", "Snapshot"][..],
        &["--tag", "Snapshot", "--dry-run"],
    ] {
        let ended = world.run(arguments).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.ids("skipped"), [id(1), id(2)], "{ended:?}");
        assert_eq!(ended.ids("received"), [id(3)], "{ended:?}");
        assert!(
            ended.last_line().ends_with("published 0, skipped 2"),
            "{ended:?}"
        );
    }
    assert!(world.drain().await.is_empty());
}

#[tokio::test]
async fn a_job_without_an_end_is_searched_in_the_whole_log() {
    let world = World::new().await;
    world.ci.add([task(1, "Failed", minutes_ago(900), None)]);
    let id = event_id(1).replace("Success", "Failed");
    let earlier = minutes_ago(890);
    world.log.add_at(std::slice::from_ref(&id), earlier).await;
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.ids("received"), [id], "{ended:?}");
    assert!(world.drain().await.is_empty());
}

#[tokio::test]
async fn workflow_runs_are_looked_up_and_get_the_requested_bucket() {
    let world = World::new().await;
    let arrived = run_of_workflow(3, "Failed", minutes_ago(30));
    world.log.add(&[format!("{}:Failed", arrived.id)]).await;
    world.ci.add_runs([
        run_of_workflow(1, "Success", minutes_ago(20)),
        run_of_workflow(2, "Running", minutes_ago(20)),
        arrived,
        // It is listed because of its creation time, but ended too early.
        run_of_workflow(4, "Success", minutes_ago(180)),
    ]);
    let ended = world.run(&["--workflow-id", WORKFLOW]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let counts = "listed 3, received 1, published 1, skipped 0";
    assert_eq!(ended.last_line(), counts);
    let [message] = &world.queue.drain().await[..] else {
        panic!("one run was missing: {ended:?}")
    };
    let event = message.event();
    let run = run_of_workflow(1, "Success", minutes_ago(20));
    assert_eq!(event["id"], format!("{}:Success", run.id));
    assert_eq!(event["type"], "com.tencent.ci.workflow.succeeded");
    assert_eq!(event["data"]["event"], "WorkflowFinish");
    assert_eq!(event["data"]["input"]["bucket"], BUCKET);
    assert_eq!(event["data"]["detail"]["BucketId"], BUCKET);
    assert_eq!(event["data"]["detail"]["RequestId"], Value::Null);
    assert_eq!(message.group.as_deref(), Some(BUCKET));

    let ended = world.run(&["--workflow-id", "another"]).await;
    assert!(ended.last_line().starts_with("listed 0,"), "{ended:?}");
}

/// A failed or cancelled run ends later than the last known end of its tasks.
#[tokio::test]
async fn a_run_with_an_unknown_end_belongs_to_every_window() {
    let world = World::new().await;
    let end = minutes_ago(300);
    let one_task_ended = format!("<EndTime>{}</EndTime>", vendor_time(end));
    let mut expected = Vec::new();
    for (number, (state, of_the_last_task, of_the_run, is_published)) in (1..).zip([
        ("Cancel", "<EndTime>-</EndTime>", "", true),
        ("Failed", "", "", true),
        ("Failed", &*one_task_ended, "", true),
        ("Failed", &*one_task_ended, "<EndTime>-</EndTime>", true),
        ("Success", "<EndTime>soon</EndTime>", "", true),
        ("Success", &*one_task_ended, "", false),
        ("Failed", "", &*one_task_ended, false),
    ]) {
        let mut run = run_of_workflow(number, state, end);
        run.xml = run.xml.replace(&one_task_ended, of_the_last_task);
        run.xml = run.xml.replace("<RunId>", &format!("{of_the_run}<RunId>"));
        expected.extend(is_published.then(|| format!("{}:{state}", run.id)));
        world.ci.add_runs([run]);
    }
    let ended = world.run(&["--workflow-id", WORKFLOW]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.ids("published"), expected, "{ended:?}");
}

/// The function accepts these nodes, so the message is the same.
#[tokio::test]
async fn text_between_the_elements_of_a_job_blocks_no_job() {
    let world = World::new().await;
    let with = |text: &str, mut job: Job| {
        let (name, rest) = job.xml.split_once('>').expect("it has a tag");
        job.xml = format!("{name}>{text}{rest}");
        job
    };
    world.ci.add([
        ended(1, 20),
        with("x", ended(2, 20)),
        with("<![CDATA[ ]]>", ended(3, 20)),
        with("&lt;", ended(4, 20)),
    ]);
    world
        .ci
        .add_runs([with("x", run_of_workflow(5, "Success", minutes_ago(20)))]);
    for (arguments, texts) in [
        (
            ["--tag", "Snapshot"],
            &[Value::Null, "x".into(), Value::Null, "<".into()][..],
        ),
        (["--workflow-id", WORKFLOW], &["x".into()]),
    ] {
        let ended = world.run(&arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let mut messages: Vec<_> = world.queue.drain().await;
        messages.sort_by_key(|message| message.event()["id"].to_string());
        let found: Vec<_> = messages
            .iter()
            .map(|message| message.event()["data"]["detail"]["#text"].clone())
            .collect();
        assert_eq!(found, texts, "{ended:?}");
    }
}

#[tokio::test]
async fn a_page_without_jobs_ends_a_list_although_it_has_a_token() {
    let world = World::new().await;
    world.log.add(&["another:Success".to_owned()]).await;
    let empty = Fault::Body("<Response><NextToken>t</NextToken></Response>");
    world.ci.fail_always("Snapshot", empty.clone());
    world.ci.fail_always("Other", empty);
    let ended = world.run(&["--tag", "Snapshot", "--tag", "Other"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn an_error_besides_the_jobs_of_a_page_fails_the_list() {
    let world = World::new().await;
    let body = format!(
        "<Response>{}<Error><Code>InternalError</Code></Error></Response>",
        ended(1, 20).xml
    );
    world.ci.fail_always("Snapshot", Fault::Body(body.leak()));
    let ended = world.run(&["--tag", "Snapshot"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.ids("published"), event_ids([1]), "{ended:?}");
    let reason = "the page contains an error besides its jobs";
    assert!(ended.stderr.contains(reason), "{ended:?}");
}

#[tokio::test]
async fn without_a_filter_every_tag_and_all_runs_are_listed() {
    let world = World::new().await;
    let of_tag = |number: u32, tag: &str| {
        let mut node = snapshot(number);
        node["Tag"] = tag.into();
        node["EndTime"] = vendor_time(minutes_ago(20)).into();
        from_node(&node, minutes_ago(21))
    };
    let tags = [
        "Transcode",
        "PicProcess",
        "ImageInspect",
        "DocProcess",
        "FileUncompress",
        "SoundHound",
        "Tts",
    ];
    world
        .ci
        .add((1..).zip(tags).map(|(number, tag)| of_tag(number, tag)));
    world
        .ci
        .add_runs([run_of_workflow(9, "Success", minutes_ago(20))]);
    // Tencent may reject undocumented tags, and a service may be missing.
    world
        .ci
        .fail_always("DNA", Fault::Error(400, "InvalidArgument"));
    world
        .ci
        .fail_always("DocWatermark", Fault::Error(403, "MediaBucketUnBinded"));
    let ended = world.run(&[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut expected = event_ids(1..=7);
    expected.insert(0, format!("i{:032x}:Success", 9));
    expected.sort();
    assert_eq!(world.drain().await, expected);
    let printed: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(
        printed[1..],
        [
            "callbackctl: no list of DNA: InvalidArgument (status 400)",
            "callbackctl: no list of DocWatermark DocProcess: MediaBucketUnBinded (status \
             403)",
        ]
    );
    assert!(
        printed[0].contains("no published events in the log group"),
        "{printed:?}"
    );

    // The rejection of a documented or requested tag is a failure.
    world
        .ci
        .fail_always("Tts", Fault::Error(400, "InvalidArgument"));
    for arguments in [
        &["--tag", "Tts"][..],
        &["--tag", "DNA"],
        &["--tag", "DocWatermark"],
    ] {
        assert_eq!(world.run(arguments).await.code, Some(1), "{arguments:?}");
    }
}

#[tokio::test]
async fn queue_ids_select_tasks_and_an_unknown_one_is_a_failure() {
    let world = World::new().await;
    let known = ended(1, 20);
    let queue = known.queue.clone();
    let mut other = ended(2, 20);
    other.queue = "pother".to_owned();
    world.ci.add([known, other]);
    world
        .ci
        .fail_always("pmisspelt", Fault::Error(404, "QueueNotFound"));
    let ended = world
        .run(&["--queue-id", &queue, "--queue-id", "pmisspelt"])
        .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.ids("published"), event_ids([1]));
    let failure = "callbackctl: no lists found for the queue pmisspelt: check its id\n";
    assert!(ended.stderr.ends_with(failure), "{ended:?}");
    assert_eq!(ended.stderr.matches("check its id").count(), 1);
}

#[tokio::test]
async fn a_job_on_two_pages_is_published_once() {
    let world = World::new().await;
    world.ci.add((0..150).map(|number| ended(number, 20)));
    // The job is on the first page, and again at the end of the second page.
    world.ci.add([ended(9, 20)]);
    let ended = world.run(&["--tag", "Snapshot"]).await;
    let counts = "listed 150, received 0, published 150, skipped 0";
    assert_eq!(ended.last_line(), counts, "{ended:?}");
    assert_eq!(world.drain().await, event_ids(0..150));
}

#[tokio::test]
async fn a_dry_run_publishes_and_records_nothing() {
    let world = World::new().await;
    world
        .ci
        .add((0..25).map(|number| ended(number, 60 - i64::from(number))));
    let dry = world.run(&["--tag", "Snapshot", "--dry-run"]).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(dry.ids("would be published"), event_ids(0..25));
    let counts = "listed 25, received 0, would be published 25, skipped 0";
    assert_eq!(dry.last_line(), counts);
    assert!(world.drain().await.is_empty());
    assert!(world.log.lines_of_others().await.is_empty());
}

#[tokio::test]
async fn lines_can_be_json() {
    let world = World::new().await;
    world.ci.add([ended(1, 20), ended(2, 20)]);
    world.log.add(&event_ids([2])).await;
    let ended = world.run(&["--tag", "Snapshot", "--json"]).await;
    let lines = ended.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let [received, published, counts] = &lines[..] else {
        panic!("{ended:?}")
    };
    let line = |id: u32, result: &str| serde_json::json!({ "id": event_id(id), "result": result });
    assert_eq!(*received, line(2, "received"));
    assert_eq!(*published, line(1, "published"));
    let expected = serde_json::json!({ "listed": 2, "received": 1, "published": 1, "skipped": 0 });
    assert_eq!(*counts, expected);
}

#[tokio::test]
async fn an_oversize_job_goes_by_the_vault_and_blocks_no_other() {
    let world = World::new().await;
    let mut node = large(1, 20_000);
    node["EndTime"] = vendor_time(minutes_ago(20)).into();
    let large: Job = from_node(&node, minutes_ago(21));
    world.ci.add([large, ended(2, 20), ended(3, 20)]);
    let arguments = ["--tag", "Snapshot"];
    let mut command = world.reconcile(&arguments);
    command.env("QUEUE_MAX_BYTES", "8192");
    let without = run(command).await;
    assert_eq!(without.code, Some(1), "{without:?}");
    assert_eq!(without.ids("skipped"), event_ids([1]));
    assert_eq!(world.drain().await, event_ids([2, 3]));

    let vault = Bucket::create().await;
    let mut command = world.reconcile(&arguments);
    command.env("QUEUE_MAX_BYTES", "8192");
    command.env("VAULT_BUCKET", &vault.name);
    let with = run(command).await;
    assert_eq!(with.code, Some(0), "{with:?}");
    assert_eq!(with.ids("published"), event_ids([1]));
    let [message] = &world.queue.drain().await[..] else {
        panic!("{with:?}")
    };
    let pointer = message.event();
    let objects = vault.objects().await;
    let key = pointer[1]["s3Key"]
        .as_str()
        .expect("it points to an object");
    let event: Value = serde_json::from_slice(&objects[key].body).expect("a message is JSON");
    assert_eq!(event["id"], event_id(1));
}
