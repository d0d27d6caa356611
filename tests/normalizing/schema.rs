//! Validates messages against the schemas with an independent library. `crates/schema-gen` tests that the
//! schemas match the types.

use std::{fs, path::Path};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const FILES: [&str; 2] = ["message.v1.schema.json", "job-record.v1.schema.json"];

fn schema(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn validators() -> [Validator; 2] {
    FILES.map(|file| {
        jsonschema::options()
            .should_validate_formats(true)
            .build(&schema(file))
            .unwrap()
    })
}

#[test]
fn every_message_is_valid() {
    assert_valid(super::cases::messages());
}

#[test]
#[ignore = "needs ../shared"]
fn messages_of_published_bodies_are_valid() {
    assert_valid(super::vendor_bodies::messages());
}

fn assert_valid(messages: Vec<String>) {
    let [message_schema, record_schema] = validators();
    for message in messages {
        let message: Value = serde_json::from_str(&message).unwrap();
        for (validator, value) in [
            (&message_schema, &message),
            (&record_schema, &message["data"]),
        ] {
            if let Err(error) = validator.validate(value) {
                panic!("{}: {error}, in {message:#}", error.instance_path());
            }
        }
        assert!(!has_empty_text(&message), "{message:#}");
    }
}

/// Returns whether a message contains an empty text. The schemas do not use `minLength`, because code
/// generators would create a type for each field.
fn has_empty_text(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().any(has_empty_text),
        Value::Object(members) => members.values().any(has_empty_text),
        _ => false,
    }
}

#[test]
fn dataschema_is_the_id_of_the_schema_of_data() {
    let [message, record] = FILES.map(schema);
    assert_eq!(record["$id"], message["properties"]["dataschema"]["const"]);
    assert_eq!(
        record["properties"],
        message["properties"]["data"]["properties"]
    );
    assert_eq!(
        record["required"],
        message["properties"]["data"]["required"]
    );
}

/// Code generators reject, rename or wrap other schemas.
#[test]
fn schemas_suit_code_generators() {
    for (file, title) in FILES.iter().zip(["Message", "JobRecord"]) {
        let schema = schema(file);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert_eq!(schema["title"], title);
        let mut titles = Vec::new();
        let mut ids = 0;
        walk(&schema, &mut |object| {
            for keyword in ["$ref", "$defs", "enum", "anyOf", "oneOf", "minLength"] {
                assert!(
                    !object.contains_key(keyword),
                    "{file}: {keyword}: {object:?}"
                );
            }
            ids += usize::from(object.contains_key("$id"));
            if object.contains_key("properties") {
                titles.push(object["title"].as_str().unwrap().to_owned());
            }
        });
        assert_eq!(ids, 1, "{file}: quicktype accepts only one $id");
        let count = titles.len();
        titles.sort();
        titles.dedup();
        assert_eq!(
            titles.len(),
            count,
            "of two types with one title, one is renamed"
        );
        for title in titles {
            // `Error` and `Record` are types of TypeScript and Java.
            assert!(title.chars().all(char::is_alphanumeric), "{title}");
            assert!(!["Error", "Record"].contains(&&*title), "{title}");
        }
    }
}

/// Calls a function for each object in a schema.
fn walk(schema: &Value, look: &mut impl FnMut(&Map<String, Value>)) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| walk(item, look)),
        Value::Object(members) => {
            look(members);
            members.values().for_each(|value| walk(value, look));
        }
        _ => {}
    }
}

/// Returns a message with scenes.
fn message() -> Value {
    let messages = super::cases::messages();
    let mut messages = messages
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap());
    let found = messages.find(|message| message["data"]["moderation"]["scenes"].is_array());
    found.expect("a case with scenes")
}

#[test]
fn additions_of_a_later_version_are_valid() {
    let [validator, _] = validators();
    let mut message = message();
    message["partition"] = json!("a");
    for pointer in ["/data", "/data/input", "/data/moderation"] {
        message.pointer_mut(pointer).unwrap()["later"] = json!([]);
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
    let [validator, _] = validators();
    let valid = message();
    for (pointer, names) in [
        (
            "",
            "specversion id source type datacontenttype dataschema data",
        ),
        ("/data", "family outcome detail"),
    ] {
        for name in names.split(' ') {
            let mut message = valid.clone();
            let object = message.pointer_mut(pointer).unwrap();
            object.as_object_mut().unwrap().remove(name).unwrap();
            assert!(!validator.is_valid(&message), "without {pointer}/{name}");
        }
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
        ("/data", "inspection", json!({})),
        ("/data", "detail", json!({})),
        ("/data", "detail", json!("a")),
    ] {
        let mut message = valid.clone();
        message.pointer_mut(pointer).unwrap()[name] = value.clone();
        assert!(!validator.is_valid(&message), "{pointer}/{name}: {value}");
    }
}
