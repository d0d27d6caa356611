//! Reads `CosHeaders`, the headers of a job's input object, in each of Tencent's forms.
//!
//! Tasks and workflows repeat `{Key, Value}`, moderation has a plain map. A header without a value is
//! ignored.

use std::collections::BTreeMap;

use super::tree::{MIXED_TEXT, Member, Node, Object, Values};

/// The element with headers: pairs or maps, which become one map of texts.
pub(crate) const COS_HEADERS: &str = "CosHeaders";

/// Returns an object without headers that have no value, unless nothing else is left of it.
pub(super) fn object_without_empty_headers(mut members: Vec<Member<'_>>) -> Option<Node<'_>> {
    let is_empty = |value: &Node<'_>| {
        let pair = value.as_object().and_then(pair);
        pair.is_some_and(|(_, values)| values.is_empty())
    };
    members.retain(|(name, value)| **name != *COS_HEADERS || !is_empty(value));
    Node::object(members)
}

/// Returns the headers in all values of `CosHeaders`.
pub(crate) fn cos_headers<'t>(values: Values<'t>) -> BTreeMap<&'t str, Vec<&'t Node<'t>>> {
    let mut headers: BTreeMap<&str, Vec<&Node<'_>>> = BTreeMap::new();
    for value in values.iter() {
        let Node::Object(object) = value else {
            // Tencent does not use this form. Keep it like text next to elements.
            headers.entry(MIXED_TEXT).or_default().push(value);
            continue;
        };
        match pair(object) {
            Some((key, values)) => headers.entry(key).or_default().extend(values.iter()),
            None => {
                for (name, values) in object.names() {
                    headers.entry(name).or_default().extend(values.iter());
                }
            }
        }
    }
    headers
}

/// Returns the key and the values of an object, if it is a pair and nothing else.
fn pair<'t>(object: &'t Object<'t>) -> Option<(&'t str, Values<'t>)> {
    let mut names = object.names().map(|(name, _)| name);
    let keys = object.values("Key");
    let is_pair = names.all(|name| matches!(name, "Key" | "Value")) && !keys.is_repeated();
    let key = keys.first().filter(|_| is_pair)?.as_text()?;
    Some((key, object.values("Value")))
}
