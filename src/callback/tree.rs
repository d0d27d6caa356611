//! The tree that both parsers return.
//!
//! Members of an object are sorted by the UTF-8 bytes of their names; members of one name keep the body's
//! order. Empty values are dropped: an empty element, `""`, `null`, `{}`, `[]`, a text of only white space,
//! and what contains nothing else. Text is borrowed from the body unless it was escaped.

use std::borrow::Cow;

use super::characters::is_blank;

/// The name for the text of mixed content: text next to child elements.
pub(super) const MIXED_TEXT: &str = "#text";

/// A value of a body, which is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    /// A leaf as written: the text of an XML element; a JSON string, number or boolean.
    Text(Cow<'a, str>),
    /// A JSON array. XML repeats the element instead.
    List(Vec<Node<'a>>),
    /// An XML element with child elements, or a JSON object.
    Object(Object<'a>),
}

/// Members, sorted by name. A repeated name has one member for each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
}

/// A name and its value. An array has several values.
pub(crate) type Member<'a> = (Cow<'a, str>, Node<'a>);

/// The values of one name in the body's order: of repeated members, and the items of arrays.
#[derive(Clone, Copy)]
pub(crate) struct Values<'t>(&'t [Member<'t>]);

impl<'a> Node<'a> {
    /// Returns a leaf, unless it is blank.
    pub(crate) fn text(text: Cow<'a, str>) -> Option<Self> {
        (!is_blank(&text)).then_some(Self::Text(text))
    }

    /// Returns an array, unless `items` is empty.
    pub(crate) fn list(items: Vec<Self>) -> Option<Self> {
        (!items.is_empty()).then_some(Self::List(items))
    }

    /// Returns an object, unless `members` is empty.
    pub(crate) fn object(members: Vec<Member<'a>>) -> Option<Self> {
        (!members.is_empty()).then(|| Self::Object(Object::new(members)))
    }

    /// Returns the text, if this is a leaf.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the kind of this value, for "expected X, but found Y".
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<'a> Object<'a> {
    /// Sorts `members`, which are in the body's order.
    fn new(mut members: Vec<Member<'a>>) -> Self {
        // Stable, so that the values of one name keep the body's order.
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { members }
    }

    /// Returns every value of `name`.
    pub(crate) fn values<'t>(&'t self, name: &str) -> Values<'t> {
        let start = self
            .members
            .partition_point(|(member, _)| member.as_ref() < name);
        let run = self.members[start..].partition_point(|(member, _)| member == name);
        Values(&self.members[start..start + run])
    }

    /// Whether `name` has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).first().is_some()
    }

    /// Iterates over the names, each once and in order, with their values.
    pub(crate) fn names<'t>(&'t self) -> impl Iterator<Item = (&'t str, Values<'t>)> {
        self.members
            .chunk_by(|(a, _), (b, _)| a == b)
            .map(|run| (run[0].0.as_ref(), Values(run)))
    }

    /// Removes and returns every value of `name`.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Node<'a>> {
        let mut taken = Vec::new();
        for (_, node) in self.members.extract_if(.., |(member, _)| member == name) {
            match node {
                Node::List(items) => taken.extend(items),
                other => taken.push(other),
            }
        }
        taken
    }

    /// Inserts a name that is not there yet, with its values.
    pub(crate) fn put(&mut self, name: &'static str, values: Vec<Node<'a>>) {
        if let Some(list) = Node::list(values) {
            let at = self
                .members
                .partition_point(|(member, _)| member.as_ref() < name);
            self.members.insert(at, (Cow::Borrowed(name), list));
        }
    }
}

impl<'t> Values<'t> {
    /// Iterates over the values in the body's order.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'t Node<'t>> + Clone + use<'t> {
        self.0.iter().flat_map(|(_, node)| match node {
            Node::List(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        })
    }

    /// Returns the first value.
    pub(crate) fn first(self) -> Option<&'t Node<'t>> {
        self.iter().next()
    }

    /// Whether there is more than one value.
    pub(crate) fn are_several(self) -> bool {
        self.iter().nth(1).is_some()
    }
}
