//! Reads the elements of a vendor node: values by name, paths, and warnings about values that cannot be used.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
};

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::detail::Detail;
use crate::callback::{Dialect, MAX_WARNINGS, Members, Node, Shape, Values, number, trim};

/// The initial capacity of a path, in bytes: enough for most outputs and problems.
const PATH_CAPACITY: usize = 80;

/// The longest name or text that a warning quotes, in characters. `detail` contains all of it.
const MAX_QUOTE: usize = 64;

/// Warnings about values of one job that could not be used, each with its path.
#[derive(Debug)]
pub(super) struct Warnings {
    /// The path of the job in the body.
    job_path: String,
    list: RefCell<Vec<String>>,
    dropped: Cell<usize>,
}

impl Warnings {
    /// Starts with the warnings of the parser.
    pub(super) fn new(job_path: String, parser_warnings: &[String]) -> Self {
        Self {
            job_path,
            list: RefCell::new(parser_warnings.to_vec()),
            dropped: Cell::new(0),
        }
    }

    /// Adds a warning about the value at a path below the job, unless the same one exists. Only counts it if there
    /// are too many.
    fn add(&self, path: impl FnOnce() -> String, problem: &str) {
        let mut list = self.list.borrow_mut();
        if list.len() >= MAX_WARNINGS {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let separator = if self.job_path.is_empty() { "" } else { "." };
        let warning = format!("{}{separator}{}: {problem}", self.job_path, path());
        if !list.contains(&warning) {
            list.push(warning);
        }
    }

    /// Returns the warnings in the order in which they were added.
    pub(super) fn into_vec(self) -> Vec<String> {
        let mut warnings = self.list.into_inner();
        match self.dropped.into_inner() {
            0 => {}
            count => warnings.push(format!("{count} more warnings were dropped")),
        }
        warnings
    }
}

/// A vendor node, or an element below it.
#[derive(Clone, Copy)]
pub(super) struct Element<'p, 't> {
    members: Members<'t>,
    name: &'p str,
    /// Its index among the values of its name.
    index: usize,
    /// `None` for the vendor node, which is not part of paths.
    parent: Option<&'p Element<'p, 't>>,
    dialect: Dialect,
    warnings: &'p Warnings,
}

/// A text of an element, with its place.
pub(super) struct Leaf<'p, 't> {
    element: &'p Element<'p, 't>,
    name: &'p str,
    /// Its index among the values of its name.
    pub(super) index: usize,
    /// The text as written.
    pub(super) verbatim: &'t str,
}

impl<'t> Leaf<'_, 't> {
    /// Returns the text without whitespace around it.
    pub(super) fn text(&self) -> &'t str {
        trim(self.verbatim)
    }

    /// Returns the dotted path from the vendor node, without its name, to the text.
    pub(super) fn path(&self) -> String {
        self.element.path_to(self.name, Some(self.index))
    }
}

impl<'p, 't> Element<'p, 't> {
    /// Creates the element of a vendor node.
    pub(super) fn node(detail: Detail<'t>, warnings: &'p Warnings) -> Self {
        Self {
            members: detail.members,
            name: detail.name,
            index: 0,
            parent: None,
            dialect: detail.dialect,
            warnings,
        }
    }

