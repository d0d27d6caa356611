//! Generates the schemas from the types that the function writes.

use cloud_infinite_job_record::{Event, Record};
use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Map, Value, json};

/// Returns the schema of a message, with enums as `anyOf` of their values.
pub(crate) fn message() -> Schema {
    generate::<Event<'static, Map<String, Value>>>("urn:cloud-infinite-callback:message:1")
}

/// Returns the schema of `data`, with the `$id` that `dataschema` names.
pub(crate) fn record() -> Schema {
    generate::<Record<'static, Map<String, Value>>>("urn:cloud-infinite-callback:job-record:1")
}

/// Returns the schema to publish, with enums as text.
///
/// With `enum` or `const`, generated types would reject values of later versions, or could not compare them as
/// text.
pub(crate) fn published(mut schema: Schema) -> Schema {
    RecursiveTransform(open_vocabulary).transform(&mut schema);
    schema
}

/// Generates a schema: JSON Schema 2020-12 without `$ref`.
fn generate<T: JsonSchema>(id: &str) -> Schema {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    let generator = settings
        .with_transform(RecursiveTransform(never_empty))
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), json!(id));
    schema
}

/// Declares that fields without a value are absent: no field is null, and no array or object is empty.
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
        let Some(Value::Array(mut choices)) = map.remove(keyword) else {
            continue;
        };
        choices.retain(|choice| choice["type"] != "null");
        if choices.len() > 1 {
            map.insert(keyword.to_owned(), Value::Array(choices));
        } else if let Some(Value::Object(only)) = choices.pop() {
            // The outer description is that of the field.
            for (name, value) in only {
                map.entry(name).or_insert(value);
            }
        }
    }
    if let Some(Value::String(description)) = map.get_mut("description") {
        // Joins the lines of a paragraph.
        let paragraphs = description.split("\n\n");
        let joined: Vec<_> = paragraphs.map(|text| text.replace('\n', " ")).collect();
        *description = joined.join("\n\n");
    }
    // Strings have no `minLength`: generated code would have a type for each of them.
    let least = match map.get("type").and_then(Value::as_str) {
        Some("array") => "minItems",
        Some("object") if !map.contains_key("required") => "minProperties",
        _ => return,
    };
    map.insert(least.to_owned(), json!(1));
}

/// Replaces an extensible enum by text, with its values in the description.
fn open_vocabulary(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.remove("anyOf") else {
        return;
    };
    let mut description = text(schema.get("description")) + "\n";
    for choice in &choices {
        let meaning = text(choice.get("description"));
        description += &match &choice["const"] {
            Value::String(word) => format!("\n- `{word}`: {meaning}"),
            _ => format!("\n- {meaning}"),
        };
    }
    schema.remove("title");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("description".to_owned(), json!(description));
}

/// Returns a keyword's text.
pub(crate) fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
