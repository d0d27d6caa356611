//! The leaves of bodies and messages, found without the code under test: by roxmltree in XML, by
//! serde_json in JSON.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A leaf: its path of names, numbers of lists left out, and its text.
pub(crate) type Leaf = (String, String);

/// The leaves of a body in XML, its root's name left out.
pub(crate) fn of_xml(body: &str) -> Vec<Leaf> {
    let document = roxmltree::Document::parse(body).unwrap();
    let mut leaves = Vec::new();
    for child in document
        .root_element()
        .children()
        .filter(roxmltree::Node::is_element)
    {
        add_xml(child, "", &mut leaves);
    }
    with_header_names(leaves)
}

/// The leaves of JSON. One key `Response` around everything is left out.
pub(crate) fn of_json(body: &str) -> Vec<Leaf> {
    let body = without_trailing_commas(body);
    let raw: &RawValue = serde_json::from_str(&body).unwrap();
    let mut leaves = Vec::new();
    add_json(raw, "", &mut leaves);
    if leaves
        .iter()
        .all(|(path, _)| path.starts_with("/Response/"))
    {
        for (path, _) in &mut leaves {
            *path = path["/Response".len()..].to_owned();
        }
    }
    with_header_names(leaves)
}

fn add_xml(node: roxmltree::Node<'_, '_>, holder: &str, leaves: &mut Vec<Leaf>) {
    let path = format!("{holder}/{}", node.tag_name().name());
    let mut is_leaf = true;
    for child in node.children().filter(roxmltree::Node::is_element) {
        is_leaf = false;
        add_xml(child, &path, leaves);
    }
    if is_leaf {
        add(path, node.text().unwrap_or_default(), leaves);
    }
}

fn add_json(raw: &RawValue, path: &str, leaves: &mut Vec<Leaf>) {
    match raw.get().as_bytes()[0] {
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap();
            for (name, value) in members {
                add_json(value, &format!("{path}/{name}"), leaves);
            }
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap();
            for item in items {
                add_json(item, path, leaves);
            }
        }
        b'"' => {
            let text: String = serde_json::from_str(raw.get()).unwrap();
            add(path.to_owned(), &text, leaves);
        }
        b'n' => {}
        _ => add(path.to_owned(), raw.get(), leaves),
    }
}

fn add(path: String, text: &str, leaves: &mut Vec<Leaf>) {
    if !text.trim().is_empty() {
        leaves.push((path, text.to_owned()));
    }
}

/// Headers as a message has them: `CosHeaders/Key` and the `CosHeaders/Value` after it are a leaf
/// with the key's name.
fn with_header_names(leaves: Vec<Leaf>) -> Vec<Leaf> {
    let mut named = Vec::new();
    let mut key: Option<(String, String)> = None;
    for (path, text) in leaves {
        if let Some(holder) = path.strip_suffix("CosHeaders/Key") {
            key = Some((format!("{holder}CosHeaders"), text));
        } else if let (true, Some((holder, name))) = (path.ends_with("CosHeaders/Value"), &key) {
            named.push((format!("{holder}/{name}"), text));
            key = None;
        } else {
            named.push((path, text));
        }
    }
    named.sort();
    named
}

/// The vendor's examples have them. None of its strings has a comma before a bracket.
fn without_trailing_commas(body: &str) -> String {
    let mut kept = String::new();
    for (at, character) in body.char_indices() {
        let next = body[at + character.len_utf8()..]
            .trim_start()
            .chars()
            .next();
        if character != ',' || !matches!(next, Some('}' | ']')) {
            kept.push(character);
        }
    }
    kept
}