    /// Returns the members of the element.
    pub(super) fn members(&self) -> Members<'t> {
        self.members
    }

    /// Returns the text of `name` without whitespace around it.
    pub(super) fn text(&self, name: &str) -> Option<&'t str> {
        self.verbatim(name).map(trim)
    }

    /// Returns the text of `name` as written: for keys, URLs and `userData`. Of several values, the first is
    /// used. A value that is not a text is not used. Both cases add a warning.
    pub(super) fn verbatim(&self, name: &str) -> Option<&'t str> {
        self.text_of(name, self.single(name).first()?)
    }

    /// Returns the text of `name`, unless it has several values: none of them is reliable. In that case, adds a
    /// warning.
    pub(super) fn only_text(&self, name: &str) -> Option<&'t str> {
        if self.is_repeated(name) {
            self.warn(name, "several values; none is used");
            return None;
        }
        self.text(name)
    }

    /// Returns the trimmed text of `name` as a `Cow`, the type of text fields in a record.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'t, str>> {
        self.text(name).map(Cow::Borrowed)
    }

    /// Returns the number of `name` with Tencent's digits. Adds a warning if the text is not a number.
    pub(super) fn number(&self, name: &str) -> Option<Cow<'t, RawValue>> {
        let text = self.text(name)?;
        let number = number(text);
        if number.is_none() {
            self.warn_quoting(name, "expected a number, but found", text);
        }
        number.map(Cow::Borrowed)
    }

    /// Returns all texts of `name`. Adds a warning for each value that is not a text.
    pub(super) fn texts<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Leaf<'s, 't>> {
        let values = self.members.values(name).iter().enumerate();
        values.filter_map(move |(index, value)| {
            Some(Leaf {
                element: self,
                name,
                index,
                verbatim: self.text_of(name, value)?,
            })
        })
    }

    /// Returns the child element `name`, by the same rules as [`Self::verbatim`].
    pub(super) fn child<'s>(&'s self, name: &'s str) -> Option<Element<'s, 't>> {
        self.elements(name, self.single(name)).next()
    }

    /// Returns all child elements named `name`. Adds a warning for each value that is not an element.
    pub(super) fn children<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Element<'s, 't>> {
        self.elements(name, self.members.values(name))
    }

    fn elements<'s>(
        &'s self,
        name: &'s str,
        values: Values<'t>,
    ) -> impl Iterator<Item = Element<'s, 't>> {
        values.iter().enumerate().filter_map(move |(index, value)| {
            let Node::Object(object) = value else {
                self.warn(name, "text instead of an object");
                return None;
            };
            Some(Element {
                members: Members {
                    own: object,
                    siblings: None,
                },
                name,
                index,
                parent: Some(self),
                ..*self
            })
        })
    }

    /// Returns the time of `name` in RFC 3339, in UTC, in whole seconds. `-` means "not yet".
    pub(super) fn time(&self, name: &str) -> Option<String> {
        let text = self.text(name).filter(|text| *text != "-")?;
        let time = to_utc(text);
        if time.is_none() {
            self.warn_quoting(name, "expected a time, but found", text);
        }
        time
    }

    /// Adds a warning that quotes the beginning of the text of `name`.
    pub(super) fn warn_quoting(&self, name: &str, problem: &str, text: &str) {
        self.warn(name, &format!("{problem} {:?}", truncate(text)));
    }

    /// Adds a warning about the value of `name`.
    pub(super) fn warn(&self, name: &str, problem: &str) {
        self.warnings.add(|| self.path_to(name, None), problem);
    }

    /// Returns whether `name` has several values.
    pub(super) fn is_repeated(&self, name: &str) -> bool {
        self.members.values(name).is_repeated()
    }

    fn is_list(&self, name: &str) -> bool {
        self.dialect.shape(self.name, name) == Shape::List
    }

    /// Returns the values of `name`, of which the first is used.
    fn single(&self, name: &str) -> Values<'t> {
        let values = self.members.values(name);
        if values.is_repeated() && !self.is_list(name) {
            self.warn(name, "several values; the first is used");
        }
        values
    }

    /// Returns the text of a value of `name`. Adds a warning if the value is an object.
    fn text_of(&self, name: &str, value: &'t Node<'t>) -> Option<&'t str> {
        let text = value.as_text();
        if text.is_none() {
            self.warn(name, "an object instead of text");
        }
        text
    }

    /// Returns the dotted path from the vendor node, without its name, to a value of this element.
    fn path_to(&self, name: &str, index: Option<usize>) -> String {
        let mut path = String::with_capacity(PATH_CAPACITY);
        self.push_path(&mut path, name, index);
        path
    }

    /// Appends the path to a value of this element, with its index if its name is an array in `detail`.
    fn push_path(&self, path: &mut String, name: &str, index: Option<usize>) {
        if let Some(parent) = self.parent {
            parent.push_path(path, self.name, Some(self.index));
            path.push('.');
        }
        path.push_str(&truncate(name));
        let is_array = || self.is_repeated(name) || self.is_list(name);
        if let Some(index) = index.filter(|_| is_array()) {
            path.push_str(&format!("[{index}]"));
        }
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

/// Truncates a text after [`MAX_QUOTE`] characters.
fn truncate(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
