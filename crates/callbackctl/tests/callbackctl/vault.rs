//! Tests `callbackctl vault`.

use std::future;

use hyper::{Method, StatusCode};

use crate::command::{Ended, callbackctl, run};
use testkit::{
    bucket::Bucket,
    server::{self, HttpResponse},
};

async fn vault(bucket: &str, arguments: &[&str]) -> Ended {
    let mut command = callbackctl(&[&["vault"], arguments].concat());
    command.env("VAULT_BUCKET", bucket);
    run(command).await
}

#[tokio::test]
async fn bodies_are_listed_and_printed_only_on_request() {
    let bucket = Bucket::create().await;
    let key = "quarantine/2024/05/06/c";
    bucket.put(key, b"<s3cret>").await;
    let name = &bucket.name;
    let list = vault(name, &["list"]).await;
    let line = "quarantine/2024/05/06/c\t8 bytes\t2024-05-06T01:02:03Z\ta test\n";
    assert_eq!(list.stdout, line);
    let show = vault(name, &["show", key]).await;
    let metadata = "key: quarantine/2024/05/06/c\nbytes: 8\ncontent type: application/xml\n\
                    received at: 2024-05-06T01:02:03Z\nrequest id: 8f507cfc\nreason: a test\n";
    assert_eq!(show.stdout, metadata);
    let body = vault(name, &["show", key, "--body"]).await;
    assert_eq!(body.stdout, "<s3cret>");
    let missing = vault(name, &["show", "quarantine/x"]).await;
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.stderr, "callbackctl: no such object\n");
}

/// A replay moves objects while they are listed.
#[tokio::test]
async fn a_missing_object_does_not_stop_the_listing() {
    let address = server::serve(|head, _| {
        let object = |key| format!("<Contents><Key>spill/{key}</Key><Size>1</Size></Contents>");
        let list = format!(
            "<ListBucketResult>{}{}</ListBucketResult>",
            object("a"),
            object("b")
        );
        let is_spill = head
            .uri
            .query()
            .is_some_and(|query| query.contains("prefix=spill"));
        let mut answer = HttpResponse::default();
        match head.method {
            Method::HEAD if head.uri.path().ends_with("/a") => {
                *answer.status_mut() = StatusCode::NOT_FOUND;
            }
            Method::GET if is_spill => answer = HttpResponse::new(list.into()),
            Method::GET => answer = HttpResponse::new("<ListBucketResult/>".into()),
            _ => {}
        }
        future::ready(answer)
    })
    .await;
    let mut command = callbackctl(&["vault", "list"]);
    command.env("VAULT_BUCKET", "vault");
    command.env("AWS_ENDPOINT_URL_S3", format!("http://{address}"));
    let ended = run(command).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "spill/a\tgone", "{ended:?}");
    assert!(lines[1].starts_with("spill/b\t1 bytes\t"), "{ended:?}");
}
