//! Reads the elements of a vendor node: values by name, paths, and warnings about values that cannot be used.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    fmt,
};

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::fields::{Dialect, Shape};
use crate::callback::{Members, Node, number, trim};

/// The most warnings of a record: otherwise a workflow with thousands of malformed tasks would double its size.
/// One more warning counts those that were left out.
const MAX_WARNINGS: usize = 50;

/// The initial capacity of a path, in bytes: enough for most outputs and problems.
const PATH_CAPACITY: usize = 80;

/// The longest name or text that a warning quotes, in characters. `detail` contains all of it.
const MAX_QUOTE: usize = 64;

/// Warnings about values of one job that could not be used, each with its path.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    list: RefCell<Vec<String>>,
    dropped: Cell<usize>,
}

impl Warnings {
    /// Adds a warning, unless the same one exists. Only counts it if there are too many.
    pub(super) fn add(&self, warning: impl FnOnce() -> String) {
        let mut list = self.list.borrow_mut();
        if list.len() == MAX_WARNINGS {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let warning = warning();
        if !list.contains(&warning) {
            list.push(warning);
        }
    }

    /// Returns the warnings in the order in which they were added.
    pub(super) fn into_vec(self) -> Vec<String> {
        let mut warnings = self.list.into_inner();
        match self.dropped.into_inner() {
            0 => {}
            count => warnings.push(format!("{count} more warnings were left out")),
        }
        warnings
    }
}

/// A vendor node, or an element below it.
#[derive(Clone, Copy)]
pub(super) struct Element<'p, 't> {
    members: Members<'t>,
    path: ElementPath<'p>,
    dialect: Dialect,
    warnings: &'p Warnings,
}

/// The path of an element: its name, its index in a list, and its parent.
#[derive(Clone, Copy)]
struct ElementPath<'p> {
    name: &'p str,
    index: Option<usize>,
    parent: Option<&'p ElementPath<'p>>,
}

impl<'p, 't> Element<'p, 't> {
    /// Creates the element of a vendor node. `index` is its index, if its name is a list.
    pub(super) fn node(
        members: Members<'t>,
        name: &'p str,
        index: Option<usize>,
        dialect: Dialect,
        warnings: &'p Warnings,
    ) -> Self {
        Self {
            members,
            path: ElementPath {
                name,
                index,
                parent: None,
            },
            dialect,
            warnings,
        }
    }

