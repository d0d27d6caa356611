//! Serializes a vendor node in the normal form, directly from the tree. The same job has the same bytes in XML
//! and in JSON.
//!
//! `callback::fields` lists the names that are numbers and booleans, and those that are arrays even with one value.
//! Headers become one map.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

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
        serialize_fields(serializer, self.members.names(), self.name, self.dialect)
    }
}

impl<'t> Detail<'t> {
    /// Returns the siblings whose names the job itself has, each with its value in the normal form. They are not
    /// in `detail`.
    pub(super) fn shadowed_siblings(self) -> impl Iterator<Item = (&'t str, String)> {
        self.members.shadowed_siblings().map(move |(name, values)| {
            let field = NormalField::new(name, "", self.dialect, values);
            (name, serde_json::to_string(&field).unwrap_or_default())
        })
    }
}

fn serialize_fields<'t, S: Serializer>(
    serializer: S,
    fields: impl Iterator<Item = (&'t str, Values<'t>)>,
    parent: &str,
    dialect: Dialect,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.map(|(name, values)| {
        let field = NormalField::new(name, parent, dialect, values);
        (name, field)
    }))
}

/// The value or values of a field.
#[derive(Serialize)]
#[serde(untagged)]
enum NormalField<'t> {
    One(NormalValue<'t>),
    /// The field is a list, or has several values.
    List(Vec<NormalValue<'t>>),
    Headers(BTreeMap<&'t str, NormalField<'t>>),
}

impl<'t> NormalField<'t> {
    fn new(name: &'t str, parent: &str, dialect: Dialect, values: Values<'t>) -> Self {
        if name == COS_HEADERS {
            let headers = cos_headers(values).into_iter();
            // A header named `Size` is a text as well.
            let text = |nodes: Vec<_>| Self::of(nodes.into_iter(), "", Shape::Text, dialect);
            return Self::Headers(headers.map(|(name, nodes)| (name, text(nodes))).collect());
        }
        let shape = dialect.shape(parent, name);
        Self::of(values.iter(), name, shape, dialect)
    }

    fn of(
        nodes: impl ExactSizeIterator<Item = &'t Node<'t>>,
        name: &'t str,
        shape: Shape,
        dialect: Dialect,
    ) -> Self {
        let is_list = shape == Shape::List || nodes.len() > 1;
        let mut values = nodes.map(|node| NormalValue {
            node,
            name,
            shape,
            dialect,
        });
        match values.next() {
            Some(only) if !is_list => Self::One(only),
            first => Self::List(first.into_iter().chain(values).collect()),
        }
    }
}

/// One value of a name.
struct NormalValue<'t> {
    node: &'t Node<'t>,
    name: &'t str,
    shape: Shape,
    dialect: Dialect,
}

impl Serialize for NormalValue<'_> {
    // The parsers limit the depth of trees, which bounds the recursion.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self.node {
            Node::Text(text) => &**text,
            Node::Object(object) => {
                return serialize_fields(serializer, object.names(), self.name, self.dialect);
            }
        };
        match (self.shape, text) {
            (Shape::Number, _) if let Some(number) = number(text) => number.serialize(serializer),
            (Shape::Boolean, "true") => serializer.serialize_bool(true),
            (Shape::Boolean, "false") => serializer.serialize_bool(false),
            _ => serializer.serialize_str(text),
        }
    }
}
