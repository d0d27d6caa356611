//! Tests the commands that do not use the network.

use std::process::Command;

use crate::command::{Ended, callbackctl, run, run_with};
use testkit::{
    bodies::{event_id, probe, snapshot, tasks, to_json, to_xml},
    function::digest,
};

async fn normalize(body: &[u8]) -> Ended {
    run_with(callbackctl(&["normalize", "-"]), body).await
}

#[tokio::test]
async fn normalize_prints_one_message_per_line() {
    let ended = normalize(&to_xml(&tasks([snapshot(1), snapshot(2)]))).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ids: Vec<_> = ended.stdout.lines().map(id).collect();
    assert_eq!(ids, [event_id(1), event_id(2)]);
}

fn id(line: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
    event["id"].as_str().expect("it has an id").to_owned()
}

#[tokio::test]
async fn normalize_prints_why_a_body_would_be_quarantined() {
    let ended = normalize(b"{\"a\": }").await;
    assert_eq!((ended.code, &*ended.stdout), (Some(3), ""));
    assert!(
        ended.stderr.starts_with("-: line 1, column 7: "),
        "{ended:?}"
    );
}

#[tokio::test]
async fn normalize_prints_no_message_for_a_probe() {
    let ended = normalize(&to_json(&probe())).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(0), ""));
}

#[test]
fn a_closed_standard_output_is_no_message() {
    let (reader, writer) = std::io::pipe().expect("there is one");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_callbackctl"))
        .args(["normalize", "../../tests/cases/task/transcode.xml"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(writer)
        .output()
        .expect("cargo has built it");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"");
}

#[tokio::test]
async fn a_token_comes_with_its_digest() {
    let one = run(callbackctl(&["token"])).await.stdout;
    let two = run(callbackctl(&["token"])).await.stdout;
    let [token, hashed] = one
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect::<Vec<_>>()[..]
    else {
        panic!("{one}")
    };
    assert_eq!(token.len(), 64, "256 bits");
    assert_eq!(hashed, digest(token));
    assert_ne!(one, two);
}
