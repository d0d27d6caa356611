//! The tree that both parsers return.
//!
//! Members of an object are sorted by the UTF-8 bytes of their names; members of one name keep the body's
//! order. Empty values are dropped: an empty element, `""`, `null`, `{}`, `[]`, a text of only whitespace,
//! and what contains nothing else. Text is borrowed from the body unless it was escaped.

use std::{borrow::Cow, ops::Deref, sync::Arc};

use super::{characters::is_blank, fields::may_be_list};

/// The name for the text of mixed content: text next to child elements.
pub(super) const MIXED_TEXT: &str = "#text";

/// The maximum number of members of an object in which a linear search is faster than a binary one.
const SMALL: usize = 16;

/// A value of a body, which is never empty.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    /// A leaf as written: the text of an XML element; a JSON string, number or boolean.
    Text(Cow<'a, str>),
    /// An XML element with child elements, or a JSON object.
    Object(Object<'a>),
}

/// Members, sorted by name. A repeated name has one member for each value, and so has the name of a JSON array
/// for each item of it and of the arrays in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
}

/// A name and one of its values.
pub(crate) type Member<'a> = (Name<'a>, Node<'a>);

/// The name of a member.
#[derive(Clone, Debug)]
pub(crate) enum Name<'a> {
    Borrowed(&'a str),
    /// A name with escapes, which the items of an array share.
    Decoded(Arc<str>),
}

impl Deref for Name<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(name) => name,
            Self::Decoded(name) => name,
        }
    }
}

/// The values of one name in the body's order.
#[derive(Clone, Copy)]
pub(crate) struct Values<'t>(&'t [Member<'t>]);

/// A view of an element's members, for the record and `detail`. For a job, it includes the siblings whose names
/// the job itself does not have.
#[derive(Clone, Copy)]
pub(crate) struct Members<'t> {
    pub(crate) own: &'t Object<'t>,
    pub(crate) siblings: Option<&'t Object<'t>>,
}

impl<'a> Node<'a> {
    /// Returns a leaf, unless it is blank.
    pub(crate) fn text(text: Cow<'a, str>) -> Option<Self> {
        (!is_blank(&text)).then_some(Self::Text(text))
    }

    /// Returns an object, unless `members`, which are in the body's order, are empty.
    pub(crate) fn object(mut members: Vec<Member<'a>>) -> Option<Self> {
        // Stable, so that the values of one name keep the body's order.
        members.sort_by(|(a, _), (b, _)| str::cmp(a, b));
        (!members.is_empty()).then_some(Self::Object(Object { members }))
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Object(_) => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Text(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

impl<'a> Object<'a> {
    /// Returns every value of `name`.
    pub(crate) fn values<'t>(&'t self, name: &str) -> Values<'t> {
        let rest = &self.members[self.find(name)..];
        let run = match rest.get(1) {
            Some((second, _)) if **second == *name => {
                rest.partition_point(|(member, _)| **member == *name)
            }
            _ => usize::from(rest.first().is_some_and(|(first, _)| **first == *name)),
        };
        Values(&rest[..run])
    }

    /// Returns the first value of `name`.
    pub(crate) fn first(&self, name: &str) -> Option<&Node<'a>> {
        let (member, value) = self.members.get(self.find(name))?;
        (**member == *name).then_some(value)
    }

    /// Returns the index of the first value of `name`. If there is none, no member at the index has the name.
    fn find(&self, name: &str) -> usize {
        let mut members = self.members.iter();
        match members.len() {
            // Names are seldom of equal length, so comparing all of them is faster.
            0..=SMALL => members.position(|(member, _)| **member == *name),
            _ => Some(self.members.partition_point(|(member, _)| **member < *name)),
        }
        .unwrap_or(self.members.len())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Iterates over the names, each once and in order, with their values.
    pub(crate) fn names<'t>(&'t self) -> impl Iterator<Item = (&'t str, Values<'t>)> {
        self.members
            .chunk_by(|(a, _), (b, _)| **a == **b)
            .map(|run| (&*run[0].0, Values(run)))
    }

    /// Removes and returns every value of `name`.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Node<'a>> {
        let taken = self.members.extract_if(.., |(member, _)| **member == *name);
        taken.map(|(_, value)| value).collect()
    }

    /// Estimates the size of the members in JSON, in bytes: at least what a message contains of them.
    pub(crate) fn json_bytes(&self) -> usize {
        // Quotes, a colon and a comma for each name and value.
        const PUNCTUATION: usize = 6;
        let bytes = |(name, value): &Member<'_>| {
            let value = match value {
                Node::Text(text) => escaped_bytes(text),
                Node::Object(object) => object.json_bytes(),
            };
            escaped_bytes(name) + PUNCTUATION + value
        };
        self.members.iter().map(bytes).sum()
    }

    /// Returns the maximum number of levels in the normal form: this object, which is the value of `name`, and
    /// the objects and arrays in it.
    pub(super) fn levels(&self, name: &str) -> usize {
        let below = |(child, values): (&str, Values<'_>)| {
            let array = values.is_repeated() || may_be_list(name, child);
            let objects = values.iter().filter_map(Node::as_object);
            let deepest = objects.map(|object| object.levels(child)).max();
            usize::from(array) + deepest.unwrap_or(0)
        };
        1 + self.names().map(below).max().unwrap_or(0)
    }
}

/// Returns the size of a text in a JSON string inside another one, in bytes: a warning quotes a sibling whose name
/// the job itself has.
fn escaped_bytes(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 4,
        0..b' ' => 7,
        _ => 1,
    });
    bytes.sum()
}

impl<'t> Values<'t> {
    /// Iterates over the values in the body's order.
    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = &'t Node<'t>> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn first(self) -> Option<&'t Node<'t>> {
        self.iter().next()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_repeated(self) -> bool {
        self.0.len() > 1
    }
}

impl<'t> Members<'t> {
    /// Returns every value of `name`.
    pub(crate) fn values(self, name: &str) -> Values<'t> {
        let own = self.own.values(name);
        match self.siblings {
            Some(siblings) if own.is_empty() => siblings.values(name),
            _ => own,
        }
    }

    pub(crate) fn has(self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    /// Iterates over the names, each once and in order, with their values.
    pub(crate) fn names(self) -> impl Iterator<Item = (&'t str, Values<'t>)> {
        let siblings = self.siblings.into_iter().flat_map(Object::names);
        let shown = siblings.filter(|(name, _)| !self.own.has(name));
        let mut names: Vec<_> = self.own.names().chain(shown).collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        names.into_iter()
    }

    /// Iterates over the siblings whose names the job itself has.
    pub(crate) fn shadowed_siblings(self) -> impl Iterator<Item = (&'t str, Values<'t>)> {
        let siblings = self.siblings.into_iter().flat_map(Object::names);
        siblings.filter(move |(name, _)| self.own.has(name))
    }
}
