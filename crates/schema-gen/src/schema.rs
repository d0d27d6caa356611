//! Generates the schema of messages from the types that the function writes.

use cloud_infinite_job_record::Event;
use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

/// The messages that the examples are taken from: the first few whole, and from all of them one value
/// for each field.
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

/// Returns the schema of a message, with a definition for each type, as the page needs it.
pub(crate) fn definitions() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let generator = settings
        .with_transform(RecursiveTransform(never_empty))
        .into_generator();
    let mut schema = generator
        .into_root_schema_for::<Event<'static, Map<String, Value>>>()
        .to_value();
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        for (name, definition) in definitions {
            // `Record` is the name of a type in Java and TypeScript.
            let is_object = definition["type"] == "object" && !name.starts_with("Job");
            let title = if is_object {
                format!("Job{name}")
            } else {
                name.clone()
            };
            definition["title"] = json!(title);
        }
    }
    for message in examples() {
        exemplify(&mut schema, "", &message);
    }
    schema
}

/// Returns the schema as it is published: JSON Schema 2020-12.
///
/// It has no `$ref`. The schema of `data` has an `$id`, so that `dataschema` resolves to it. For a
/// validator, `#/$defs` in it would be relative to that `$id`; most code generators ignore `$id`.
pub(crate) fn schema(mut definitions: Value) -> Value {
    let types = definitions["$defs"].take();
    let mut schema = inline(definitions, &types);
    if let Some(members) = schema.as_object_mut() {
        members.remove("$defs");
    }
    schema["$id"] = json!("urn:cloud-infinite-callback:message:1");
    schema["examples"] = examples().take(WHOLE).collect();
    schema["properties"]["data"]["$id"] = schema["properties"]["dataschema"]["const"].clone();
    schema["properties"]["data"]["description"] = types["Record"]["description"].clone();
    schema
}

fn examples() -> impl Iterator<Item = Value> {
    MESSAGES
        .iter()
        .map(|message| serde_json::from_str(message).expect("a test case is JSON"))
}

/// Replaces each `$ref` by its definition.
fn inline(schema: Value, types: &Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(|item| inline(item, types)).collect(),
        Value::Object(mut members) => {
            if let Some(Value::String(reference)) = members.remove("$ref") {
                let definition = &types[reference.trim_start_matches("#/$defs/")];
                if definition["anyOf"].is_array() {
                    open_vocabulary(&mut members, definition);
                } else {
                    // A keyword next to the reference overrides that of the definition.
                    for (name, value) in definition.as_object().into_iter().flatten() {
                        members.entry(name).or_insert_with(|| value.clone());
                    }
                    if members.contains_key("const") {
                        members.remove("title");
                        members.remove("examples");
                    }
                }
            }
            let members = members.into_iter();
            members
                .map(|(name, value)| (name, inline(value, types)))
                .collect()
        }
        leaf => leaf,
    }
}

/// Describes an enum that may grow as a string, with its words as examples.
///
/// With `enum` or `const`, generated types would refuse a word that was added later, or not compare it
/// as text.
fn open_vocabulary(members: &mut Map<String, Value>, definition: &Value) {
    let mut description = text(&members["description"]).to_owned() + "\n";
    let mut words = Vec::new();
    for choice in definition["anyOf"].as_array().into_iter().flatten() {
        let meaning = text(&choice["description"]);
        if let Value::String(word) = &choice["const"] {
            description += &format!("\n- `{word}`: {meaning}");
            words.push(&**word);
        } else {
            description += &format!("\n- {meaning}");
            words.extend(meaning.starts_with("`unknown`").then_some("unknown"));
        }
    }
    members.insert("type".to_owned(), json!("string"));
    members.insert("description".to_owned(), json!(description));
    members.insert("examples".to_owned(), json!(words));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Declares that a field without a value is absent: nothing is null, and no array or object is empty.
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
            // One choice is left. Of two descriptions, the outer one is that of the field.
            if let Some(Value::Object(only)) = choices.pop() {
                map.remove(keyword);
                for (name, value) in only {
                    map.entry(name).or_insert(value);
                }
            }
        }
    }
    if let Some(Value::String(description)) = map.get_mut("description") {
        // Joins the lines of a paragraph.
        let paragraphs = description.split("\n\n");
        let joined: Vec<_> = paragraphs.map(|text| text.replace('\n', " ")).collect();
        *description = joined.join("\n\n");
    }
    // Not `minLength` of strings: generated code would have a type for each of them.
    let least = match map.get("type").and_then(Value::as_str) {
        Some("array") => "minItems",
        Some("object") if !map.contains_key("required") => "minProperties",
        _ => return,
    };
    map.insert(least.to_owned(), json!(1));
}

/// Adds the values of a message as examples to the schema at a pointer, where it has none.
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

/// Returns the pointer of the definition that a schema refers to.
pub(crate) fn reference(schema: &Value) -> Option<String> {
    Some(schema["$ref"].as_str()?.strip_prefix('#')?.to_owned())
}
