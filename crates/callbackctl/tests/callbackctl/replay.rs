//! `callbackctl replay` and `callbackctl vault`: nothing is lost on the way out of the vault.

use std::{
    collections::BTreeSet,
    process::{Command, Output, Stdio},
};

use crate::command;
use testkit::{
    bodies::{event_id, snapshot, tasks, to_json, to_xml},
    bucket::Bucket,
    fake_aws::{FakeAws, Reply},
    proxy::{self, Broken},
    queue::Queue,
};

/// The operator's commands against MiniStack.
fn callbackctl(queue_url: &str, bucket: &Bucket, arguments: &[&str]) -> Command {
    let mut command = command::callbackctl(arguments);
    command
        .env("QUEUE_URL", queue_url)
        .env("VAULT_BUCKET", &bucket.name);
    command
}

/// Runs a command to its end, while the servers of the test go on.
async fn output(mut command: Command) -> Output {
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await
        .expect("it does not panic")
        .expect("cargo has built it")
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr]
        .concat()
        .iter()
        .map(|byte| char::from(*byte))
        .collect()
}

/// A vault with what waits, and what does not.
async fn filled() -> Bucket {
    let vault = Bucket::create().await;
    vault
        .put("spill/2024/05/06/a", &to_xml(&tasks((0..12).map(snapshot))))
        .await;
    vault
        .put("spill/2024/05/07/b", &to_json(&tasks([snapshot(20)])))
        .await;
    vault.put("quarantine/2024/05/06/c", b"<Response>").await;
    // It can be read by now: the code was fixed.
    vault
        .put("quarantine/2024/05/06/d", &to_json(&tasks([snapshot(21)])))
        .await;
    vault
        .put("oversize/2024/05/06/e", &to_json(&tasks([snapshot(22)])))
        .await;
    vault
}

