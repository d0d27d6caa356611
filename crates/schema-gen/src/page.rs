//! Formats the schema as a page, `docs/record.md`.

use std::collections::VecDeque;

use serde_json::Value;

use crate::schema::text;

const INTRODUCTION: &str = include_str!("introduction.md");

/// The table of job kinds, which the types do not contain.
const JOB_KINDS: &str = include_str!("job-kinds.md");

/// Returns the page of a schema: a table for each object and each enum in it, by title.
pub(crate) fn page(schema: &Value) -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut titles = Vec::new();
    let mut schemas = VecDeque::from([schema]);
    while let Some(schema) = schemas.pop_front() {
        let title = text(schema.get("title"));
        if title.is_empty() || titles.contains(&title) {
            continue;
        }
        page += &format!("\n## {title}\n\n");
        match &schema["anyOf"] {
            Value::Array(choices) => words(&mut page, choices),
            _ => fields(&mut page, schema),
        }
        titles.push(title);
        let properties = schema["properties"].as_object().into_iter().flatten();
        schemas.extend(properties.map(|(_, property)| property.get("items").unwrap_or(property)));
    }
    page + JOB_KINDS
}

/// Adds a table of an object's fields. Required fields come first.
fn fields(page: &mut String, schema: &Value) {
    *page += "| field | is | meaning |\n|---|---|---|\n";
    let required = schema["required"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut fields: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    fields.sort_by_key(|(name, _)| !required.contains(&Value::from(name.as_str())));
    for (name, property) in fields {
        let always = if required.contains(&Value::from(name.as_str())) {
            ", *always*"
        } else {
            ""
        };
        let (kind, meaning) = (kind(property), cell(property));
        *page += &format!("| `{name}` | {kind}{always} | {meaning} |\n");
    }
}

/// Adds a table of an enum's values.
fn words(page: &mut String, choices: &[Value]) {
    *page += "| value | meaning |\n|---|---|\n";
    for choice in choices {
        let word = choice["const"]
            .as_str()
            .map_or("any other".to_owned(), |word| format!("`{word}`"));
        *page += &format!("| {word} | {} |\n", cell(choice));
    }
}

/// Returns the description of a schema as the cell of a table.
fn cell(schema: &Value) -> String {
    text(schema.get("description"))
        .replace('|', "\\|")
        .replace("\n\n", " ")
}

/// Returns the type of a field.
fn kind(schema: &Value) -> String {
    let (constant, title) = (text(schema.get("const")), text(schema.get("title")));
    if !constant.is_empty() {
        return format!("`{constant}`");
    }
    if !title.is_empty() {
        return format!("[{title}](#{})", title.to_lowercase());
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("string"), _) => "text".to_owned(),
        (Some("array"), _) => format!("array of {}", kind(&schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        (other, _) => other.unwrap_or_default().to_owned(),
    }
}
