//! Why a body cannot be read, and where.

use std::{borrow::Cow, fmt};

/// Why a body cannot be read: what went wrong, where, and what was expected there. It never has a
/// word of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    kind: ReadErrorKind,
    position: Option<TextPosition>,
    expected: Cow<'static, str>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The body is not UTF-8.
    NotUtf8,
    /// The body begins like neither XML nor a JSON object.
    UnknownFormat,
    /// The body is not well-formed XML, or is XML that a callback must not contain.
    Xml,
    /// The body is not JSON.
    Json,
    /// Elements or values are nested too deep.
    TooDeep,
    /// The body has too many elements or values.
    TooManyValues,
    /// There is no job in the body.
    NoJob,
    /// A job is not an object.
    InvalidJob,
}

impl ReadError {
    /// Returns an error that is about the whole body, or that names its place itself.
    pub(super) fn new(kind: ReadErrorKind, expected: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            position: None,
            expected: expected.into(),
        }
    }

    /// Returns an error about the byte of the body at `at`.
    pub(super) fn at(
        kind: ReadErrorKind,
        body: &str,
        at: usize,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            position: Some(TextPosition::new(body, at)),
            expected: expected.into(),
        }
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ReadErrorKind {
        self.kind
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: {}", self.expected),
            None => f.write_str(&self.expected),
        }
    }
}

impl std::error::Error for ReadError {}

/// A place in a body as editors count: lines and characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextPosition {
    line: usize,
    column: usize,
}

impl TextPosition {
    /// Returns the position of the byte at `at`, or of the end.
    pub(super) fn new(body: &str, at: usize) -> Self {
        let before = &body[..body.floor_char_boundary(at)];
        let line_begins = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_begins..].chars().count(),
        }
    }
}

impl fmt::Display for TextPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
