//! Tests custom endpoints of AWS, from every source that AWS's tools support.

use std::{
    fs, future,
    sync::{Arc, Mutex},
};

use hyper::header;

use crate::command::{callbackctl, run};
use testkit::server::{self, HttpResponse};

/// The name of a bucket that the SDK would prepend to the host. It puts names with dots into the path.
const VAULT: &str = "vault";

/// A host name. With an IP address, the SDK would put the bucket into the path.
#[tokio::test]
async fn a_custom_endpoint_of_s3_gets_the_bucket_in_the_path() {
    let of_service = "[default]\nservices = local\n\n[services local]\ns3 =\n  endpoint_url = ";
    let of_profile = "[default]\nendpoint_url = ";
    for (variable, config) in [
        ("AWS_ENDPOINT_URL_S3", None),
        ("AWS_ENDPOINT_URL", None),
        ("AWS_CONFIG_FILE", Some(of_service)),
        ("AWS_CONFIG_FILE", Some(of_profile)),
    ] {
        let (port, seen) = s3().await;
        let mut value = format!("http://localhost:{port}");
        if let Some(config) = config {
            let file = format!("{}/config-{port}", env!("CARGO_TARGET_TMPDIR"));
            fs::write(&file, format!("{config}{value}\n")).expect("target can be written");
            value = file;
        }
        let mut command = callbackctl(&["vault", "list"]);
        command.env_remove("AWS_ENDPOINT_URL").env(variable, value);
        command.env("VAULT_BUCKET", VAULT);
        let ended = run(command).await;
        let place = (variable, config);
        assert_eq!(ended.code, Some(0), "{place:?}: {ended:?}");
        let seen = seen.lock().expect("no test panics in it");
        assert!(!seen.is_empty(), "{place:?}");
        for (host, path) in seen.iter() {
            assert_eq!(*host, format!("localhost:{port}"), "{place:?}");
            assert_eq!(path.split('/').nth(1), Some(VAULT), "{place:?}: {path}");
        }
    }
}

/// The hosts and paths of requests.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Starts an empty fake of S3.
async fn s3() -> (u16, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let address = server::serve(move |head, _| {
        let host = head.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let mut seen = log.lock().expect("no test panics in it");
        seen.push((host.to_owned(), head.uri.path().to_owned()));
        future::ready(HttpResponse::new("<ListBucketResult/>".into()))
    })
    .await;
    (address.port(), seen)
}
