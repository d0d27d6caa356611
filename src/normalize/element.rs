//! One vendor element as the record's makers see it: its values by name, its place, and the
//! warnings about what cannot be used.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    fmt,
};

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::fields::Dialect;
use crate::callback::{Node, Object, number, trim};

/// How many warnings a record carries; a workflow of thousands of broken tasks would otherwise
/// double its size. The last one says how many were left out.
const MAX_WARNINGS: usize = 50;

/// How much of a text that cannot be used a warning quotes, in characters. All of it is in `detail`.
const MAX_QUOTE: usize = 64;

/// What could not be used of one job, each with its place.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    kept: RefCell<Vec<String>>,
    left_out: Cell<usize>,
}

impl Warnings {
    /// Adds one that was not said yet, or counts it.
    pub(super) fn add(&self, warning: String) {
        let mut kept = self.kept.borrow_mut();
        if kept.contains(&warning) {
            return;
        }
        if kept.len() < MAX_WARNINGS {
            kept.push(warning);
        } else {
            self.left_out.set(self.left_out.get() + 1);
        }
    }

    /// All of them, in the order in which they came.
    pub(super) fn into_vec(self) -> Vec<String> {
        let mut warnings = self.kept.into_inner();
        match self.left_out.into_inner() {
            0 => {}
            count => warnings.push(format!("{count} more warnings were left out")),
        }
        warnings
    }
}

/// An element below a vendor node, or the node itself.
#[derive(Clone, Copy)]
pub(super) struct Element<'p, 't, 'a> {
    object: &'t Object<'a>,
    path: ElementPath<'p>,
    dialect: Dialect,
    warnings: &'p Warnings,
}

/// Where an element is: its name, its number if it is one of a list, and what holds it.
#[derive(Clone, Copy)]
struct ElementPath<'p> {
    name: &'p str,
    index: Option<usize>,
    holder: Option<&'p ElementPath<'p>>,
}

impl<'p, 't, 'a> Element<'p, 't, 'a> {
    /// The vendor node. `index` is its number where its name is a list.
    pub(super) fn node(
        object: &'t Object<'a>,
        name: &'p str,
        index: Option<usize>,
        dialect: Dialect,
        warnings: &'p Warnings,
    ) -> Self {
        Self {
            object,
            path: ElementPath {
                name,
                index,
                holder: None,
            },
            dialect,
            warnings,
        }
    }

    /// Its members.
    pub(super) fn object(&self) -> &'t Object<'a> {
        self.object
    }

