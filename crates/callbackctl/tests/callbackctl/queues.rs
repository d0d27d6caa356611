//! `callbackctl queues`: why nothing arrives.

use crate::{
    command::{Ended, World, run},
    fake_ci::{Fault, SECRET_ID, SECRETS},
    jobs::BUCKET,
};

/// Its token is one of the secrets that nothing may show.
fn own_url() -> String {
    format!("https://own.example/{}", SECRETS[4])
}

async fn queues(world: &World, arguments: &[&str]) -> Ended {
    let bucket = ["queues", "--bucket", BUCKET, "--region", "ap-guangzhou"];
    run(world.callbackctl(&[&bucket[..], arguments].concat())).await
}

fn queue(id: &str, state: &str, notify: &str) -> String {
    format!(
        "<QueueList><QueueId>{id}</QueueId><Name>queue-1</Name><State>{state}</State>\
         <NotifyConfig>{notify}</NotifyConfig><BucketId>{BUCKET}</BucketId></QueueList>"
    )
}

fn notify(url: &str, event: &str, state: &str) -> String {
    format!("<Url>{url}</Url><Event>{event}</Event><Type>Url</Type><State>{state}</State>")
}

#[tokio::test]
async fn queues_that_do_not_call_the_receiver_for_each_job_are_marked() {
    let world = World::new().await;
    let own = own_url();
    let events = "TaskFinish,WorkflowFinish";
    let elsewhere = own.replace("own", "other");
    let other_token = own.replace("quoted", "outdated0quoted");
    let mq = "<Type>TDMQ</Type><Event>TaskFinish</Event><State>On</State>";
    let cases = [
        (
            "/queue",
            queue("p1", "Active", &notify(&own, events, "On")),
            "",
        ),
        (
            "/queue",
            queue("p2", "Paused", &notify(&own, events, "On")),
            "the queue is not active",
        ),
        (
            "/queue",
            queue("p3", "Active", &notify(&elsewhere, events, "On")),
            "it calls another host",
        ),
        (
            "/picqueue",
            queue("p4", "Active", &notify(&other_token, events, "On")),
            "it calls this host with another path or token",
        ),
        // A mistake in the URL puts the secret right after the host.
        (
            "/picqueue",
            queue(
                "pb",
                "Active",
                &notify(&own.replace("e/", "e;"), events, "On"),
            ),
            "it calls another host",
        ),
        (
            "/docqueue",
            queue("p5", "Active", &notify(&own, events, "Off")),
            "its callbacks are switched off",
        ),
        (
            "/asrqueue",
            queue("p6", "Active", &notify(&own, "TransCodingFinish", "On")),
            "it reports other events than TaskFinish",
        ),
        (
            "/ai_queue",
            queue("p7", "Active", &notify(&own, events, "Success")),
            "it does not report failures",
        ),
        (
            "/ai_queue",
            queue("pc", "Active", &notify(&own, events, "Failed")),
            "it does not report successes",
        ),
        (
            "/ai_queue",
            queue("pd", "Active", &notify(&own, "NoTaskFinish", "On")),
            "it reports other events than TaskFinish",
        ),
        (
            "/ai_queue",
            queue("p8", "Active", &notify(&own, events, "Success,Failed")),
            "",
        ),
        (
            "/file_queue",
            queue("p9", "Active", mq),
            "it reports elsewhere than to a URL",
        ),
        (
            "/file_queue",
            queue("pa", "Paused", ""),
            "the queue is not active; it has no callback URL",
        ),
    ];
    for (path, queue, _) in &cases {
        world.ci.add_queue(path, queue);
    }
    let marked = queues(&world, &["--url", &own]).await;
    assert_eq!(marked.code, Some(1), "{marked:?}");
    let lines: Vec<_> = marked.stdout.lines().collect();
    assert_eq!(lines.len(), cases.len(), "{marked:?}");
    for (line, (_, queue, wrong)) in lines.iter().zip(&cases) {
        let found = line.split_once("  wrong: ").map_or("", |(_, wrong)| wrong);
        assert_eq!(found, *wrong, "{queue}: {line}");
    }
    let shown = "p1  queue-1  Active  https://own.example/…sha256:";
    assert!(lines[0].starts_with(shown), "{marked:?}");
    assert!(
        lines[0].ends_with("  TaskFinish,WorkflowFinish  On"),
        "{marked:?}"
    );

    // Without `--url` it prints the queues and marks none.
    let shown = queues(&world, &[]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(!shown.stdout.contains("wrong"), "{shown:?}");
}

#[tokio::test]
async fn all_queues_of_all_services_are_asked_for() {
    let world = World::new().await;
    for number in 0..120 {
        let queue = queue(
            &format!("p{number}"),
            "Active",
            &notify(&own_url(), "TaskFinish", "On"),
        );
        world.ci.add_queue("/queue", &queue);
    }
    world
        .ci
        .fail_always("/docqueue", Fault::Error(403, "MediaBucketUnBinded"));
    let good = queues(&world, &["--url", &own_url()]).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    assert_eq!(good.stdout.lines().count(), 120);
    let printed = "callbackctl: /docqueue: the bucket has no such service: MediaBucketUnBinded (status \
                403, request id NjQ3)\n";
    assert_eq!(good.stderr, printed);

    world
        .ci
        .fail_always("/asrqueue", Fault::Error(403, "AccessDenied"));
    let failed = queues(&world, &[]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.stderr.contains("/asrqueue: AccessDenied"),
        "{failed:?}"
    );
    world
        .ci
        .fail_always("/queue", Fault::Error(403, "SignatureDoesNotMatch"));
    let ended = queues(&world, &[]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a_bucket_without_any_service_is_a_failure() {
    let world = World::new().await;
    for path in [
        "/queue",
        "/picqueue",
        "/docqueue",
        "/asrqueue",
        "/ai_queue",
        "/file_queue",
    ] {
        let absent = Fault::Error(404, "ResourceNotFound");
        world.ci.fail_always(path, absent);
    }
    let ended = queues(&world, &["--url", &own_url()]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let failure =
        "callbackctl: the vendor has no queues of this bucket: is no service bound to it?\n";
    assert!(ended.stderr.ends_with(failure), "{ended:?}");
}

#[tokio::test]
async fn a_field_that_holds_a_url_the_token_or_the_key_is_not_shown() {
    let world = World::new().await;
    let own = own_url();
    for (number, text) in [&*own, SECRETS[4], SECRET_ID, "https://other.example/s3cret"]
        .into_iter()
        .enumerate()
    {
        let notify = notify(&own, &format!("{text},TaskFinish"), text);
        let queue = queue(text, text, &notify).replace("queue-1", text);
        world.ci.add_queue("/queue", &queue);
        // It looks for the secrets in what is written.
        let shown = queues(&world, &["--url", &own]).await;
        let line = shown.stdout.lines().nth(number).unwrap_or_default();
        assert!(line.starts_with("-  -  -  https://own.example/"), "{line}");
        assert!(line.contains("  -  -  wrong: "), "{line}");
        assert!(!shown.stdout.contains("s3cret"), "{shown:?}");
    }
}
