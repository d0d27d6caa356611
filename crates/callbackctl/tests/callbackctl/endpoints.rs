//! Custom endpoints of AWS, from all places where AWS's own tools find them.

use std::{
    fs, future,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use hyper::header;

use crate::command::{callbackctl, run};
use testkit::server::{self, HttpResponse};

/// The SDK would put this name before the host; one with dots it puts into the path by itself.
const VAULT: &str = "vault";

/// Where the endpoint of S3 is configured.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// `AWS_ENDPOINT_URL_S3`.
    Service,
    /// `AWS_ENDPOINT_URL`.
    All,
    /// A profile's section `services`.
    ProfileService,
    /// A profile's `endpoint_url`.
    Profile,
}

/// A host name: with an IP address the SDK itself would put the bucket into the path.
#[tokio::test]
async fn a_custom_endpoint_of_s3_gets_the_bucket_in_the_path() {
    for place in [
        Place::Service,
        Place::All,
        Place::ProfileService,
        Place::Profile,
    ] {
        let (port, seen) = s3().await;
        let mut command = callbackctl(&["vault", "list"]);
        command.env("VAULT_BUCKET", VAULT);
        configure(&mut command, place, &format!("http://localhost:{port}"));
        let ended = run(command).await;
        assert_eq!(ended.code, Some(0), "{place:?}: {ended:?}");
        for (host, path) in seen.lock().expect("no test panics in it").iter() {
            assert_eq!(*host, format!("localhost:{port}"), "{place:?}");
            assert_eq!(path.split('/').nth(1), Some(VAULT), "{place:?}: {path}");
        }
    }
}

/// Sets the endpoint of S3.
fn configure(command: &mut Command, place: Place, endpoint: &str) {
    let file = |text: String| {
        let name = format!("config-{}", endpoint.rsplit(':').next().unwrap_or_default());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("target can be written");
        path
    };
    command.env_remove("AWS_ENDPOINT_URL");
    match place {
        Place::Service => command.env("AWS_ENDPOINT_URL_S3", endpoint),
        Place::All => command.env("AWS_ENDPOINT_URL", endpoint),
        Place::ProfileService => {
            let services = format!("[services local]\ns3 =\n  endpoint_url = {endpoint}\n");
            let text = format!("[default]\nservices = local\n\n{services}");
            command.env("AWS_CONFIG_FILE", file(text))
        }
        Place::Profile => {
            let text = format!("[default]\nendpoint_url = {endpoint}\n");
            command.env("AWS_CONFIG_FILE", file(text))
        }
    };
}

/// Hosts and paths of requests.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Starts an S3 that is empty.
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
