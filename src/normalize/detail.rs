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
use crate::callback::{COS_HEADERS, Members, Node, Values, cos_headers, number};

/// A vendor node with its siblings, which serializes in the normal form.
#[derive(Clone, Copy)]
pub struct Detail<'t> {
    pub(super) members: Members<'t>,
    /// The name of the node, which is the parent of its fields.
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
}

impl std::fmt::Debug for Detail<'_> {
    /// Prints only the number of names: the node may contain secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Detail({} names)", self.members.names().count())
    }
}

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_members(serializer, self.members, self.name, self.dialect)
    }
}

impl<'t> Detail<'t> {
    /// Returns the siblings whose names the job itself has, each with its value in the normal form. They are not
    /// in `detail`.
    pub(super) fn hidden_siblings(self) -> impl Iterator<Item = (&'t str, String)> {
        self.members.hidden_siblings().map(move |(name, values)| {
            let normal = NormalValues {
                name,
                parent: "",
                dialect: self.dialect,
                values,
            };
            (name, serde_json::to_string(&normal).unwrap_or_default())
        })
    }
}

fn serialize_members<S: Serializer>(
    serializer: S,
    members: Members<'_>,
    parent: &str,
    dialect: Dialect,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, values) in members.names() {
        let normal = NormalValues {
            name,
            parent,
            dialect,
            values,
        };
        map.serialize_entry(name, &normal)?;
    }
    map.end()
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
                scalar,
                dialect,
                value,
            }
        })
    }
}

/// One value of a name.
struct NormalValue<'t> {
    name: &'t str,
    scalar: FieldType,
    dialect: Dialect,
    value: &'t Node<'t>,
}

impl Serialize for NormalValue<'_> {
    // The parsers reject trees deeper than `MAX_DEPTH`, which bounds the recursion.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Node::Text(text) => serialize_leaf(serializer, text, self.scalar),
            Node::Object(object) => {
                serialize_members(serializer, object.into(), self.name, self.dialect)
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
