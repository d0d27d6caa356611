//! One vendor element as the record's makers see it: its values by name, its place, and the
//! warnings about what cannot be used.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    fmt,
};

use jiff::Timestamp;

use crate::{
    callback::{Node, Object},
    vocabulary::Dialect,
};

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
    place: Place<'p>,
    dialect: Dialect,
    warnings: &'p Warnings,
}

/// Where an element is: its name, its number if it is one of a list, and what holds it.
#[derive(Clone, Copy)]
struct Place<'p> {
    name: &'p str,
    index: Option<usize>,
    holder: Option<&'p Place<'p>>,
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
            place: Place {
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

    /// The text called `name`. Where there are several values the first is used; a value that is
    /// no text is not. Both leave a warning.
    pub(super) fn text(&self, name: &str) -> Option<&'t str> {
        let value = self.single(name)?;
        let text = value.as_text();
        if text.is_none() {
            self.warn(name, &format!("expected text, but found {}", value.kind()));
        }
        text
    }

    /// The same, as records hold it.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'t, str>> {
        self.text(name).map(Cow::Borrowed)
    }

    /// Every text called `name`. A value that is no text leaves a warning.
    pub(super) fn texts<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'t str> {
        self.object.values(name).iter().filter_map(move |value| {
            let text = value.as_text();
            if text.is_none() {
                self.warn(name, &format!("expected text, but found {}", value.kind()));
            }
            text
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
        let numbered = self.dialect.is_list(self.place.name, name) || values.are_several();
        values.iter().enumerate().filter_map(move |(index, value)| {
            let Node::Object(object) = value else {
                self.warn(
                    name,
                    &format!("expected an element, but found {}", value.kind()),
                );
                return None;
            };
            let index = numbered.then_some(index);
            let place = Place {
                name,
                index,
                holder: Some(&self.place),
            };
            Some(Element {
                object,
                place,
                dialect: self.dialect,
                warnings: self.warnings,
            })
        })
    }

    /// The time called `name` in RFC 3339, in UTC, in whole seconds. `-` is the vendor's "not yet".
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
        for place in self.place.path().into_iter().skip(1) {
            path.push_str(&format!("{place}."));
        }
        path + leaf
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
            .place
            .path()
            .into_iter()
            .filter(|holder| !holder.name.is_empty())
        {
            place.push_str(&format!("{holder}."));
        }
        self.warnings.add(format!("{place}{name}: {problem}"));
    }

    /// The first value called `name`.
    fn single(&self, name: &str) -> Option<&'t Node<'a>> {
        let values = self.object.values(name);
        if values.are_several() && !self.dialect.is_list(self.place.name, name) {
            self.warn(
                name,
                "expected one value, but found several; the first is used",
            );
        }
        values.first()
    }
}

impl Place<'_> {
    /// This place and what holds it, from the vendor node on.
    fn path(&self) -> Vec<&Self> {
        let mut places: Vec<_> = std::iter::successors(Some(self), |place| place.holder).collect();
        places.reverse();
        places
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}]", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// `2023-05-24T11:12:44+0800`, `2022-08-09 14:54:17+0800`, `2021-08-10T21:01:10+08:00` and the
/// same with `Z`, as a time in UTC without its fraction of a second.
fn to_utc(text: &str) -> Option<String> {
    let time: Timestamp = text.parse().ok()?;
    let time = Timestamp::from_second(time.as_second()).ok()?.to_string();
    // RFC 3339 has no years before 0.
    (!time.starts_with('-')).then_some(time)
}

/// The beginning of a text, in quotes.
fn quote(text: &str) -> String {
    let mut cut: String = text.chars().take(MAX_QUOTE).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
