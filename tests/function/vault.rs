//! Tests the bodies and oversize messages in the vault of MiniStack.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use testkit::{
    bodies::{event_id, large, snapshot, tasks, to_json},
    bucket::Bucket,
    fake_aws::FakeAws,
    function::Settings,
    function_url::{post_json, post_xml},
    queue::TestQueue,
};

/// Checks that a key is `<folder>/YYYY/MM/DD/<name>`, and returns the name.
fn name_in<'k>(folder: &str, key: &'k str) -> Option<&'k str> {
    let parts: Vec<&'k str> = key.split('/').collect();
    let [found, year, month, day, name] = parts[..] else {
        return None;
    };
    let is_date = [(year, 4), (month, 2), (day, 2)]
        .iter()
        .all(|(part, length)| {
            part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit())
        });
    (found == folder && is_date).then_some(name)
}

#[tokio::test]
async fn an_unreadable_body_is_kept_as_it_came() {
    let (queue, vault) = (TestQueue::standard().await, Bucket::create().await);
    let settings = Settings::for_queue(&queue.url).with("VAULT_BUCKET", &vault.name);
    let function = crate::start(settings).await;
    let broken = b"\xEF\xBB\xBF<Response>\r\n<JobsDetail>\xE6\xBD\xAE</Response>";
    let answer = function.call(&post_xml(broken)).await;
    assert_eq!(answer.status, 200);
    let objects = vault.objects().await;
    let [(key, object)] = &objects.iter().collect::<Vec<_>>()[..] else {
        panic!("{objects:?}")
    };
    assert_eq!(answer.json(), json!({ "quarantined": key }));
    assert_eq!(object.body, broken);
    assert_eq!(object.content_type, "application/xml");
    assert_eq!(
        object.metadata["reason"],
        "line 2, column 14: expected the closing tag of the element at line 2, column 1, \
         but found another"
    );
    let request_id = name_in("quarantine", key).expect("its key is that of a quarantined body");
    assert_eq!(object.metadata["request-id"], request_id);
    assert!(object.metadata["received-at"].ends_with('Z'));
    assert!(queue.drain().await.is_empty());
}

#[tokio::test]
async fn oversize_goes_to_the_vault_and_a_pointer_to_the_queue() {
    let (queue, vault) = (TestQueue::standard().await, Bucket::create().await);
    let settings = Settings::for_queue(&queue.url)
        .with("VAULT_BUCKET", &vault.name)
        .with("QUEUE_MAX_BYTES", "8192");
    let function = crate::start(settings).await;
    let body = to_json(&tasks([snapshot(1), large(2, 9000), snapshot(3)]));
    let answer = function.call(&post_json(&body)).await;
    assert_eq!(
        answer.json(),
        json!({ "accepted": 3, "ids": ([1, 2, 3].map(event_id)) })
    );

    let objects = vault.objects().await;
    let [(key, object)] = &objects.iter().collect::<Vec<_>>()[..] else {
        panic!("{objects:?}")
    };
    let name = name_in("oversize", key).expect("its key is that of a large message");
    // The second job of the body.
    assert_eq!(name, format!("{}-1", object.metadata["request-id"]));
    let event: Value = serde_json::from_slice(&object.body).expect("it is the event");
    assert_eq!(event["id"], event_id(2));

    let messages = queue.drain().await;
    let pointers: Vec<_> = messages
        .iter()
        .filter(|message| message.event().is_array())
        .collect();
    let [pointer] = pointers[..] else {
        panic!("{messages:?}")
    };
    let class = "software.amazon.payloadoffloading.PayloadS3Pointer";
    let place = json!({ "s3BucketName": vault.name, "s3Key": key });
    assert_eq!(pointer.event(), json!([class, place]));
    let size = ("Number".to_owned(), object.body.len().to_string());
    assert_eq!(pointer.attributes["ExtendedPayloadSize"], size);
    assert_eq!(pointer.attributes["jobId"].1, testkit::bodies::job_id(2));
    assert_eq!(messages.len(), 3);
}

#[tokio::test]
async fn two_large_jobs_of_one_id_do_not_take_each_others_place() {
    let (queue, vault) = (TestQueue::standard().await, Bucket::create().await);
    let settings = Settings::for_queue(&queue.url)
        .with("VAULT_BUCKET", &vault.name)
        .with("QUEUE_MAX_BYTES", "8192");
    let function = crate::start(settings).await;
    // In the same body, and in another body on the same day.
    for sizes in [&[9000, 10_000][..], &[11_000]] {
        let body = to_json(&tasks(sizes.iter().map(|size| large(2, *size))));
        let answer = function.call(&post_json(&body)).await;
        assert_eq!(answer.json()["accepted"], sizes.len());
    }
    let objects = vault.objects().await;
    assert_eq!(objects.len(), 3);
    let messages = queue.drain().await;
    let pointed: BTreeSet<_> = messages
        .iter()
        .filter_map(|message| Some(message.event()[1]["s3Key"].as_str()?.to_owned()))
        .collect();
    assert_eq!(pointed, objects.into_keys().collect());
}

#[tokio::test]
async fn an_encoding_that_is_not_read_is_kept_and_named() {
    let aws = FakeAws::start().await;
    let settings = aws.settings().with("VAULT_BUCKET", "vault");
    let function = crate::start(settings).await;
    let gzip = b"\x1F\x8B\x08\x00s3cret";
    let gbk = b"<?xml version=\"1.0\" encoding=\"gbk\"?><Response>\xB3\xB1s3cret</Response>";
    for (body, encoding, expected) in [
        (
            &gzip[..],
            Some("gzip"),
            "line 1, column 2: invalid UTF-8; the body is compressed with gzip",
        ),
        (
            gbk,
            None,
            "line 1, column 47: invalid UTF-8; its XML declaration names an encoding other than UTF-8",
        ),
        (
            b"\xFF",
            Some("GZIP"),
            "line 1, column 1: invalid UTF-8; its Content-Encoding is gzip",
        ),
        (
            b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\xB3",
            Some("identity"),
            "line 1, column 39: invalid UTF-8",
        ),
    ] {
        let mut event = post_xml(body);
        if let Some(encoding) = encoding {
            event["headers"]["content-encoding"] = json!(encoding);
        }
        let answer = function.call(&event).await;
        let key = answer.json()["quarantined"].clone();
        let object = &aws.objects()[key.as_str().expect("it is quarantined")];
        assert_eq!(object.body, body);
        assert_eq!(object.content_encoding.as_deref(), encoding);
        assert_eq!(object.reason, expected);
    }
}
