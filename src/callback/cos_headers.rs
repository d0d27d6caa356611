//! Reads `CosHeaders`, the headers of a job's input object, in each of the vendor's forms.
//!
//! Tasks and workflows repeat `{Key, Value}`, moderation has a plain map. A header without a value is
//! ignored.

use std::collections::BTreeMap;

use super::tree::{MIXED_TEXT, Member, Node, Object, Value, Values};

/// The element with headers: pairs or maps, which become one map of texts.
pub(crate) const COS_HEADERS: &str = "CosHeaders";

/// Returns an object without headers that have no value, unless nothing else is left of it.
pub(super) fn object(mut members: Vec<Member<'_>>) -> Option<Node<'_>> {
    members.retain(|(name, value)| name != COS_HEADERS || !is_empty(value));
    Node::object(members)
}

/// Whether a value of `CosHeaders` contains only headers without a value.
fn is_empty(value: &Value<'_>) -> bool {
    let mut nodes = value.as_slice().iter();
    nodes.all(|node| match node {
        Node::Object(object) => pair(object).is_some_and(|(_, values)| values.is_empty()),
        Node::Text(_) => false,
    })
}

/// Returns the headers in all values of `CosHeaders`.
pub(crate) fn cos_headers<'t>(values: Values<'t>) -> BTreeMap<&'t str, Vec<&'t Node<'t>>> {
    let mut headers: BTreeMap<&str, Vec<&Node<'_>>> = BTreeMap::new();
    for value in values.iter() {
        match value {
            Node::Object(object) => match pair(object) {
                Some((_, values)) if values.is_empty() => {}
                Some((key, values)) => headers.entry(key).or_default().extend(values.iter()),
                None => {
                    for (name, values) in object.names() {
                        headers.entry(name).or_default().extend(values.iter());
                    }
                }
            },
            // The vendor does not use this form. Keep it like text next to elements.
            other => headers.entry(MIXED_TEXT).or_default().push(other),
        }
    }
    headers
}

/// Returns the key and the values of an object, if it is a pair and nothing else.
fn pair<'t>(object: &'t Object<'t>) -> Option<(&'t str, Values<'t>)> {
    if !object
        .names()
        .all(|(name, _)| name == "Key" || name == "Value")
    {
        return None;
    }
    let keys = object.values("Key");
    match keys.first()? {
        Node::Text(key) if !keys.is_repeated() => Some((key, object.values("Value"))),
        _ => None,
    }
}
