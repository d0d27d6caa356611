//! Custom endpoints of AWS, from all places where AWS's own tools find them, by all commands.

use std::{
    fs, future,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use hyper::{Method, StatusCode, header};

use crate::{
    command::{World, run},
    jobs::{BUCKET, from_node, minutes_ago, vendor_time},
};
use testkit::{
    bodies::{job_id, large},
    ministack,
    server::{self, Answer},
};

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
async fn a_custom_endpoint_of_s3_gets_the_bucket_in_the_path_from_each_command() {
    let world = World::new().await;
    let mut node = large(1, 20_000);
    node["EndTime"] = vendor_time(minutes_ago(20)).into();
    world.ci.add([from_node(&node, minutes_ago(21))]);
    let bucket = ["--bucket", BUCKET, "--region", "ap-guangzhou"];
    let id = job_id(1);
    let with_bucket = |first: &[&str], rest: &[&str]| -> Vec<String> {
        let all = [first, &bucket[..], rest].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let commands = [
        words("doctor http://localhost:9/x"),
        words("vault list"),
        words("vault show spill/a"),
        words("replay"),
        with_bucket(&["lookup"], &[&*id, "--compare", "spill/a"]),
        with_bucket(&["lookup"], &[&*id, "--publish"]),
        with_bucket(&["reconcile"], &["--all", "--tag", "Snapshot"]),
    ];
    for place in [
        Place::Service,
        Place::All,
        Place::ProfileService,
        Place::Profile,
    ] {
        for arguments in &commands {
            let (port, seen) = s3().await;
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let mut command = world.callbackctl(&arguments);
            command
                .env("VAULT_BUCKET", VAULT)
                .env("QUEUE_MAX_BYTES", "8192");
            configure(&mut command, place, &format!("http://localhost:{port}"));
            let ended = run(command).await;
            let seen = seen.lock().expect("no test panics in it").clone();
            assert!(!seen.is_empty(), "{place:?}, {arguments:?}: {ended:?}");
            for (host, path) in seen {
                assert_eq!(
                    host,
                    format!("localhost:{port}"),
                    "{place:?}, {arguments:?}"
                );
                let bucket = path.split('/').nth(1);
                assert_eq!(bucket, Some(VAULT), "{place:?}, {arguments:?}: {path}");
            }
        }
    }
}

/// Sets the endpoint of S3. The other services stay where they are.
fn configure(command: &mut Command, place: Place, endpoint: &str) {
    let file = |text: String| {
        let name = format!("config-{}", endpoint.rsplit(':').next().unwrap_or_default());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("target can be written");
        path
    };
    command.env_remove("AWS_ENDPOINT_URL");
    for name in ["SQS", "CLOUDWATCH_LOGS"] {
        command.env(format!("AWS_ENDPOINT_URL_{name}"), ministack::endpoint());
    }
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

/// Starts an S3 that is empty, and takes all objects.
async fn s3() -> (u16, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let address = server::serve(move |head, _| {
        let host = head.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let path = head.uri.path().to_owned();
        let is_list = head
            .uri
            .query()
            .is_some_and(|query| query.contains("list-type"));
        let mut seen = log.lock().expect("no test panics in it");
        seen.push((host.to_owned(), path));
        let mut answer = Answer::default();
        if head.method == Method::PUT {
            let tag = header::HeaderValue::from_static("\"0\"");
            answer.headers_mut().insert(header::ETAG, tag);
        } else if is_list {
            let list = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
            answer = Answer::new(list.into());
        } else {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        future::ready(answer)
    })
    .await;
    (address.port(), seen)
}
