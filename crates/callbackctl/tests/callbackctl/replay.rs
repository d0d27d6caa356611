//! Tests `callbackctl replay`: no body of the vault is lost.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::command::{self, Ended, run};
use testkit::{
    bodies::{event_id, probe, snapshot, tasks, to_json, to_xml},
    bucket::Bucket,
    fake_aws::{Call, FakeAws, Reply},
    proxy::{self, Broken},
    queue::{ReceivedMessage, TestQueue},
};

/// Returns `callbackctl replay` with the URL of a queue.
fn replay(queue_url: &str, vault: &Bucket, arguments: &[&str]) -> Command {
    let mut command = command::callbackctl(&[&["replay"], arguments].concat());
    command
        .env("QUEUE_URL", queue_url)
        .env("VAULT_BUCKET", &vault.name);
    command
}

/// Returns `callbackctl replay` with a fake queue.
fn replay_onto(aws: &FakeAws, vault: &Bucket, arguments: &[&str]) -> Command {
    let mut command = replay(&aws.url(), vault, arguments);
    command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
    command
}

/// Creates a vault with this many spilled bodies, with one job each.
async fn spilled(count: u32) -> Bucket {
    let vault = Bucket::create().await;
    for number in 0..count {
        let body = to_json(&tasks([snapshot(number)]));
        vault
            .put(&format!("spill/2024/05/06/{number:03}"), &body)
            .await;
    }
    vault
}

/// Creates a vault with bodies to replay and other objects.
async fn filled() -> Bucket {
    let vault = Bucket::create().await;
    for (key, body) in [
        ("spill/2024/05/06/a", to_xml(&tasks((0..12).map(snapshot)))),
        ("spill/2024/05/07/b", to_json(&tasks([snapshot(20)]))),
        ("quarantine/2024/05/06/c", b"<Response>".to_vec()),
        // The body is readable after a fix of the code.
        ("quarantine/2024/05/06/d", to_json(&tasks([snapshot(21)]))),
        ("quarantine/2024/05/06/p", to_json(&probe())),
        ("oversize/2024/05/06/e", to_json(&tasks([snapshot(22)]))),
        // The empty object of a folder is ignored, but an object with content is a body.
        ("spill/", Vec::new()),
        ("spill/2024/05/08/", b"{".to_vec()),
    ] {
        vault.put(key, &body).await;
    }
    vault
}

