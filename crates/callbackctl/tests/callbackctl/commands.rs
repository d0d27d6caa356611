//! The operator's commands that need no network.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use testkit::{
    bodies::{event_id, probe, snapshot, tasks, to_json, to_xml},
    function::digest,
};

fn callbackctl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_callbackctl"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo has built it");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[test]
fn normalize_prints_a_message_a_line() {
    let output = callbackctl(
        &["normalize", "-"],
        &to_xml(&tasks([snapshot(1), snapshot(2)])),
    );
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let ids: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"))
        .map(|event| event["id"].as_str().expect("it has an id").to_owned())
        .collect();
    assert_eq!(ids, [event_id(1), event_id(2)]);
}

#[test]
fn normalize_says_why_a_body_would_be_quarantined() {
    let output = callbackctl(&["normalize", "-"], b"{\"a\": }");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"");
    assert_eq!(output.stderr, b"-: line 1, column 7: expected a value\n");
}

#[test]
fn normalize_prints_no_message_for_a_probe() {
    let output = callbackctl(&["normalize", "-"], &to_json(&probe()));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"");
}

#[test]
fn it_ends_quietly_if_standard_output_is_closed() {
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

#[test]
fn a_token_comes_with_its_digest() {
    let words = |output: &Output| -> Vec<String> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .filter_map(|line| line.split_whitespace().last().map(str::to_owned))
            .collect()
    };
    let (one, two) = (callbackctl(&["token"], b""), callbackctl(&["token"], b""));
    let [token, hashed] = &words(&one)[..] else {
        panic!("{one:?}")
    };
    assert_eq!(token.len(), 64, "256 bits");
    assert_eq!(*hashed, digest(token));
    assert_ne!(words(&one), words(&two));
}

/// The errors of the HTTP client quote it.
#[test]
fn the_doctor_never_prints_the_url_with_its_token() {
    for url in [
        "http://127.0.0.1:9/s3cret",
        "http://127.0.0.1:9/?token=s3cret",
        "http://h h/s3cret",
        "ftp://h/s3cret",
        "//s3cret",
        "s3cret",
    ] {
        let output = callbackctl(&["doctor", url], b"");
        assert_eq!(output.status.code(), Some(1), "{url}");
        let written = [output.stdout, output.stderr].concat();
        let written = String::from_utf8_lossy(&written);
        assert!(
            written.starts_with("wrong  the URL cannot be reached: "),
            "{written}"
        );
        assert!(!written.contains("s3cret"), "{written}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = callbackctl(&["--version"], b"");
    assert_eq!(output.status.code(), Some(0));
    let expected = format!("callbackctl {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}
