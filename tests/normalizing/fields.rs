//! Tests that the field tables match Tencent's documentation: only the fields that are documented as lists,
//! numbers or booleans have these types in the normal form.

use std::fs;

use serde_json::{Value, json};

/// Returns the value in `detail` at a `/`-separated path, for a body with `leaf` at this path.
fn normal(event: &str, path: &str, leaf: &str) -> Value {
    let mut job = json!(leaf);
    for name in path.split('/').rev() {
        job = json!({ name: job });
    }
    let body = json!({ "EventName": event, "JobsDetail": job }).to_string();
    let message = super::messages(body.as_bytes()).unwrap().remove(0);
    let message: Value = serde_json::from_str(&message).unwrap();
    let mut value = &message["data"]["detail"];
    for name in path.split('/') {
        // A parent may also be a list.
        value = &value.get(0).unwrap_or(value)[name];
    }
    value.clone()
}

#[test]
#[ignore = "needs ../shared"]
fn every_listed_name_has_its_kind() {
    let fields = fs::read_to_string(testkit::shared("vendor/fields.csv")).unwrap();
    let mut kinds = std::collections::BTreeMap::<&str, usize>::new();
    for line in fields.lines().skip(1) {
        let mut columns = line.split(',');
        let (name, kind) = (columns.next().unwrap(), columns.next().unwrap());
        *kinds.entry(kind).or_default() += 1;
        let path = format!("Operation/{name}");
        match kind {
            // The vendor node itself is not a field.
            "list" if name == "JobsDetail" => {}
            "list" => assert_eq!(normal("TaskFinish", &path, "x"), json!(["x"]), "{name}"),
            "number" => assert_eq!(normal("TaskFinish", &path, "5"), json!(5), "{name}"),
            "boolean" => assert_eq!(normal("TaskFinish", &path, "true"), json!(true), "{name}"),
            "string" => assert_eq!(normal("TaskFinish", &path, "5"), json!("5"), "{name}"),
            // The tests below cover these fields.
            "list?" | "string?" | "headers" => {}
            other => panic!("expected a known kind, but found {other}"),
        }
    }
    assert!(
        kinds["list"] > 50 && kinds["number"] > 90 && kinds["boolean"] > 20,
        "{kinds:?}"
    );
}

#[test]
fn names_that_are_not_listed_are_text() {
    for name in [
        "Tags",
        "ObjectName",
        "Md5Info",
        "Results",
        "Audio",
        "Workflow",
        "Anything",
    ] {
        assert_eq!(
            normal("TaskFinish", &format!("Operation/{name}"), "5"),
            json!("5"),
            "{name}"
        );
    }
    for name in ["size", "FORCE", "PicSize2", ""] {
        assert_eq!(
            normal("TaskFinish", &format!("Operation/{name}"), "5"),
            json!("5"),
            "{name}"
        );
    }
}

#[test]
fn some_names_mean_something_else_in_moderation() {
    assert_eq!(normal("ReviewVideo", "Snapshot", "x"), json!(["x"]));
    assert_eq!(normal("TaskFinish", "Snapshot", "x"), json!("x"));
    assert_eq!(normal("ReviewVideo", "Operation/Snapshot", "x"), json!("x"));
    assert_eq!(normal("ReviewVideo", "Result", "1"), json!(1));
    assert_eq!(normal("ReviewVideo", "Anything/Result", "1"), json!(1));
    assert_eq!(
        normal("TaskFinish", "SpeechRecognitionResult/Result", "1"),
        json!("1")
    );
}

#[test]
fn some_names_are_numbers_only_below_certain_parents() {
    assert_eq!(
        normal("TaskFinish", "LanguageResults/StartTime", "0.5"),
        json!(0.5)
    );
    assert_eq!(
        normal("TaskFinish", "Format/StartTime", "0.5"),
        json!("0.5")
    );
}

#[test]
fn what_is_no_number_or_boolean_by_json_stays_text() {
    for text in [
        "007", "1.", ".5", "+1", "1e", "0x10", "NaN", "1 ", " 1", "-", "١", "1,5",
    ] {
        assert_eq!(normal("TaskFinish", "Size", text), json!(text), "{text:?}");
    }
    for text in ["True", "TRUE", "1", " true"] {
        assert_eq!(normal("TaskFinish", "Force", text), json!(text), "{text:?}");
    }
}