fn ids(messages: &[ReceivedMessage]) -> BTreeSet<String> {
    let id = |message: &ReceivedMessage| {
        message.event()["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    messages.iter().map(id).collect()
}

async fn keys(vault: &Bucket) -> Vec<String> {
    vault.objects().await.into_keys().collect()
}

#[tokio::test]
async fn bodies_are_published_and_moved() {
    let (queue, vault) = (TestQueue::standard().await, filled().await);
    let before = vault.objects().await;
    let first = run(replay(&queue.url, &vault, &[])).await;
    assert_eq!(first.code, Some(1), "two are skipped: {first:?}");
    let skipped = ["quarantine/2024/05/06/c", "spill/2024/05/08/"];
    assert_eq!(first.ids("skipped"), skipped, "{first:?}");
    let counts = "found 6, replayed 4, jobs 14, gone 0, skipped 2";
    assert_eq!(first.last_line(), counts, "{first:?}");
    assert_eq!(first.stdout.lines().count(), 7, "{first:?}");
    let numbers = (0..12).chain([20, 21]).map(event_id);
    assert_eq!(ids(&queue.drain().await), numbers.collect());
    let after = vault.objects().await;
    assert_eq!(after.len(), before.len());
    for (key, object) in before {
        let is_moved = first.stdout.contains(&format!("{key}  replayed\n"));
        let place = if is_moved {
            format!("replayed/{key}")
        } else {
            key
        };
        assert_eq!(after.get(&place), Some(&object), "{place}");
    }
    let again = run(replay(
        &queue.url,
        &vault,
        &["--prefix", "spill/2024/05/07"],
    ))
    .await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(
        again.stdout,
        "found 0, replayed 0, jobs 0, gone 0, skipped 0\n"
    );
}

#[tokio::test]
async fn arguments_select_bodies() {
    let (queue, vault) = (TestQueue::standard().await, filled().await);
    let before = vault.objects().await;
    for (arguments, found) in [
        (&["--limit", "1"][..], 1),
        (&["--limit", "4"], 4),
        (&["--prefix", "spill/2024/05/07"], 1),
        (&["--prefix", "quarantine/", "--limit", "9"], 3),
        (&["--since", "2000-01-01T00:00:00Z"], 6),
        (&["--since", "2999-01-01T00:00:00Z"], 0),
    ] {
        let dry = run(replay(
            &queue.url,
            &vault,
            &[&["--dry-run"], arguments].concat(),
        ))
        .await;
        let found = format!("found {found}, would be replayed ");
        assert!(
            dry.last_line().starts_with(&found),
            "{arguments:?}: {dry:?}"
        );
        assert_eq!(vault.objects().await, before, "a dry run changes nothing");
        assert!(queue.drain().await.is_empty(), "a dry run sends nothing");
    }
    for prefix in ["oversize/", "replayed/", "", "spil"] {
        let refused = run(replay(&queue.url, &vault, &["--prefix", prefix])).await;
        assert_eq!(refused.code, Some(2), "{prefix}: {refused:?}");
        assert!(
            refused.stderr.contains("not in quarantine/ or spill/"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_replay_loses_nothing_and_the_next_one_recovers() {
    for broken in [
        Broken::List,
        Broken::Get,
        Broken::Copy,
        Broken::CopyAnswer,
        Broken::Delete,
        Broken::Nothing,
    ] {
        let (queue, vault) = (TestQueue::standard().await, spilled(3).await);
        let address = proxy::start(broken).await;
        let mut command = replay(&queue.url, &vault, &[]);
        command.env("AWS_ENDPOINT_URL_S3", format!("http://{address}"));
        let first = run(command).await;
        let expected = i32::from(broken != Broken::Nothing);
        assert_eq!(first.code, Some(expected), "{broken:?}: {first:?}");
        let mut sent = ids(&queue.drain().await);
        let kept = keys(&vault).await;
        for number in 0..3 {
            let is_kept = kept.contains(&format!("spill/2024/05/06/{number:03}"));
            assert!(
                is_kept || sent.contains(&event_id(number)),
                "{broken:?}: {number} is lost"
            );
        }
        let again = run(replay(&queue.url, &vault, &[])).await;
        assert_eq!(again.code, Some(0), "{broken:?}: {again:?}");
        sent.extend(ids(&queue.drain().await));
        assert_eq!(sent, (0..3).map(event_id).collect(), "{broken:?}");
        let moved = keys(&vault).await;
        assert!(
            moved.iter().all(|key| key.starts_with("replayed/")),
            "{broken:?}: {moved:?}"
        );
    }
}

#[tokio::test]
async fn a_queue_that_accepts_nothing_stops_a_replay_within_a_minute() {
    for reply in [
        Reply::Silence,
        Reply::Error(503, "ServiceUnavailable"),
        Reply::Error(403, "AccessDenied"),
    ] {
        let vault = spilled(20).await;
        let before = keys(&vault).await;
        let aws = FakeAws::scripted(&[], reply.clone()).await;
        let begin = Instant::now();
        let replay = replay_onto(&aws, &vault, &[]);
        let ended = tokio::time::timeout(Duration::from_secs(60), run(replay)).await;
        let ended = ended.expect("it ends within a minute");
        assert!(begin.elapsed() < Duration::from_secs(60), "{reply:?}");
        assert_eq!(ended.code, Some(1), "{reply:?}: {ended:?}");
        let lines: Vec<_> = ended.stdout.lines().collect();
        let [first, second, counts] = lines[..] else {
            panic!("one line per body: {ended:?}")
        };
        for (line, number) in [(first, 0), (second, 1)] {
            let skipped =
                format!("spill/2024/05/06/{number:03}  skipped: 1 of 1 jobs not published: ");
            assert!(line.starts_with(&skipped), "{line}");
        }
        assert_eq!(counts, "found 20, replayed 0, jobs 0, gone 0, skipped 20");
        let stopped =
            "callbackctl: stopped after two consecutive queue failures: 18 bodies not replayed\n";
        assert_eq!(ended.stderr, stopped);
        assert_eq!(keys(&vault).await, before);
    }
}

#[tokio::test]
async fn one_rejected_job_of_thirty_blocks_no_other() {
    let vault = Bucket::create().await;
    let body = to_json(&tasks((0..30).map(snapshot)));
    vault.put("spill/2024/05/06/a", &body).await;
    let script = [
        Reply::Accept,
        Reply::RefuseEntries(&[4], "InvalidParameterValue"),
        Reply::Error(400, "InvalidMessageContents"),
    ];
    let aws = FakeAws::scripted(&script, Reply::Accept).await;
    let ended = run(replay_onto(&aws, &vault, &[])).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = "spill/2024/05/06/a  skipped: 1 of 30 jobs not published: the queue: \
                InvalidMessageContents\n";
    assert!(ended.stdout.starts_with(line), "{ended:?}");
    let accepted = (0..30).filter(|number| *number != 14);
    assert_eq!(aws.taken(), accepted.map(event_id).collect());
    assert_eq!(keys(&vault).await, ["spill/2024/05/06/a"]);
}

#[tokio::test]
async fn a_body_that_another_replay_has_moved_is_gone() {
    let vault = spilled(4).await;
    let slow = FakeAws::scripted(&[Reply::Late(3000)], Reply::Accept).await;
    let first = tokio::spawn(run(replay_onto(&slow, &vault, &[])));
    slow.sent_to().await;
    let queue = TestQueue::standard().await;
    let second = run(replay(&queue.url, &vault, &[])).await;
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(
        second.last_line(),
        "found 4, replayed 4, jobs 4, gone 0, skipped 0"
    );
    let first: Ended = first.await.expect("it does not panic");
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(
        first.last_line(),
        "found 4, replayed 1, jobs 1, gone 3, skipped 0"
    );
    assert_eq!(first.ids("gone").len(), 3, "{first:?}");
}

#[tokio::test]
async fn a_key_with_a_control_character_blocks_no_other() {
    let (queue, vault) = (TestQueue::standard().await, spilled(1).await);
    for (number, name) in [(1, "a\u{1}b"), (2, "a b+c%41")] {
        let body = to_json(&tasks([snapshot(number)]));
        vault.put(&format!("spill/2024/05/06/{name}"), &body).await;
    }
    let ended = run(replay(&queue.url, &vault, &[])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("spill/2024/05/06/a\\u{1}b  replayed\n"),
        "{ended:?}"
    );
    assert_eq!(ids(&queue.drain().await), (0..3).map(event_id).collect());
}

/// The function also trims the URL.
#[tokio::test]
async fn a_queue_url_is_trimmed_before_its_kind_is_read() {
    let (queue, vault) = (TestQueue::fifo().await, spilled(1).await);
    let ended = run(replay(&format!(" {}/ ", queue.url), &vault, &[])).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ids(&queue.drain().await), [event_id(0)].into());
}

#[tokio::test]
async fn a_replay_that_is_killed_loses_nothing() {
    let vault = spilled(4).await;
    // The process is killed while it waits for the response to the second message.
    let aws = FakeAws::scripted(&[Reply::Accept], Reply::Silence).await;
    let mut command = replay_onto(&aws, &vault, &[]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo has built it");
    while aws.calls().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().expect("it runs");
    let output = child.wait_with_output().expect("it has ended");
    assert_eq!(output.stdout, b"spill/2024/05/06/000  replayed\n");
    let moved: Vec<_> = keys(&vault)
        .await
        .into_iter()
        .filter(|key| key.starts_with("replayed/"))
        .collect();
    assert_eq!(moved, ["replayed/spill/2024/05/06/000"]);
    aws.change(&[], Reply::Accept);
    let again = run(replay_onto(&aws, &vault, &[])).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(aws.taken(), (0..4).map(event_id).collect());
}

/// The error of the SDK quotes the whole request.
#[tokio::test]
async fn an_invalid_endpoint_does_not_print_the_message() {
    let (queue, vault) = (TestQueue::standard().await, Bucket::create().await);
    let body = b"<Response><JobsDetail><JobId>j</JobId><a>s3cret</a></JobsDetail></Response>";
    vault.put("spill/2024/05/06/a", body).await;
    let mut command = replay(&queue.url, &vault, &[]);
    command.env("AWS_ENDPOINT_URL_SQS", "http://localhost:${PORT}");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let skipped = "the queue: the request could not be sent\n";
    assert!(ended.stdout.contains(skipped), "{ended:?}");
    assert!(!format!("{ended:?}").contains("s3cret"), "{ended:?}");
}

/// An earlier delivery of the body may have sent a pointer to `<request id>-<n>`. Its consumer may delete that
/// object.
#[tokio::test]
async fn an_oversize_message_never_gets_the_key_of_another_one() {
    let (queue, vault) = (TestQueue::standard().await, Bucket::create().await);
    let body = to_json(&tasks([snapshot(1), testkit::bodies::large(2, 9000)]));
    for key in ["spill/2024/05/06/a", "spill/2024/05/06/b"] {
        vault.put(key, &body).await;
    }
    let mut command = replay(&queue.url, &vault, &[]);
    command.env("QUEUE_MAX_BYTES", "8192");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let objects = vault.objects().await;
    let is_oversize = |key: &&String| key.starts_with("oversize/2024/05/06/");
    let oversize: Vec<_> = objects.keys().filter(is_oversize).collect();
    assert_eq!(oversize.len(), 2, "{objects:?}");
    let messages = queue.drain().await;
    let pointers: Vec<_> = messages.iter().map(ReceivedMessage::event).collect();
    for key in oversize {
        assert!(!key.contains("8f507cfc"), "the request's id: {key}");
        assert_eq!(objects[key].metadata["request-id"], "8f507cfc");
        assert!(pointers.iter().any(|event| event[1]["s3Key"] == **key));
    }
}

/// Measures the throughput. Run it alone: `-- --ignored soak --nocapture`.
#[tokio::test]
#[ignore = "measures"]
async fn soak_bodies_a_second() {
    let vault = spilled(2000).await;
    let aws = FakeAws::start().await;
    let begin = Instant::now();
    let ended = run(replay_onto(&aws, &vault, &[])).await;
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(ended.code, Some(0), "{:?}", ended.last_line());
    assert_eq!(ended.stdout.lines().count(), 2001, "a line for each body");
    assert_eq!(aws.calls().iter().flat_map(Call::ids).count(), 2000);
    eprintln!(
        "2000 bodies in {seconds:.1} s: {:.0} a second",
        2000.0 / seconds
    );
}
