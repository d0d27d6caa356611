//! The tree that both parsers return.
//!
//! Members of an object are sorted by the UTF-8 bytes of their names; members of one name keep the body's
//! order. Empty values are dropped: an empty element, `""`, `null`, `{}`, `[]`, a text of only white space,
//! and what contains nothing else. Text is borrowed from the body unless it was escaped.

use std::{borrow::Cow, cmp::Ordering};

use super::characters::is_blank;

/// The name for the text of mixed content: text next to child elements.
pub(super) const MIXED_TEXT: &str = "#text";

/// A value of a body, which is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    /// A leaf as written: the text of an XML element; a JSON string, number or boolean.
    Text(Cow<'a, str>),
    /// An XML element with child elements, or a JSON object.
    Object(Object<'a>),
}

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    One(Node<'a>),
    /// The items of a JSON array and of the arrays in it. XML repeats the element instead.
    List(Vec<Node<'a>>),
}

/// Members, sorted by name. A repeated name has one member for each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
}

/// A name and its value. An array has several values.
pub(crate) type Member<'a> = (Cow<'a, str>, Value<'a>);

/// The values of one name in the body's order: of repeated members, and the items of arrays.
#[derive(Clone, Copy)]
pub(crate) struct Values<'t>(&'t [Member<'t>]);

/// A view of an element's members, for the record and `detail`. For a job, it includes the siblings whose names
/// the job itself does not have.
#[derive(Clone, Copy)]
pub(crate) struct Members<'t> {
    own: &'t Object<'t>,
    siblings: &'t Object<'t>,
}

static NO_SIBLINGS: Object<'_> = Object {
    members: Vec::new(),
};

impl<'a> Node<'a> {
    /// Returns a leaf, unless it is blank.
    pub(crate) fn text(text: Cow<'a, str>) -> Option<Self> {
        (!is_blank(&text)).then_some(Self::Text(text))
    }

    /// Returns an object, unless `members` is empty.
    pub(crate) fn object(members: Vec<Member<'a>>) -> Option<Self> {
        (!members.is_empty()).then(|| Self::Object(Object::new(members)))
    }

    /// Returns the text, if this is a leaf.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Object(_) => None,
        }
    }

    /// Returns the object, if this is one.
    pub(crate) fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Text(_) => None,
            Self::Object(object) => Some(object),
        }
    }

    /// Estimates the size of the value in JSON, with quotes and a comma, in bytes.
    fn json_bytes(&self) -> usize {
        const PUNCTUATION: usize = 3;
        PUNCTUATION
            + match self {
                Self::Text(text) => escaped_bytes(text),
                Self::Object(object) => object.json_bytes(),
            }
    }
}

impl<'a> Value<'a> {
    /// Returns an array, unless `items` is empty.
    pub(crate) fn list(items: Vec<Node<'a>>) -> Option<Self> {
        (!items.is_empty()).then_some(Self::List(items))
    }

    /// Returns the values.
    pub(crate) fn as_slice(&self) -> &[Node<'a>] {
        match self {
            Self::One(node) => std::slice::from_ref(node),
            Self::List(items) => items,
        }
    }

    /// Moves the values to the end of `nodes`.
    pub(crate) fn append_to(self, nodes: &mut Vec<Node<'a>>) {
        match self {
            Self::One(node) => nodes.push(node),
            Self::List(items) => nodes.extend(items),
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

    /// Returns the first value of `name`.
    pub(crate) fn first(&self, name: &str) -> Option<&Node<'a>> {
        let at = self
            .members
            .partition_point(|(member, _)| member.as_ref() < name);
        let (member, value) = self.members.get(at)?;
        (member == name).then(|| &value.as_slice()[0])
    }

    /// Returns the first value of `name`, if it is a text.
    pub(crate) fn first_text(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.first(name)? {
            Node::Text(text) => Some(text.clone()),
            Node::Object(_) => None,
        }
    }

    /// Whether `name` has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
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
        for (_, value) in self.members.extract_if(.., |(member, _)| member == name) {
            value.append_to(&mut taken);
        }
        taken
    }

    /// Estimates the size of the members in JSON, in bytes: at least what a message contains of them.
    pub(crate) fn json_bytes(&self) -> usize {
        // Quotes and a colon.
        const PUNCTUATION: usize = 3;
        let bytes = |(name, value): &Member<'_>| {
            let nodes = value.as_slice().iter().map(Node::json_bytes);
            escaped_bytes(name) + PUNCTUATION + nodes.sum::<usize>()
        };
        self.members.iter().map(bytes).sum()
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
    pub(crate) fn iter(self) -> impl Iterator<Item = &'t Node<'t>> + Clone + use<'t> {
        self.0.iter().flat_map(|(_, value)| value.as_slice())
    }

    /// Returns the first value.
    pub(crate) fn first(self) -> Option<&'t Node<'t>> {
        self.iter().next()
    }

    /// Whether there is no value.
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is more than one value.
    pub(crate) fn is_repeated(self) -> bool {
        self.iter().nth(1).is_some()
    }
}

impl<'t> Members<'t> {
    /// Returns the members of a job.
    pub(crate) fn of_job(job: &'t Object<'t>, siblings: &'t Object<'t>) -> Self {
        Self { own: job, siblings }
    }

    /// Returns every value of `name`.
    pub(crate) fn values(self, name: &str) -> Values<'t> {
        let own = self.own.values(name);
        if own.is_empty() {
            self.siblings.values(name)
        } else {
            own
        }
    }

    /// Whether `name` has a value.
    pub(crate) fn has(self, name: &str) -> bool {
        self.own.has(name) || self.siblings.has(name)
    }

    /// Iterates over the names, each once and in order, with their values.
    pub(crate) fn names(self) -> impl Iterator<Item = (&'t str, Values<'t>)> {
        let mut own = self.own.names().peekable();
        let mut siblings = self.siblings.names().peekable();
        std::iter::from_fn(move || {
            let order = match (own.peek(), siblings.peek()) {
                (Some((name, _)), Some((sibling, _))) => name.cmp(sibling),
                (_, None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            match order {
                Ordering::Less => own.next(),
                Ordering::Equal => {
                    siblings.next();
                    own.next()
                }
                Ordering::Greater => siblings.next(),
            }
        })
    }

    /// Iterates over the siblings whose names the job itself has.
    pub(crate) fn hidden_siblings(self) -> impl Iterator<Item = (&'t str, Values<'t>)> {
        let siblings = self.siblings.names();
        siblings.filter(move |(name, _)| self.own.has(name))
    }
}

impl<'t> From<&'t Object<'t>> for Members<'t> {
    fn from(own: &'t Object<'t>) -> Self {
        Self {
            own,
            siblings: &NO_SIBLINGS,
        }
    }
}
