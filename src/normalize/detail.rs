//! Serializes a vendor node in the normal form, directly from the tree. The same job has the same bytes in XML
//! and in JSON.
//!
//! `fields` lists the names that are numbers and booleans, and those that are arrays even with one value.
//! Headers become one map.

use std::collections::BTreeMap;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use super::fields::{Dialect, FieldType};
use crate::callback::{COS_HEADERS, Node, Object, Values, cos_headers, number};

/// A vendor node and its siblings, which serialize in the normal form.
#[derive(Clone, Copy)]
pub struct Detail<'t> {
    pub(super) node: &'t Object<'t>,
    /// Siblings whose names the node itself has are left out. They are in `warnings`.
    pub(super) siblings: &'t Object<'t>,
    /// The name of the node, which is the parent of its fields.
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
}

impl std::fmt::Debug for Detail<'_> {
    /// Prints only the number of names: the node may contain secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detail({} names)", self.node.names().count())
    }
}

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut siblings = self.siblings.names().peekable();
        let normal = |name, values| NormalValues {
            name,
            parent: self.name,
            dialect: self.dialect,
            values,
        };
        for (name, values) in self.node.names() {
            while let Some((sibling, values)) = siblings.next_if(|(sibling, _)| *sibling <= name) {
                // The node has a field of that name: see `conflicting_siblings`.
                if sibling != name {
                    map.serialize_entry(sibling, &normal(sibling, values))?;
                }
            }
            map.serialize_entry(name, &normal(name, values))?;
        }
        for (sibling, values) in siblings {
            map.serialize_entry(sibling, &normal(sibling, values))?;
        }
        map.end()
    }
}

/// Returns the siblings whose names are taken in `detail`, each with its value in the normal form.
pub(super) fn conflicting_siblings<'t>(
    node: &'t Object<'_>,
    siblings: &'t Object<'_>,
    dialect: Dialect,
) -> impl Iterator<Item = (&'t str, String)> {
    siblings
        .names()
        .filter(|(name, _)| node.has(name))
        .map(move |(name, values)| {
            let normal = NormalValues {
                name,
                parent: "",
                dialect,
                values,
            };
            (name, serde_json::to_string(&normal).unwrap_or_default())
        })
}

/// All values of one name.
struct NormalValues<'t> {
    name: &'t str,
    parent: &'t str,
    dialect: Dialect,
    values: Values<'t>,
}

impl Serialize for NormalValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.name == COS_HEADERS {
            return Headers {
                dialect: self.dialect,
                headers: cos_headers(self.values),
            }
            .serialize(serializer);
        }
        let (name, dialect) = (self.name, self.dialect);
        let (is_list, scalar) = dialect.normal(self.parent, name);
        serialize_values(serializer, self.values.iter(), is_list, |value| {
            NormalValue {
                name,
                is_list,
                scalar,
                dialect,
                value,
            }
        })
    }
}

/// One value of a name. An array here is inside another array, which only JSON can express. Its items have the
/// name of the outer array.
struct NormalValue<'t> {
    name: &'t str,
    is_list: bool,
    scalar: FieldType,
    dialect: Dialect,
    value: &'t Node<'t>,
}

impl Serialize for NormalValue<'_> {
    // The parsers reject trees deeper than `MAX_DEPTH`, which bounds the recursion.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Node::Text(text) => serialize_leaf(serializer, text, self.scalar),
            Node::List(items) => {
                serialize_values(serializer, items.iter(), self.is_list, |value| {
                    NormalValue { value, ..*self }
                })
            }
            Node::Object(object) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, values) in object.names() {
                    let normal = NormalValues {
                        name,
                        parent: self.name,
                        dialect: self.dialect,
                        values,
                    };
                    map.serialize_entry(name, &normal)?;
                }
                map.end()
            }
        }
    }
}

/// `CosHeaders`: all values are texts, and a repeated name has an array of its values.
struct Headers<'t> {
    dialect: Dialect,
    headers: BTreeMap<&'t str, Vec<&'t Node<'t>>>,
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, values) in &self.headers {
            map.serialize_entry(
                name,
                &Header {
                    dialect: self.dialect,
                    values,
                },
            )?;
        }
        map.end()
    }
}

struct Header<'h, 't> {
    dialect: Dialect,
    values: &'h [&'t Node<'t>],
}

impl Serialize for Header<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A header named `Size` is a text as well.
        serialize_values(serializer, self.values.iter().copied(), false, |value| {
            NormalValue {
                name: "",
                is_list: false,
                scalar: FieldType::Text,
                dialect: self.dialect,
                value,
            }
        })
    }
}

/// Serializes an array if the name is a list or has several values, otherwise the value itself.
fn serialize_values<'t, S: Serializer, T: Serialize>(
    serializer: S,
    mut values: impl Iterator<Item = &'t Node<'t>> + Clone,
    is_list: bool,
    one: impl Fn(&'t Node<'t>) -> T,
) -> Result<S::Ok, S::Error> {
    let mut ahead = values.clone();
    let (first, second) = (ahead.next(), ahead.next());
    match (first, second) {
        (Some(only), None) if !is_list => one(only).serialize(serializer),
        _ => {
            let mut array = serializer.serialize_seq(None)?;
            values.try_for_each(|value| array.serialize_element(&one(value)))?;
            array.end()
        }
    }
}

fn serialize_leaf<S: Serializer>(
    serializer: S,
    text: &str,
    scalar: FieldType,
) -> Result<S::Ok, S::Error> {
    match (scalar, text) {
        (FieldType::Number, _) if let Some(number) = number(text) => number.serialize(serializer),
        (FieldType::Boolean, "true") => serializer.serialize_bool(true),
        (FieldType::Boolean, "false") => serializer.serialize_bool(false),
        _ => serializer.serialize_str(text),
    }
}
