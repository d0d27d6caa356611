//! The schema of messages, made from the types that the function writes.

use cloud_infinite_job_record::Event;
use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

/// Messages that give the examples: the first few whole, and of all of them each field's value.
const MESSAGES: &[&str] = &[
    include_str!("../../../tests/cases/task/ok_task_transcode.expected.json"),
    include_str!("../../../tests/cases/moderation/ok_review_image_two_scenes_frozen.expected.json"),
    include_str!("../../../tests/cases/workflow/ok_workflow_partial_by_an_object.expected.json"),
    include_str!("../../../tests/cases/task/ok_task_failed_without_outputs.expected.json"),
    include_str!("../../../tests/cases/task/ok_unreadable_time_and_trailing_commas.expected.json"),
    include_str!("../../../tests/cases/task/ok_input_by_url.expected.json"),
    include_str!("../../../tests/cases/task/ok_task_started_by_a_workflow.expected.json"),
    include_str!("../../../tests/cases/task/ok_doc_process_bucket_of_the_output.expected.json"),
    include_str!("../../../tests/cases/task/ok_media_facts_of_the_only_output.expected.json"),
    include_str!(
        "../../../tests/cases/task/ok_pic_process_failed_element_is_no_output.expected.json"
    ),
    include_str!("../../../tests/cases/workflow/ok_workflow_reasons_of_its_tasks.expected.json"),
    include_str!(
        "../../../tests/cases/moderation/ok_moderation_scenes_of_equal_names.expected.json"
    ),
];

/// How many messages are whole examples.
const WHOLE: usize = 3;

/// The schema of a message: JSON Schema 2020-12.
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let generator = settings
        .with_transform(RecursiveTransform(never_empty))
        .into_generator();
    let mut schema = generator
        .into_root_schema_for::<Event<'static, Map<String, Value>>>()
        .to_value();
    let examples: Vec<Value> = MESSAGES
        .iter()
        .map(|message| serde_json::from_str(message).expect("a test case is JSON"))
        .collect();
    for message in &examples {
        exemplify(&mut schema, "", message);
    }
    schema["$id"] = json!("urn:cloud-infinite-callback:message:1");
    schema["title"] = json!("A message about one job of Cloud Infinite");
    schema["examples"] = json!(examples[..WHOLE]);
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        for (name, definition) in definitions {
            definition["title"] = json!(name);
        }
    }
    schema
}

/// Says of a schema what holds for all of a message: what has no value is absent. So nothing is
/// null, and no text, array or object is empty.
fn never_empty(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = map.get_mut(keyword) else {
            continue;
        };
        choices.retain(|choice| choice["type"] != "null");
        if choices.len() == 1 {
            // No choice at all. Of two descriptions the outer one says what it is here.
            if let Some(Value::Object(only)) = choices.pop() {
                map.remove(keyword);
                for (name, value) in only {
                    map.entry(name).or_insert(value);
                }
            }
        }
    }
    if let Some(Value::String(description)) = map.get_mut("description") {
        // Lines of the source mean nothing; paragraphs do.
        let paragraphs = description.split("\n\n");
        let joined: Vec<_> = paragraphs.map(|text| text.replace('\n', " ")).collect();
        *description = joined.join("\n\n");
    }
    let is_open = !map.contains_key("const") && !map.contains_key("pattern");
    let least = match map.get("type").and_then(Value::as_str) {
        Some("string") if is_open => "minLength",
        Some("array") => "minItems",
        Some("object") if !map.contains_key("required") => "minProperties",
        _ => return,
    };
    map.insert(least.to_owned(), json!(1));
}

/// Gives the fields of the schema at a pointer their values in a message as examples, unless they
/// have one.
fn exemplify(schema: &mut Value, pointer: &str, value: &Value) {
    let Some(place) = schema.pointer_mut(pointer) else {
        return;
    };
    match value {
        Value::Object(members) => {
            let pointer = reference(place).unwrap_or_else(|| pointer.to_owned());
            for (name, value) in members {
                exemplify(schema, &format!("{pointer}/properties/{name}"), value);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                exemplify(schema, &format!("{pointer}/items"), item);
            }
        }
        leaf if place.get("const").is_none() && place.get("examples").is_none() => {
            place["examples"] = json!([leaf]);
        }
        _ => {}
    }
}

/// The pointer of the definition that a schema refers to.
pub(crate) fn reference(schema: &Value) -> Option<String> {
    Some(schema["$ref"].as_str()?.strip_prefix('#')?.to_owned())
}
