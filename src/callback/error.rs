//! The error for a body that cannot be read, with its position.

use std::fmt;

/// The error for a body that cannot be read: its kind, and its position and reason as a text that never quotes
/// the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    kind: ReadErrorKind,
    text: String,
}

/// The kind of a [`ReadError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The body is neither well-formed XML nor a JSON object, is not UTF-8, or has XML features that a callback
    /// must not have.
    Malformed,
    /// The body exceeds a limit.
    LimitExceeded,
    /// The body contains no job, or something other than a job.
    NoJob,
}

impl ReadError {
    /// Creates an error about the complete body, or whose text contains its place.
    pub(super) fn new(kind: ReadErrorKind, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, text }
    }

    /// Creates an error about malformed text at the byte offset `at`.
    pub(super) fn malformed(body: &str, at: usize, reason: &str) -> Self {
        let text = format!("{}: {reason}", place(body, at));
        Self::new(ReadErrorKind::Malformed, text)
    }

    /// Returns the kind.
    pub fn kind(&self) -> ReadErrorKind {
        self.kind
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ReadError {}

/// Converts a byte offset to a place as editors show it: line and column, counted in characters from 1.
pub(super) fn place(body: &str, at: usize) -> String {
    let before = &body[..body.floor_char_boundary(at)];
    let line_begins = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before[line_begins..].chars().count();
    format!("line {line}, column {column}")
}