fn ids(queue: &[testkit::queue::Message]) -> BTreeSet<String> {
    queue
        .iter()
        .map(|message| {
            message.event()["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn what_waits_is_published_and_moved() {
    let (queue, vault) = (Queue::standard().await, filled().await);
    let before = vault.objects().await;
    let replay = output(callbackctl(&queue.url, &vault, &["replay"])).await;
    assert_eq!(
        replay.status.code(),
        Some(1),
        "something is left: {}",
        text(&replay)
    );
    let expected = "\
        quarantine/2024/05/06/c: left: line 1, column 1: expected the closing tag of this element, but found the end of the body\n\
        quarantine/2024/05/06/d: replayed, records: 1\n\
        spill/2024/05/06/a: replayed, records: 12\n\
        spill/2024/05/07/b: replayed, records: 1\n\
        4 found: 3 replayed (records: 14), 1 left\n";
    assert_eq!(text(&replay), expected);
    let numbers = (0..12).chain([20, 21]).map(event_id);
    assert_eq!(ids(&queue.drain().await), numbers.collect());

    let after = vault.objects().await;
    let moved = [
        "quarantine/2024/05/06/d",
        "spill/2024/05/06/a",
        "spill/2024/05/07/b",
    ];
    for (key, object) in before {
        let place = if moved.contains(&&*key) {
            format!("replayed/{key}")
        } else {
            key
        };
        assert_eq!(after.get(&place), Some(&object), "{place}");
    }
    assert_eq!(after.len(), 5);

    let again = output(callbackctl(
        &queue.url,
        &vault,
        &["replay", "--prefix", "spill/"],
    ))
    .await;
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(text(&again), "0 found: 0 replayed (records: 0), 0 left\n");
}

#[tokio::test]
async fn a_part_of_what_waits_can_be_chosen() {
    for (arguments, found) in [
        (&["--limit", "1"][..], 1),
        (&["--limit", "3"], 3),
        (&["--prefix", "spill/2024/05/07"], 1),
        (&["--prefix", "quarantine/", "--limit", "9"], 2),
        (&["--since", "2000-01-01T00:00:00Z"], 4),
        (&["--since", "2999-01-01T00:00:00Z"], 0),
    ] {
        let (queue, vault) = (Queue::standard().await, filled().await);
        let arguments = [&["replay", "--dry-run"], arguments].concat();
        let before = vault.objects().await;
        let replay = output(callbackctl(&queue.url, &vault, &arguments)).await;
        let text = text(&replay);
        assert!(
            text.contains(&format!("{found} found:")),
            "{arguments:?}: {text}"
        );
        assert!(!text.contains(": replayed"), "{text}");
        assert!(text.contains("would be replayed (records: "), "{text}");
        assert_eq!(vault.objects().await, before, "a dry run changes nothing");
        assert!(queue.drain().await.is_empty(), "a dry run sends nothing");
    }
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    for prefix in ["oversize/", "replayed/", "", "spil"] {
        let replay = output(callbackctl(
            &queue.url,
            &vault,
            &["replay", "--prefix", prefix],
        ))
        .await;
        assert_eq!(replay.status.code(), Some(1), "{prefix}");
        assert_eq!(
            text(&replay),
            "callbackctl: --prefix: expected quarantine/… or spill/…\n"
                .bytes()
                .map(char::from)
                .collect::<String>()
        );
    }
}

#[tokio::test]
async fn a_fault_on_the_way_loses_nothing_and_the_next_replay_recovers() {
    for broken in [
        Broken::List,
        Broken::Get,
        Broken::Copy,
        Broken::CopyAnswer,
        Broken::Delete,
        Broken::Nothing,
    ] {
        let (queue, vault) = (Queue::standard().await, Bucket::create().await);
        let bodies = [1, 2, 3].map(|number| to_json(&tasks([snapshot(number)])));
        for (number, body) in bodies.iter().enumerate() {
            vault.put(&format!("spill/2024/05/06/{number}"), body).await;
        }
        let address = proxy::start(broken).await;
        let mut command = callbackctl(&queue.url, &vault, &["replay"]);
        command.env("AWS_ENDPOINT_URL_S3", format!("http://{address}"));
        let replay = output(command).await;
        let is_whole = broken == Broken::Nothing;
        assert_eq!(
            replay.status.success(),
            is_whole,
            "{broken:?}: {}",
            text(&replay)
        );

        let mut sent = ids(&queue.drain().await);
        let kept: Vec<_> = vault.objects().await.into_iter().collect();
        for (number, body) in (1..).zip(&bodies) {
            let waits = kept
                .iter()
                .any(|(key, object)| key.starts_with("spill/") && object.body == *body);
            assert!(
                waits || sent.contains(&event_id(number)),
                "{broken:?}: {number} is lost"
            );
        }
        let again = output(callbackctl(&queue.url, &vault, &["replay"])).await;
        assert!(again.status.success(), "{broken:?}: {}", text(&again));
        sent.extend(ids(&queue.drain().await));
        assert_eq!(sent, [1, 2, 3].map(event_id).into(), "{broken:?}");
        let objects = vault.objects().await;
        assert!(
            objects.keys().all(|key| key.starts_with("replayed/")),
            "{broken:?}: {objects:?}"
        );
    }
}

#[tokio::test]
async fn a_queue_that_takes_nothing_leaves_everything_where_it_is() {
    for reply in [
        Reply::Error(403, "AccessDeniedException"),
        Reply::RefuseEntries(&[0], "InvalidAttributeName"),
    ] {
        let vault = filled().await;
        let before = vault.objects().await;
        let aws = FakeAws::scripted(&[], reply.clone()).await;
        let mut command = callbackctl(
            &aws.url(),
            &vault,
            &["replay", "--prefix", "spill/2024/05/06"],
        );
        command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
        let replay = output(command).await;
        assert_eq!(replay.status.code(), Some(1), "{reply:?}");
        assert!(
            text(&replay).contains("spill/2024/05/06/a: left: the queue: "),
            "{}",
            text(&replay)
        );
        assert_eq!(vault.objects().await, before);
    }
}

#[tokio::test]
async fn a_replay_that_is_killed_loses_nothing() {
    let vault = Bucket::create().await;
    for number in 0..4 {
        let body = to_json(&tasks([snapshot(number)]));
        vault
            .put(&format!("spill/2024/05/06/{number}"), &body)
            .await;
    }
    // The second message is never answered: that is where it is killed.
    let aws = FakeAws::scripted(&[Reply::Accept], Reply::Silence).await;
    let mut command = callbackctl(&aws.url(), &vault, &["replay"]);
    command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo has built it");
    while aws.calls().len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    child.kill().expect("it runs");
    let output_before = child.wait_with_output().expect("it has ended");
    assert_eq!(
        text(&output_before),
        "spill/2024/05/06/0: replayed, records: 1\n"
    );
    let keys: Vec<_> = vault.objects().await.into_keys().collect();
    let expected = [
        "replayed/spill/2024/05/06/0",
        "spill/2024/05/06/1",
        "spill/2024/05/06/2",
        "spill/2024/05/06/3",
    ];
    assert_eq!(keys, expected);

    aws.change(&[], Reply::Accept);
    let mut command = callbackctl(&aws.url(), &vault, &["replay"]);
    command.env("AWS_ENDPOINT_URL_SQS", aws.endpoint());
    let again = output(command).await;
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(aws.taken(), (0..4).map(event_id).collect());
}

/// The SDK's own error quotes the whole request.
#[tokio::test]
async fn an_endpoint_that_is_none_does_not_bring_a_message_to_the_screen() {
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    let body = b"<Response><JobsDetail><JobId>j</JobId><a>s3cret</a></JobsDetail></Response>";
    vault.put("spill/2024/05/06/a", body).await;
    let mut command = callbackctl(&queue.url, &vault, &["replay"]);
    command.env("AWS_ENDPOINT_URL_SQS", "http://localhost:${PORT}");
    let replay = output(command).await;
    let expected = "spill/2024/05/06/a: left: the queue: the request could not be sent\n\
        1 found: 0 replayed (records: 0), 1 left\n";
    assert_eq!(text(&replay), expected);
}

#[tokio::test]
async fn an_operator_sees_what_waits_and_no_body_unless_asked() {
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    vault.put("quarantine/2024/05/06/c", b"<s3cret>").await;
    let list = output(callbackctl(&queue.url, &vault, &["vault", "list"])).await;
    assert_eq!(
        text(&list),
        "quarantine/2024/05/06/c\t8 bytes\t2024-05-06T01:02:03Z\ta test\n"
    );
    let key = "quarantine/2024/05/06/c";
    let show = output(callbackctl(&queue.url, &vault, &["vault", "show", key])).await;
    let expected = "key: quarantine/2024/05/06/c\nbytes: 8\ncontent type: application/xml\n\
        received at: 2024-05-06T01:02:03Z\nrequest id: 8f507cfc\nreason: a test\n";
    assert_eq!(text(&show), expected);
    let show = output(callbackctl(
        &queue.url,
        &vault,
        &["vault", "show", key, "--body"],
    ))
    .await;
    assert_eq!(text(&show), "<s3cret>");
    let show = output(callbackctl(
        &queue.url,
        &vault,
        &["vault", "show", "quarantine/x"],
    ))
    .await;
    assert_eq!(show.status.code(), Some(1));
    assert_eq!(text(&show), "callbackctl: the vault: NoSuchKey\n");
}

#[tokio::test]
async fn a_stored_probe_makes_no_record() {
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    vault
        .put(
            "quarantine/2024/05/06/p",
            &to_json(&testkit::bodies::probe()),
        )
        .await;
    let replay = output(callbackctl(&queue.url, &vault, &["replay"])).await;
    assert!(replay.status.success(), "{}", text(&replay));
    assert!(queue.drain().await.is_empty());
    let keys: Vec<_> = vault.objects().await.into_keys().collect();
    assert_eq!(keys, ["replayed/quarantine/2024/05/06/p"]);
}

#[tokio::test]
async fn the_empty_object_of_a_folder_does_not_wait() {
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    for key in ["quarantine/", "spill/", "spill/2024/05/06/"] {
        vault.put(key, b"").await;
    }
    // An object of that form with something in it is a body.
    vault.put("spill/2024/05/07/", b"{").await;
    let replay = output(callbackctl(&queue.url, &vault, &["replay"])).await;
    let text = text(&replay);
    assert!(text.starts_with("spill/2024/05/07/: left: "), "{text}");
    assert!(text.ends_with("1 found: 0 replayed (records: 0), 1 left\n"));
}

/// An earlier delivery of the body may have put a pointer to `<request id>-<n>` on the queue, and its
/// consumer deletes that object.
#[tokio::test]
async fn a_large_message_never_takes_a_place_that_another_one_had() {
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    let body = to_json(&tasks([snapshot(1), testkit::bodies::large(2, 9000)]));
    for key in ["spill/2024/05/06/a", "spill/2024/05/06/b"] {
        vault.put(key, &body).await;
    }
    let mut command = callbackctl(&queue.url, &vault, &["replay"]);
    command.env("QUEUE_MAX_BYTES", "8192");
    let replay = output(command).await;
    assert!(replay.status.success(), "{}", text(&replay));
    let objects = vault.objects().await;
    let oversize: BTreeSet<_> = objects
        .keys()
        .filter(|key| key.starts_with("oversize/2024/05/06/"))
        .collect();
    assert_eq!(oversize.len(), 2, "{objects:?}");
    for key in &oversize {
        assert!(key.ends_with("-1"), "{key}");
        assert!(!key.contains("8f507cfc"), "the request's id: {key}");
        assert_eq!(objects[*key].metadata["request-id"], "8f507cfc");
    }
    let messages = queue.drain().await;
    let pointed: Vec<_> = messages
        .iter()
        .map(testkit::queue::Message::event)
        .collect();
    for key in oversize {
        assert!(pointed.iter().any(|event| event[1]["s3Key"] == **key));
    }
}

#[tokio::test]
async fn an_empty_endpoint_is_none() {
    let (queue, vault) = (Queue::standard().await, Bucket::create().await);
    vault
        .put("spill/2024/05/06/a", &to_json(&tasks([snapshot(1)])))
        .await;
    let mut command = callbackctl(&queue.url, &vault, &["replay"]);
    command
        .env("AWS_ENDPOINT_URL_SQS", "")
        .env("AWS_ENDPOINT_URL_S3", "");
    let replay = output(command).await;
    assert!(replay.status.success(), "{}", text(&replay));
    assert_eq!(queue.drain().await.len(), 1);
}

#[tokio::test]
async fn the_doctor_compares_the_limit_of_the_queue() {
    let vault = Bucket::create().await;
    for (limit, max_bytes, is_wrong) in [
        (1_048_576, None, false),
        (262_144, None, true),
        (262_144, Some("262144"), false),
        (262_144, Some("262145"), true),
    ] {
        let queue = Queue::of_at_most(limit).await;
        let mut command = callbackctl(&queue.url, &vault, &["doctor", "http://127.0.0.1:9/x"]);
        command.env_remove("VAULT_BUCKET");
        if let Some(max_bytes) = max_bytes {
            command.env("QUEUE_MAX_BYTES", max_bytes);
        }
        let text = text(&output(command).await);
        let wrong = format!(
            "wrong  the queue accepts messages of {limit} bytes, fewer than QUEUE_MAX_BYTES: {}\n",
            max_bytes.unwrap_or("1048576")
        );
        assert_eq!(text.contains(&wrong), is_wrong, "{text}");
        let good = "good   the queue accepts messages of QUEUE_MAX_BYTES\n";
        assert_eq!(text.contains(good), !is_wrong, "{text}");
    }
}

/// A command must not wait as long as the budget of a body with many jobs allows.
#[tokio::test]
async fn a_replay_onto_a_queue_that_is_down_ends() {
    let vault = filled().await;
    let aws = FakeAws::scripted(&[], Reply::Error(503, "ServiceUnavailable")).await;
    let mut command = callbackctl(
        &aws.url(),
        &vault,
        &["replay", "--prefix", "spill/2024/05/07"],
    );
    command
        .env("AWS_ENDPOINT_URL_SQS", aws.endpoint())
        .env("AWS_MAX_ATTEMPTS", "1");
    let replay = output(command).await;
    let text = text(&replay);
    let left = "spill/2024/05/07/b: left: the queue: ServiceUnavailable; tried 5 times in ";
    assert!(text.starts_with(left), "{text}");
    assert_eq!(aws.calls().len(), 5);
}
