//! Tests Tencent's published bodies: no field is lost.

use std::{collections::BTreeSet, fs, path::PathBuf};

use cloud_infinite_callback::callback::Payload;

use super::tree::{Leaf, Tree};

/// The bodies that were published without a bracket (see `SOURCES.md`), with their errors.
const BROKEN: &[(&str, &str)] = &[
    (
        "words-generalize-notag-1.json",
        "line 60, column 5: expected \",\" or \"]\"",
    ),
    (
        "words-generalize-notag-2.json",
        "line 60, column 5: expected \",\" or \"]\"",
    ),
];

/// Published examples of the probe that Tencent's console sends when a URL is saved.
const PROBES: &[&str] = &[
    "review-image-simple-1.json",
    "review-text-simple-1.json",
    "review-video-simple-1.json",
];

fn bodies() -> Vec<PathBuf> {
    let mut bodies: Vec<_> = fs::read_dir(testkit::shared("callbacks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "md"))
        .collect();
    bodies.sort();
    assert!(!bodies.is_empty());
    bodies
}

/// Returns the messages of all readable bodies.
pub(super) fn messages() -> Vec<String> {
    super::messages_of_files(&bodies())
}

fn name(path: &std::path::Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
#[ignore = "needs ../shared"]
fn every_leaf_of_every_readable_body_is_in_a_message() {
    for path in bodies() {
        let is_broken = BROKEN.iter().any(|(broken, _)| *broken == name(&path));
        if is_broken || PROBES.contains(&name(&path)) {
            continue;
        }
        let body = fs::read_to_string(&path).unwrap();
        let messages = super::messages(body.as_bytes()).unwrap();
        let mut expected = match name(&path).ends_with(".xml") {
            true => Tree::of_xml(&body),
            false => Tree::of_json(&body),
        }
        .leaves();
        for (path, _) in &mut expected {
            *path = path
                .replace("/JobsDetail/", "/")
                .replace("/WorkflowExecution/", "/");
        }
        let mut found = Vec::new();
        for message in &messages {
            found.extend(detail_and_event(message));
        }
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{}", path.display());
    }
}

/// Returns the leaves of a message's detail and the event, which is not in the detail if it is a sibling of the
/// node.
fn detail_and_event(message: &str) -> Vec<Leaf> {
    let all = Tree::of_json(message).leaves();
    let mut leaves: Vec<_> = all
        .iter()
        .filter_map(|(path, text)| {
            Some((path.strip_prefix("/data/detail")?.to_owned(), text.clone()))
        })
        .collect();
    let is_inside = leaves.iter().any(|(path, _)| path == "/data/event");
    if !is_inside {
        let event = all.iter().find(|(path, _)| path == "/data/event");
        leaves.extend(event.map(|(_, text)| ("/EventName".to_owned(), text.clone())));
    }
    leaves
}

#[test]
#[ignore = "needs ../shared"]
fn every_broken_body_is_refused_with_its_place() {
    let broken: BTreeSet<_> = BROKEN.iter().map(|(name, _)| *name).collect();
    for path in bodies() {
        match super::messages(&fs::read(&path).unwrap()) {
            Ok(_) => assert!(!broken.contains(name(&path)), "{} was read", path.display()),
            Err(reason) => {
                assert!(
                    BROKEN.contains(&(name(&path), &reason)),
                    "{}: {reason}",
                    path.display()
                );
            }
        }
    }
}

#[test]
#[ignore = "needs ../shared"]
fn both_formats_of_one_page_give_equal_details() {
    // On these pages, both formats describe the same job.
    for name in [
        "workflow-finish-1",
        "noise-reduction-1",
        "tts-2",
        "pic-process-2",
    ] {
        let twin = match name {
            "pic-process-2" => "pic-process-4",
            name => name,
        };
        let [xml, json] = [format!("{twin}.xml"), format!("{name}.json")].map(|file| {
            let body = fs::read(testkit::shared("callbacks").join(file)).unwrap();
            super::messages(&body).unwrap()
        });
        assert_eq!(xml, json, "{name}");
    }
}

#[test]
#[ignore = "needs ../shared"]
fn probes_give_no_record() {
    for path in bodies() {
        let body = fs::read(&path).unwrap();
        let Ok(payload) = Payload::read(&body) else {
            continue;
        };
        assert_eq!(
            matches!(payload, Payload::Probe),
            PROBES.contains(&name(&path)),
            "{}",
            path.display()
        );
    }
}

#[test]
fn what_only_looks_like_a_probe_is_a_record() {
    let message = "Test request when setting callback url";
    for body in [
        serde_json::json!({"code": 0, "message": message, "data": {"trace_id": "sa1"}}),
        serde_json::json!({"code": 0, "message": "success", "data": {"trace_id": "test_trace_id"}}),
        serde_json::json!({"code": 0, "message": message,
            "data": [{"trace_id": "test_trace_id"}, {"trace_id": "sa1", "result": 1}]}),
        serde_json::json!({"code": 0, "message": message,
            "data": {"trace_id": ["test_trace_id", "sa1"]}}),
        serde_json::json!({"code": 0, "message": [message, "success"],
            "data": {"trace_id": "test_trace_id"}}),
    ] {
        let body = body.to_string();
        let payload = Payload::read(body.as_bytes()).unwrap();
        assert!(matches!(payload, Payload::Callback(_)), "{body}");
    }
}