    /// Returns the members of the element.
    pub(super) fn members(&self) -> Members<'t> {
        self.members
    }

    /// Returns the text of `name` without white space around it.
    pub(super) fn text(&self, name: &str) -> Option<&'t str> {
        self.verbatim(name).map(trim)
    }

    /// Returns the text of `name` as written: for keys, URLs and `userData`. Of several values, the first is
    /// used. A value that is not a text is not used. Both cases add a warning.
    pub(super) fn verbatim(&self, name: &str) -> Option<&'t str> {
        let value = self.single(name)?;
        let text = value.as_text();
        if text.is_none() {
            self.warn(name, "an object instead of text");
        }
        text
    }

    /// Returns the trimmed text of `name`, in the type of the record's fields.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'t, str>> {
        self.text(name).map(Cow::Borrowed)
    }

    /// Returns the number of `name` with the vendor's digits. A text that is not a number adds a warning.
    pub(super) fn number(&self, name: &str) -> Option<Cow<'t, RawValue>> {
        let text = self.text(name)?;
        let number = number(text);
        if number.is_none() {
            self.warn_expected(name, "a number", text);
        }
        number.map(Cow::Borrowed)
    }

    /// Returns all texts of `name` as written, each with its index if `detail` has an array there. A value that
    /// is not a text adds a warning.
    pub(super) fn texts<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = (Option<usize>, &'t str)> {
        let values = self.members.values(name);
        let is_array = self.is_array(name);
        values.iter().enumerate().filter_map(move |(index, value)| {
            let text = value.as_text();
            if text.is_none() {
                self.warn(name, "an object instead of text");
            }
            Some((is_array.then_some(index), text?))
        })
    }

    /// Returns the child element `name`, by the same rules as [`Self::verbatim`].
    pub(super) fn child<'s>(&'s self, name: &'s str) -> Option<Element<'s, 't>> {
        self.single(name)?;
        self.children(name).next()
    }

    /// Returns all child elements `name`. A value that is not an element adds a warning.
    pub(super) fn children<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Element<'s, 't>> {
        let values = self.members.values(name);
        let is_array = self.is_array(name);
        values.iter().enumerate().filter_map(move |(index, value)| {
            let Node::Object(object) = value else {
                self.warn(name, "text instead of an object");
                return None;
            };
            let index = is_array.then_some(index);
            let path = ElementPath {
                name,
                index,
                parent: Some(&self.path),
            };
            Some(Element {
                members: object.into(),
                path,
                dialect: self.dialect,
                warnings: self.warnings,
            })
        })
    }

    /// Returns the time of `name` in RFC 3339, in UTC, in whole seconds. `-` means "not yet".
    pub(super) fn time(&self, name: &str) -> Option<String> {
        let text = self.text(name).filter(|text| *text != "-")?;
        let time = to_utc(text);
        if time.is_none() {
            self.warn_expected(name, "a time", text);
        }
        time
    }

    /// Returns the dotted path from the vendor node, without its name, to `leaf`.
    pub(super) fn path_to(&self, leaf: &str) -> String {
        let mut path = String::with_capacity(PATH_CAPACITY);
        for element in self.path.path().into_iter().skip(1) {
            path.push_str(element.name);
            push_index(&mut path, element.index);
            path.push('.');
        }
        path.push_str(leaf);
        path
    }

    /// Returns the path to one of several values of `leaf`.
    pub(super) fn path_to_item(&self, leaf: &str, index: Option<usize>) -> String {
        let mut path = self.path_to(leaf);
        push_index(&mut path, index);
        path
    }

    /// Adds a warning about the text of `name`.
    pub(super) fn warn_expected(&self, name: &str, expected: &str, found: &str) {
        self.warn(
            name,
            &format!("expected {expected}, but found {}", quote(found)),
        );
    }

    /// Adds a warning about the value of `name`.
    pub(super) fn warn(&self, name: &str, problem: &str) {
        self.warnings.add(|| {
            let mut path = String::new();
            for parent in self
                .path
                .path()
                .into_iter()
                .filter(|parent| !parent.name.is_empty())
            {
                path.push_str(&format!("{parent}."));
            }
            format!("{path}{}: {problem}", truncate(name))
        });
    }

    /// Whether `name` has several values, so that none of them is reliable.
    pub(super) fn is_repeated(&self, name: &str) -> bool {
        self.members.values(name).is_repeated()
    }

    /// Whether `name` has an array in `detail`.
    fn is_array(&self, name: &str) -> bool {
        self.dialect.shape(self.path.name, name) == Shape::List
            || self.members.values(name).is_repeated()
    }

    /// Returns the first value of `name`.
    fn single(&self, name: &str) -> Option<&'t Node<'t>> {
        let values = self.members.values(name);
        if values.is_repeated() && self.dialect.shape(self.path.name, name) != Shape::List {
            self.warn(name, "several values; the first is used");
        }
        values.first()
    }
}

impl ElementPath<'_> {
    /// Returns the elements from the vendor node to this one.
    fn path(&self) -> Vec<&Self> {
        let mut elements: Vec<_> =
            std::iter::successors(Some(self), |element| element.parent).collect();
        elements.reverse();
        elements
    }
}

impl fmt::Display for ElementPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}]", truncate(self.name)),
            None => f.write_str(&truncate(self.name)),
        }
    }
}

/// Appends the index of an array's item.
fn push_index(path: &mut String, index: Option<usize>) {
    if let Some(index) = index {
        path.push('[');
        path.push_str(&index.to_string());
        path.push(']');
    }
}

/// Parses `2023-05-24T11:12:44+0800`, `2022-08-09 14:54:17+0800`, `2021-08-10T21:01:10+08:00` and
/// the same with `Z`, and truncates the time to whole seconds in UTC.
fn to_utc(text: &str) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    // Go writes an unset time as year 1.
    let is_set = time >= Timestamp::UNIX_EPOCH;
    let time = Timestamp::from_second(time.as_second()).ok()?;
    is_set.then(|| time.to_string())
}

/// Quotes the beginning of a text.
fn quote(text: &str) -> String {
    format!("{:?}", truncate(text))
}

/// Truncates a text after [`MAX_QUOTE`] characters.
fn truncate(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_QUOTE {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