    /// Returns the text called `name` without the white space around it.
    pub(super) fn text(&self, name: &str) -> Option<&'t str> {
        self.verbatim(name).map(trim)
    }

    /// Returns the text called `name` as written: keys, URLs and what a submitter passed. Where
    /// there are several values the first is used; a value that is not text is not used. Both leave
    /// a warning.
    pub(super) fn verbatim(&self, name: &str) -> Option<&'t str> {
        let value = self.single(name)?;
        let text = value.as_text();
        if text.is_none() {
            self.warn(name, &format!("expected text, but found {}", value.kind()));
        }
        text
    }

    /// Returns the trimmed text called `name` as records hold it.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'t, str>> {
        self.text(name).map(Cow::Borrowed)
    }

    /// Returns the number called `name` with its digits. A text that is not a number leaves a
    /// warning.
    pub(super) fn number(&self, name: &str) -> Option<Cow<'t, RawValue>> {
        let text = self.text(name)?;
        let number = number(text);
        if number.is_none() {
            self.warn_expected(name, "a number", text);
        }
        number.map(Cow::Borrowed)
    }

    /// Returns every text called `name` as written, each with the number that it has in `detail` if
    /// it is in an array there. A value that is not text leaves a warning.
    pub(super) fn texts<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = (Option<usize>, &'t str)> {
        let values = self.object.values(name);
        let is_array = self.is_array(name);
        values.iter().enumerate().filter_map(move |(index, value)| {
            let text = value.as_text();
            if text.is_none() {
                self.warn(name, &format!("expected text, but found {}", value.kind()));
            }
            Some((is_array.then_some(index), text?))
        })
    }

    /// The element called `name`, by the same rules as [`Self::text`].
    pub(super) fn child<'s>(&'s self, name: &'s str) -> Option<Element<'s, 't, 'a>> {
        self.single(name)?;
        self.children(name).next()
    }

    /// Every element called `name`. A value that is no element leaves a warning.
    pub(super) fn children<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = Element<'s, 't, 'a>> {
        let values = self.object.values(name);
        let is_array = self.is_array(name);
        values.iter().enumerate().filter_map(move |(index, value)| {
            let Node::Object(object) = value else {
                self.warn(
                    name,
                    &format!("expected an element, but found {}", value.kind()),
                );
                return None;
            };
            let index = is_array.then_some(index);
            let path = ElementPath {
                name,
                index,
                holder: Some(&self.path),
            };
            Some(Element {
                object,
                path,
                dialect: self.dialect,
                warnings: self.warnings,
            })
        })
    }

    /// Returns the time called `name` in RFC 3339, in UTC, in whole seconds. `-` is the vendor's
    /// "not yet".
    pub(super) fn time(&self, name: &str) -> Option<String> {
        let text = self.text(name).filter(|text| *text != "-")?;
        let time = to_utc(text);
        if time.is_none() {
            self.warn_expected(name, "a time", text);
        }
        time
    }

    /// The dotted path from the vendor node, which itself is left out, to `leaf`.
    pub(super) fn path_to(&self, leaf: &str) -> String {
        let mut path = String::new();
        for place in self.path.path().into_iter().skip(1) {
            path.push_str(&format!("{place}."));
        }
        path + leaf
    }

    /// Returns the same path to one of the values called `leaf`.
    pub(super) fn path_to_item(&self, leaf: &str, index: Option<usize>) -> String {
        let mut path = self.path_to(leaf);
        if let Some(index) = index {
            path.push_str(&format!("[{index}]"));
        }
        path
    }

    /// Leaves a warning about the text called `name` here.
    pub(super) fn warn_expected(&self, name: &str, expected: &str, found: &str) {
        self.warn(
            name,
            &format!("expected {expected}, but found {}", quote(found)),
        );
    }

    /// Leaves a warning about what is called `name` here.
    pub(super) fn warn(&self, name: &str, problem: &str) {
        let mut place = String::new();
        for holder in self
            .path
            .path()
            .into_iter()
            .filter(|holder| !holder.name.is_empty())
        {
            place.push_str(&format!("{holder}."));
        }
        self.warnings.add(format!("{place}{name}: {problem}"));
    }

    /// Whether what is called `name` here is an array in `detail`.
    fn is_array(&self, name: &str) -> bool {
        self.dialect.is_list(self.path.name, name) || self.object.values(name).are_several()
    }

    /// The first value called `name`.
    fn single(&self, name: &str) -> Option<&'t Node<'a>> {
        let values = self.object.values(name);
        if values.are_several() && !self.dialect.is_list(self.path.name, name) {
            self.warn(
                name,
                "expected one value, but found several; the first is used",
            );
        }
        values.first()
    }
}

impl ElementPath<'_> {
    /// This place and what holds it, from the vendor node on.
    fn path(&self) -> Vec<&Self> {
        let mut places: Vec<_> = std::iter::successors(Some(self), |place| place.holder).collect();
        places.reverse();
        places
    }
}

impl fmt::Display for ElementPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}]", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Parses `2023-05-24T11:12:44+0800`, `2022-08-09 14:54:17+0800`, `2021-08-10T21:01:10+08:00` and
/// the same with `Z`, and truncates the time to whole seconds in UTC.
fn to_utc(text: &str) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    // A time that was never set may read as year 1.
    let is_set = time >= Timestamp::UNIX_EPOCH;
    let time = Timestamp::from_second(time.as_second()).ok()?;
    is_set.then(|| time.to_string())
}

/// The beginning of a text, in quotes.
fn quote(text: &str) -> String {
    let mut cut: String = text.chars().take(MAX_QUOTE).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
