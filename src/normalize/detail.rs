//! Serializes a vendor node in the normal form, directly from the tree. The same job has the same bytes in XML
//! and in JSON.
//!
//! `callback::fields` lists the names that are numbers and booleans, and those that are arrays even with one value.
//! Headers become one map.

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::callback::{COS_HEADERS, Dialect, Members, Node, Shape, Values, cos_headers, number};

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
            let field = NormalField::new(name, "", self.dialect, values);
            (name, serde_json::to_string(&field).unwrap_or_default())
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
        map.serialize_entry(name, &NormalField::new(name, parent, dialect, values))?;
    }
    map.end()
}

/// A name with all its values.
enum NormalField<'t> {
    Headers(Values<'t>, Dialect),
    Values(Values<'t>, Form<'t>),
}

impl<'t> NormalField<'t> {
    fn new(name: &'t str, parent: &str, dialect: Dialect, values: Values<'t>) -> Self {
        if name == COS_HEADERS {
            return Self::Headers(values, dialect);
        }
        let form = Form {
            name,
            shape: dialect.shape(parent, name),
            dialect,
        };
        Self::Values(values, form)
    }
}

impl Serialize for NormalField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Headers(values, dialect) => {
                // A header named `Size` is a text as well.
                let form = Form {
                    name: "",
                    shape: Shape::Text,
                    dialect,
                };
                let mut map = serializer.serialize_map(None)?;
                for (name, values) in cos_headers(values) {
                    map.serialize_entry(name, &NormalValues(values.iter().copied(), form))?;
                }
                map.end()
            }
            Self::Values(values, form) => NormalValues(values.iter(), form).serialize(serializer),
        }
    }
}

/// The form of a name's values.
#[derive(Clone, Copy)]
struct Form<'t> {
    name: &'t str,
    shape: Shape,
    dialect: Dialect,
}

/// Values of one name: an array if the name is a list or has several values, otherwise the value itself.
struct NormalValues<'t, I>(I, Form<'t>);

impl<'t, I: Iterator<Item = &'t Node<'t>> + Clone> Serialize for NormalValues<'_, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(values, form) = self;
        let mut ahead = values.clone();
        match (ahead.next(), ahead.next()) {
            (Some(only), None) if form.shape != Shape::List => {
                NormalValue(only, *form).serialize(serializer)
            }
            _ => {
                let mut array = serializer.serialize_seq(None)?;
                for value in values.clone() {
                    array.serialize_element(&NormalValue(value, *form))?;
                }
                array.end()
            }
        }
    }
}

/// One value of a name.
struct NormalValue<'t>(&'t Node<'t>, Form<'t>);

impl Serialize for NormalValue<'_> {
    // The parsers reject trees deeper than `MAX_DEPTH`, which bounds the recursion.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, form) = self;
        let text = match value {
            Node::Text(text) => text,
            Node::Object(object) => {
                return serialize_members(serializer, object.into(), form.name, form.dialect);
            }
        };
        match (form.shape, &**text) {
            (Shape::Number, _) if let Some(number) = number(text) => number.serialize(serializer),
            (Shape::Boolean, "true") => serializer.serialize_bool(true),
            (Shape::Boolean, "false") => serializer.serialize_bool(false),
            _ => serializer.serialize_str(text),
        }
    }
}
