//! The error for a body that cannot be read, with its position.

use std::{borrow::Cow, fmt};

/// The error for a body that cannot be read: its kind, its position, and the reason. It never quotes the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    kind: ReadErrorKind,
    position: Option<TextPosition>,
    reason: Cow<'static, str>,
}

/// The kind of a [`ReadError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The body is not UTF-8.
    NotUtf8,
    /// The body does not begin like XML or a JSON object.
    UnknownFormat,
    /// The body is not well-formed XML, or has XML features that a callback must not have.
    Xml,
    /// The body is not JSON.
    Json,
    /// Elements or values are nested too deeply.
    TooDeep,
    /// The body has too many elements or values.
    TooManyValues,
    /// The body contains no job.
    NoJob,
    /// A job is not an object.
    InvalidJob,
}

impl ReadError {
    /// Creates an error about the complete body, or whose reason contains its place.
    pub(super) fn new(kind: ReadErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            position: None,
            reason: reason.into(),
        }
    }

    /// Creates an error at the byte offset `at`.
    pub(super) fn at(
        kind: ReadErrorKind,
        body: &str,
        at: usize,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            position: Some(TextPosition::new(body, at)),
            reason: reason.into(),
        }
    }

    /// Returns the kind.
    pub fn kind(&self) -> ReadErrorKind {
        self.kind
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for ReadError {}

/// A position in a body as editors show it: line and column, counted in characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextPosition {
    line: usize,
    column: usize,
}

impl TextPosition {
    /// Converts a byte offset.
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
