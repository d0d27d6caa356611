//! The schema for people: `docs/record.md`.

use cloud_infinite_callback::record::{
    Error, Event, Input, Moderation, Output, Problem, Record, Task, Workflow,
};
use serde::{
    Deserializer,
    de::{DeserializeOwned, Error as _, Visitor, value},
    forward_to_deserialize_any,
};
use serde_json::Value;

use crate::schema::reference;

const INTRODUCTION: &str = "\
# The message, field by field

Made by `make schema` from the types in [`src/record`](../src/record), like
[the schema](../schema/job-record.v1.schema.json). A mistake here is mended there.

A field without a value is absent, never null or empty: no text, array or object is empty. What is
marked *always* is in every message. Any other field is absent where the body has no such value, or
none that can be used, which `warnings` tells.

Readers pass over fields that they do not know, and keep words that they do not know: a later writer
may add both.
";

/// The page of a schema.
pub(crate) fn page(schema: &Value) -> String {
    let mut page = INTRODUCTION.to_owned();
    object(
        &mut page,
        schema,
        "The envelope",
        schema,
        fields::<Event<'_, Value>>(),
    );
    for (name, fields) in [
        ("Record", fields::<Record<'_, Value>>()),
        ("Error", fields::<Error<'_>>()),
        ("Problem", fields::<Problem<'_>>()),
        ("Input", fields::<Input<'_>>()),
        ("Output", fields::<Output<'_>>()),
        ("Workflow", fields::<Workflow<'_>>()),
        ("Task", fields::<Task<'_>>()),
        ("Moderation", fields::<Moderation<'_>>()),
    ] {
        object(&mut page, schema, name, &schema["$defs"][name], fields);
    }
    for name in ["Family", "Outcome", "Verdict", "Forbidden"] {
        words(&mut page, name, &schema["$defs"][name]);
    }
    page
}

/// A table of an object's fields, in this order.
fn object(page: &mut String, root: &Value, title: &str, schema: &Value, fields: &[&str]) {
    heading(page, title, schema);
    *page += "| field | is | meaning |\n|---|---|---|\n";
    for field in fields {
        let property = &schema["properties"][field];
        let mut kind = kind(root, property);
        let required = schema["required"].as_array();
        if required.is_some_and(|names| names.iter().any(|name| name == field)) {
            kind += ", *always*";
        }
        let meaning = cell(&property["description"]);
        let example = match &property["examples"][0] {
            Value::Null => String::new(),
            // It has no other value.
            _ if kind.starts_with('`') => String::new(),
            example => format!(" For example `{}`", example.to_string().replace('|', "\\|")),
        };
        *page += &format!("| `{field}` | {kind} | {meaning}{example} |\n");
    }
}

/// A table of a set of words.
fn words(page: &mut String, name: &str, schema: &Value) {
    heading(page, name, schema);
    *page += "| word | means |\n|---|---|\n";
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        let word = match choice["const"].as_str() {
            Some(word) => format!("`{word}`"),
            None => "any other".to_owned(),
        };
        *page += &format!("| {word} | {} |\n", cell(&choice["description"]));
    }
}

fn heading(page: &mut String, title: &str, schema: &Value) {
    let description = schema["description"].as_str().unwrap_or_default();
    *page += &format!("\n## {title}\n\n{description}\n\n");
}

/// A description as it can stand in a table.
fn cell(description: &Value) -> String {
    let text = description.as_str().unwrap_or_default();
    text.replace('|', "\\|").replace("\n\n", " ")
}

/// What a field is, in a few words.
fn kind(root: &Value, schema: &Value) -> String {
    if let Some(definition) = reference(schema).and_then(|pointer| root.pointer(&pointer)) {
        return match (&definition["const"], &definition["title"]) {
            (Value::String(text), _) => format!("`{text}`"),
            (_, title) => {
                let title = title.as_str().unwrap_or_default();
                format!("[{title}](#{})", title.to_lowercase())
            }
        };
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("string"), _) => "text".to_owned(),
        (Some("array"), _) => format!("array of {}", kind(root, &schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(root, &schema["additionalProperties"]))
        }
        (other, _) => other.unwrap_or_default().to_owned(),
    }
}

/// A struct's fields in their order, which the schema does not keep.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &[&str] = &[];
    // It ends with an error, since there is nothing to read.
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

/// Asked to read a struct, it keeps the names that the struct has, and reads nothing.
struct Fields<'f>(&'f mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(value::Error::custom("nothing to read"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(value::Error::custom("expected a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
