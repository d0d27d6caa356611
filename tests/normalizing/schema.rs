//! Messages against the schema, read by a library that is not ours. `crates/schema-gen` tests that
//! the schema is the one of the types.

use std::{fs, path::Path};

use jsonschema::Validator;
use serde_json::{Value, json};

fn schema() -> Value {
    let file = "schema/job-record.v1.schema.json";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn validator() -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema())
        .unwrap()
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::meta::is_valid(&schema()));
    assert_eq!(
        schema()["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

#[test]
fn every_message_is_valid() {
    let validator = validator();
    let mut messages = super::cases::messages();
    messages.extend(super::vendor_bodies::messages());
    for message in messages {
        let message = serde_json::from_str(&message).unwrap();
        if let Err(error) = validator.validate(&message) {
            panic!("{}: {error}, in {message:#}", error.instance_path());
        }
        assert!(!has_empty_text(&message), "{message:#}");
    }
}

/// Whether a text is empty somewhere, which the schema leaves to this test: with `minLength`,
/// generators of code make a type of each field.
fn has_empty_text(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().any(has_empty_text),
        Value::Object(members) => members.values().any(has_empty_text),
        _ => false,
    }
}

#[test]
fn dataschema_names_the_schema_of_data() {
    let message = message();
    let id = message["dataschema"].as_str().unwrap();
    let registry = jsonschema::Registry::new()
        .add("urn:cloud-infinite-callback:message:1", schema())
        .unwrap()
        .prepare()
        .unwrap();
    let validator = jsonschema::options()
        .with_registry(&registry)
        .build(&json!({"$ref": id}))
        .unwrap();
    assert!(validator.is_valid(&message["data"]));
    assert!(!validator.is_valid(&message));
    let mut task = message["data"].clone();
    task["tasks"] = json!([{"jobId": "a"}]);
    assert!(!validator.is_valid(&task), "a task without an outcome");
}

#[test]
fn types_can_be_generated_from_it() {
    let schema = schema();
    assert_eq!(schema["title"], "Message");
    let mut titles = Vec::new();
    walk(&schema, &mut |object| {
        assert!(!object.contains_key("$ref"), "{object:?}");
        // A word that is added later must be read, and be text in every language.
        for keyword in ["enum", "anyOf", "oneOf", "minLength"] {
            assert!(!object.contains_key(keyword), "{keyword}: {object:?}");
        }
        if object.contains_key("properties") {
            titles.push(object["title"].as_str().unwrap().to_owned());
        }
    });
    titles.sort();
    let count = titles.len();
    titles.dedup();
    assert_eq!(
        titles.len(),
        count,
        "of two types with one title, generators rename one"
    );
    for title in titles {
        assert!(title.chars().all(char::is_alphanumeric), "{title}");
        assert!(!["Error", "Record"].contains(&&*title), "{title}");
    }
}

/// Calls a function with each schema inside a schema. Leaves out examples.
fn walk(schema: &Value, look: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| walk(item, look)),
        Value::Object(members) => {
            look(members);
            let schemas = members.iter().filter(|(name, _)| *name != "examples");
            schemas.for_each(|(_, value)| walk(value, look));
        }
        _ => {}
    }
}

/// A message with a value at each level.
fn message() -> Value {
    let name = "tests/cases/moderation/ok_review_image_two_scenes_frozen.expected.json";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_a_later_writer_adds_is_valid() {
    let validator = validator();
    let mut message = message();
    assert!(validator.is_valid(&message));
    message["partition"] = json!("a");
    for (pointer, name) in [
        ("/data", "price"),
        ("/data/input", "version"),
        ("/data/moderation", "why"),
    ] {
        message.pointer_mut(pointer).unwrap()[name] = json!([]);
    }
    for (pointer, name) in [
        ("/data", "family"),
        ("/data", "outcome"),
        ("/data/moderation", "verdict"),
        ("/data/moderation", "forbidden"),
    ] {
        message.pointer_mut(pointer).unwrap()[name] = json!("later");
    }
    if let Err(error) = validator.validate(&message) {
        panic!("{error}");
    }
}

#[test]
fn broken_messages_are_refused() {
    let validator = validator();
    for required in [
        "specversion",
        "id",
        "source",
        "type",
        "datacontenttype",
        "dataschema",
        "data",
    ] {
        let mut message = message();
        message.as_object_mut().unwrap().remove(required).unwrap();
        assert!(!validator.is_valid(&message), "without {required}");
    }
    for required in ["family", "outcome", "detail"] {
        let mut message = message();
        message["data"]
            .as_object_mut()
            .unwrap()
            .remove(required)
            .unwrap();
        assert!(!validator.is_valid(&message), "without data.{required}");
    }
    for (pointer, name, value) in [
        ("", "specversion", json!("2.0")),
        ("", "id", json!("")),
        ("", "id", json!("a b")),
        ("", "id", json!("a".repeat(129))),
        ("", "source", json!("https://example.com")),
        ("", "type", json!("succeeded")),
        ("", "time", json!("2024-05-06 01:02:03")),
        ("", "time", json!("2024-05-06T01:02:03+08:00")),
        ("", "time", json!("2024-13-06T01:02:03Z")),
        (
            "",
            "dataschema",
            json!("urn:cloud-infinite-callback:job-record:2"),
        ),
        ("", "data", json!({})),
        ("/data", "family", json!(1)),
        ("/data", "jobId", Value::Null),
        ("/data", "error", json!({})),
        ("/data", "problems", json!([])),
        ("/data", "problems", json!([{"code": "a"}])),
        ("/data", "createdAt", json!("soon")),
        ("/data", "input", json!({})),
        ("/data", "input", Value::Null),
        ("/data", "headers", json!({})),
        ("/data", "headers", json!({"a": 1})),
        ("/data", "outputs", json!({"object": "a"})),
        ("/data", "outputs", json!([])),
        ("/data", "outputs", json!(["a"])),
        ("/data", "outputs", json!([{"bucket": "b"}])),
        ("/data", "outputs", json!([{"object": "a"}])),
        ("/data", "workflow", json!({})),
        ("/data", "tasks", json!([{"jobId": "a"}])),
        ("/data", "moderation", json!({})),
        ("/data", "moderation", Value::Null),
        ("/data/moderation", "score", json!("90")),
        ("/data/moderation", "hits", json!([])),
        ("/data", "detail", json!({})),
        ("/data", "detail", json!("a")),
    ] {
        let mut message = message();
        message.pointer_mut(pointer).unwrap()[name] = value.clone();
        assert!(!validator.is_valid(&message), "{pointer}/{name}: {value}");
    }
}
