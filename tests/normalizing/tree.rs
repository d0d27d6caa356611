//! Parses and writes bodies and messages as trees, independently of the tested code, with roxmltree and
//! serde_json.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A value, independent of its format.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Leaf(String),
    /// The names with their values. Several values are repeated elements in XML, and an array in JSON.
    Object(Vec<(String, Vec<Tree>)>),
}

/// A leaf: its path of names without indexes, and its text.
pub(crate) type Leaf = (String, String);

/// A style of JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonStyle {
    /// Writes numbers and booleans as text.
    pub(crate) quotes_scalars: bool,
    /// Writes a single value as an array.
    pub(crate) has_arrays_of_one: bool,
    /// Writes headers as a map instead of pairs.
    pub(crate) has_header_maps: bool,
}

impl Tree {
    /// Parses XML. The name of the root is omitted.
    pub(crate) fn of_xml(body: &str) -> Self {
        let document = roxmltree::Document::parse(body).unwrap();
        Self::of_node(document.root_element())
    }

    fn of_node(node: roxmltree::Node<'_, '_>) -> Self {
        let mut members: Vec<(String, Vec<Self>)> = Vec::new();
        for child in node.children().filter(roxmltree::Node::is_element) {
            let (name, value) = (child.tag_name().name(), Self::of_node(child));
            match members.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => values.push(value),
                None => members.push((name.to_owned(), vec![value])),
            }
        }
        if members.is_empty() {
            Self::Leaf(node.text().unwrap_or_default().to_owned())
        } else {
            Self::Object(members)
        }
    }

    /// Parses JSON. A single outer key `Response` is omitted.
    pub(crate) fn of_json(body: &str) -> Self {
        let raw = serde_json::from_str(body);
        let raw: Box<RawValue> =
            raw.unwrap_or_else(|_| serde_json::from_str(&without_trailing_commas(body)).unwrap());
        let mut values = Self::values(&raw);
        match values.pop() {
            Some(Self::Object(mut members)) if members.len() == 1 && members[0].0 == "Response" => {
                members[0].1.remove(0)
            }
            root => root.unwrap(),
        }
    }

    fn values(raw: &RawValue) -> Vec<Self> {
        match raw.get().as_bytes()[0] {
            b'{' => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap();
                let member = |(name, raw)| (name, Self::values(raw));
                vec![Self::Object(members.into_iter().map(member).collect())]
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap();
                items.into_iter().flat_map(Self::values).collect()
            }
            b'"' => vec![Self::Leaf(serde_json::from_str(raw.get()).unwrap())],
            b'n' => Vec::new(),
            _ => vec![Self::Leaf(raw.get().to_owned())],
        }
    }

    pub(crate) fn to_xml(&self) -> String {
        let mut xml = "<?xml version=\"1.0\"?>\n".to_owned();
        self.write_xml("Response", &mut xml);
        xml
    }

    fn write_xml(&self, name: &str, xml: &mut String) {
        match self {
            Self::Object(headers) if name == "CosHeaders" && self.values_of("Key").is_empty() => {
                for (name, values) in headers {
                    for value in values {
                        *xml += &format!("<CosHeaders><Key>{name}</Key>");
                        value.write_xml("Value", xml);
                        *xml += "</CosHeaders>";
                    }
                }
            }
            Self::Object(members) => {
                *xml += &format!("<{name} a=\"1\">\n<!-- members -->");
                for (name, values) in members {
                    values.iter().for_each(|value| value.write_xml(name, xml));
                }
                *xml += &format!("</{name}>");
            }
            Self::Leaf(text) => *xml += &format!("<{name}>{}</{name}>", escape(text)),
        }
    }

    pub(crate) fn to_json(&self, style: JsonStyle) -> String {
        match self {
            Self::Leaf(text) => {
                let is_scalar = text != "null"
                    && text.trim() == text
                    && serde_json::from_str::<serde_json::Value>(text)
                        .is_ok_and(|value| value.is_number() || value.is_boolean());
                if is_scalar && !style.quotes_scalars {
                    text.clone()
                } else {
                    quote(text)
                }
            }
            Self::Object(members) => {
                let members = members.iter().map(|(name, values)| {
                    let headers = header_map(name, values).filter(|_| style.has_header_maps);
                    let values = headers.as_ref().map_or(&values[..], std::slice::from_ref);
                    let written: Vec<_> = values.iter().map(|value| value.to_json(style)).collect();
                    match &written[..] {
                        [only] if !style.has_arrays_of_one => format!("{name:?}: {only}"),
                        several => format!("{name:?}: [{}]", several.join(", ")),
                    }
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(",\n"))
            }
        }
    }

    fn values_of(&self, name: &str) -> &[Self] {
        match self {
            Self::Leaf(_) => &[],
            Self::Object(members) => {
                let member = members.iter().find(|(known, _)| known == name);
                member.map_or(&[], |(_, values)| values)
            }
        }
    }

    /// Returns the leaves that are not blank. A header pair is one leaf with the name of the header.
    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        self.add_leaves("", &mut leaves);
        leaves.sort();
        leaves
    }

    fn add_leaves(&self, path: &str, leaves: &mut Vec<Leaf>) {
        match self {
            Self::Leaf(text) if text.trim().is_empty() => {}
            Self::Leaf(text) => leaves.push((path.to_owned(), text.clone())),
            Self::Object(members) => {
                for (name, values) in members {
                    let headers = header_map(name, values);
                    let values = headers.as_ref().map_or(&values[..], std::slice::from_ref);
                    for value in values {
                        value.add_leaves(&format!("{path}/{name}"), leaves);
                    }
                }
            }
        }
    }
}

/// Returns the headers as an object, if these values are pairs of `Key` and `Value`.
fn header_map(name: &str, pairs: &[Tree]) -> Option<Tree> {
    let mut headers: Vec<(String, Vec<Tree>)> = Vec::new();
    for pair in pairs {
        let [Tree::Leaf(name)] = pair.values_of("Key") else {
            return None;
        };
        let values = pair.values_of("Value");
        match headers.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.extend_from_slice(values),
            None => headers.push((name.clone(), values.to_vec())),
        }
    }
    (name == "CosHeaders").then_some(Tree::Object(headers))
}

/// Returns a text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\r', "&#xD;")
}

/// Tencent's examples contain trailing commas. None of its strings has a comma before a bracket.
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
