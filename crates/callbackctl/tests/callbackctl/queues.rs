//! Tests `callbackctl queues`.

use crate::{
    command::{Ended, World, run},
    fake_ci::{Fault, SECRETS},
    jobs::BUCKET,
};

/// Its token is one of the secrets that no output may contain.
fn own_url() -> String {
    format!("https://own.example/{}", SECRETS[4])
}

async fn queues(world: &World, arguments: &[&str]) -> Ended {
    run(world.of_bucket("queues", arguments)).await
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

/// The path of the list, the queue's state, the owner of its callback URL, events, callbacks, and the expected
/// problem.
const QUEUES: &str = "\
/queue|Active|own|TaskFinish,WorkflowFinish|On|
/queue|Paused|own|TaskFinish|On|the queue is not active
/queue|Active|other host|TaskFinish|On|its callback URL has another host
/picqueue|Active|other token|TaskFinish|On|its callback URL has another path or token
/picqueue|Active|mistake|TaskFinish|On|its callback URL has another host
/docqueue|Active|own|TaskFinish|Off|its callbacks are disabled
/asrqueue|Active|own|TransCodingFinish|On|it does not report TaskFinish
/asrqueue|Active|own|NoTaskFinish|On|it does not report TaskFinish
/ai_queue|Active|own|TaskFinish|Success|it does not report failures
/ai_queue|Active|own|TaskFinish|Failed|it does not report successes
/ai_queue|Active|own|TaskFinish|Success,Failed|
/file_queue|Active|message queue|TaskFinish|On|its callbacks do not go to a URL
/file_queue|Paused|none|TaskFinish|On|the queue is not active; it has no callback URL";

#[tokio::test]
async fn queues_that_do_not_report_every_job_are_flagged() {
    let world = World::new().await;
    let own = own_url();
    for line in QUEUES.lines() {
        let columns: Vec<_> = line.split('|').collect();
        let [path, queue_state, target, events, state, _] = columns[..] else {
            panic!("six columns: {line}")
        };
        let notify = match target {
            "own" => notify(&own, events, state),
            "other host" => notify(&own.replace("own", "other"), events, state),
            "other token" => notify(&own.replace("quoted", "outdated0quoted"), events, state),
            // The token directly follows the host.
            "mistake" => notify(&own.replace("e/", "e;"), events, state),
            "message queue" => format!("<Type>TDMQ</Type><Event>{events}</Event>"),
            _ => String::new(),
        };
        world.ci.add_queue(path, &queue("p1", queue_state, &notify));
    }
    let marked = queues(&world, &["--url", &own]).await;
    assert_eq!(marked.code, Some(1), "{marked:?}");
    let found = marked
        .stdout
        .lines()
        .map(|line| line.split_once("  wrong: ").map_or("", |(_, wrong)| wrong));
    let expected = QUEUES.lines().filter_map(|line| line.rsplit('|').next());
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    let first = marked.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("p1  queue-1  Active  own.example…sha256:"),
        "{first}"
    );
    assert!(
        first.ends_with("  TaskFinish,WorkflowFinish  On"),
        "{first}"
    );

    // Without `--url`, the queues are not checked.
    let shown = queues(&world, &[]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(!shown.stdout.contains("wrong"), "{shown:?}");
}

#[tokio::test]
async fn all_queues_of_all_services_are_listed() {
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
    let printed = "callbackctl: /docqueue: the service is not enabled for this bucket: MediaBucketUnBinded \
                (status 403)\n";
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
    let failure = "callbackctl: no queues found: check that a service is enabled for this bucket\n";
    assert!(ended.stderr.ends_with(failure), "{ended:?}");
}

/// Only words are printed, and no word is as long as a token.
#[tokio::test]
async fn only_the_host_and_a_digest_of_a_url_are_printed() {
    let world = World::new().await;
    let token = "0123456789abcdef".repeat(4);
    let urls =
        ["/", "?token=", "#", ":", ";", "@", "%2F"].map(|mark| format!("https://h{mark}{token}"));
    for url in urls.iter().chain([&token]) {
        let notify = notify(url, &token, url);
        let queue = queue(&token, url, &notify).replace("queue-1", url);
        world.ci.add_queue("/queue", &queue);
    }
    let shown = queues(&world, &[]).await;
    assert!(!shown.stdout.contains(&token), "{shown:?}");
    for (line, host) in shown
        .stdout
        .lines()
        .zip(["h", "h", "h", "", "", "", "", ""])
    {
        assert!(
            line.starts_with(&format!("-  -  -  {host}…sha256:")),
            "{line}"
        );
        assert!(line.ends_with("  -  -"), "{line}");
    }
}
