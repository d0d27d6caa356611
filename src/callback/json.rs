//! Parses JSON into the tree.
//!
//! This is a custom parser, since callbacks need three things that serde_json does not support: the trailing
//! commas of the vendor's own examples, numbers with their digits as written (13.654000) without a feature
//! that changes numbers for every crate in the build, and no recursion. serde_json still decodes strings with
//! escapes and checks numbers. A property test shows that both parsers agree on all other input.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    characters::{is_blank, is_white_space},
    cos_headers,
    error::{ReadError, ReadErrorKind, TextPosition},
    limits::{MAX_DEPTH, MAX_NODES},
    tree::{Member, Node, Object, Value},
};

/// Parses one JSON object. Returns a warning as well if trailing commas were skipped.
///
/// # Errors
/// Returns [`ReadError`] if the body is not JSON, exceeds a limit, or is not an object.
pub(super) fn read(body: &str) -> Result<(Object<'_>, Option<String>), ReadError> {
    let mut parser = Parser {
        body,
        at: 0,
        nodes: 0,
        trailing_commas: Vec::new(),
    };
    let root = parser.document()?;
    let warning = parser.trailing_commas.first().map(|&at| {
        let place = TextPosition::new(body, at);
        match parser.trailing_commas.len() {
            1 => format!("{place}: skipped a trailing comma"),
            count => format!("{place}: skipped a trailing comma (the first of {count})"),
        }
    });
    Ok((root, warning))
}

/// The longest number, in characters, that parsers in every language accept.
const MAX_NUMBER_LENGTH: usize = 40;

/// Returns a text as a number, if it is one by JSON's grammar, has at most 40 characters, and is finite as an
/// IEEE 754 double. Workers could not parse a message with any other number.
pub(crate) fn number(text: &str) -> Option<&RawValue> {
    let is_finite = || text.parse().is_ok_and(f64::is_finite);
    (text.len() <= MAX_NUMBER_LENGTH)
        .then(|| grammatical_number(text))
        .flatten()
        .filter(|_| is_finite())
}

/// Returns a text as a number, if it is one by JSON's grammar.
fn grammatical_number(text: &str) -> Option<&RawValue> {
    // serde_json accepts white space around a number.
    let begins = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let ends = text.ends_with(|last: char| last.is_ascii_digit());
    (begins && ends)
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

struct Parser<'a> {
    body: &'a str,
    at: usize,
    nodes: usize,
    /// The offsets of trailing commas.
    trailing_commas: Vec<usize>,
}

/// A value that is not complete yet.
enum Open<'a> {
    Object {
        key: Cow<'a, str>,
        members: Vec<Member<'a>>,
    },
    Array {
        items: Vec<Node<'a>>,
    },
}

impl Open<'_> {
    fn end(&self) -> u8 {
        match self {
            Self::Object { .. } => b'}',
            Self::Array { .. } => b']',
        }
    }
}

/// Returns the depth of the wrapper `Response`, which is not counted twice.
fn wrapper_depth(open: &[Open<'_>]) -> usize {
    match open.first() {
        Some(Open::Object { key, members }) => usize::from(key == "Response" && members.is_empty()),
        _ => 0,
    }
}

/// The bytes that end a run of plain characters in a string: quotes, escapes, control characters.
static ENDS_STRING_RUN: [bool; 256] = {
    let mut ends = [false; 256];
    let mut control = 0;
    while control < b' ' as usize {
        ends[control] = true;
        control += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Object<'a>, ReadError> {
        let mut open: Vec<Open<'a>> = Vec::new();
        'value: loop {
            self.count_node()?;
            let next = self.peek();
            // As in XML, where leaves are elements as well, and `Response` is one of the levels.
            if open.len() - wrapper_depth(&open) == MAX_DEPTH {
                let message = format!("nested deeper than {MAX_DEPTH} levels");
                return Err(ReadError::at(
                    ReadErrorKind::TooDeep,
                    self.body,
                    self.at,
                    message,
                ));
            }
            let mut value = match next {
                Some(begin @ (b'{' | b'[')) => {
                    self.at += 1;
                    let end = if begin == b'{' { b'}' } else { b']' };
                    if self.take(end) {
                        None
                    } else {
                        open.push(if begin == b'{' {
                            Open::Object {
                                key: self.key()?,
                                members: Vec::new(),
                            }
                        } else {
                            Open::Array { items: Vec::new() }
                        });
                        continue 'value;
                    }
                }
                _ => self.leaf()?.map(Value::One),
            };
            // A value is complete: add it to its parent, which may now be complete as well.
            loop {
                let Some(parent) = open.last_mut() else {
                    return self.finish(value);
                };
                match parent {
                    Open::Object { key, members } => {
                        members.extend(value.map(|value| (std::mem::take(key), value)));
                    }
                    Open::Array { items } => {
                        if let Some(value) = value {
                            value.append_to(items);
                        }
                    }
                }
                let end = parent.end();
                self.peek();
                let comma = self.at;
                let more = self.take(b',');
                if self.take(end) {
                    if more {
                        self.trailing_commas.push(comma);
                    }
                    value = match open.pop() {
                        Some(Open::Object { members, .. }) => {
                            cos_headers::object(members).map(Value::One)
                        }
                        Some(Open::Array { items }) => Value::list(items),
                        None => None,
                    };
                } else if more {
                    if let Open::Object { key, .. } = parent {
                        *key = self.key()?;
                    }
                    continue 'value;
                } else {
                    let message = format!("expected \",\" or \"{}\"", char::from(end));
                    return Err(self.error(&message));
                }
            }
        }
    }

    fn finish(&mut self, root: Option<Value<'a>>) -> Result<Object<'a>, ReadError> {
        if self.peek().is_some() {
            return Err(self.error("expected the end of the body"));
        }
        match root {
            Some(Value::One(Node::Object(root))) => Ok(root),
            _ => Ok(Object::default()),
        }
    }

    fn key(&mut self) -> Result<Cow<'a, str>, ReadError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a name in quotes"));
        }
        let key = self.string()?;
        if !self.take(b':') {
            return Err(self.error("expected \":\" after a name"));
        }
        Ok(key)
    }

    fn leaf(&mut self) -> Result<Option<Node<'a>>, ReadError> {
        if self.peek() == Some(b'"') {
            return Ok(Node::text(self.string()?));
        }
        let rest = &self.body[self.at..];
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
            .count();
        let word = &rest[..length];
        let leaf = match word {
            "null" => None,
            "true" | "false" => Node::text(Cow::Borrowed(word)),
            _ if grammatical_number(word).is_some() => Node::text(Cow::Borrowed(word)),
            _ => return Err(self.error("expected a value")),
        };
        self.at += length;
        Ok(leaf)
    }

    /// Parses the string whose opening quote is next.
    fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let bytes = self.body.as_bytes();
        let begin = self.at;
        let mut has_escapes = false;
        let mut at = begin + 1;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let plain = rest
                .iter()
                .position(|&byte| ENDS_STRING_RUN[usize::from(byte)]);
            at += plain.unwrap_or(rest.len());
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    at += 2;
                }
                Some(_) => {
                    self.at = at;
                    return Err(self.error("expected escaped control characters in a string"));
                }
                None => return Err(self.error("expected a quote at the end of this string")),
            }
        }
        self.at = at + 1;
        if !has_escapes {
            return Ok(Cow::Borrowed(&self.body[begin + 1..at]));
        }
        serde_json::from_str(&self.body[begin..=at])
            .map(Cow::Owned)
            .map_err(|_| {
                self.at = begin;
                self.error("expected only JSON's escapes and no lone surrogate in this string")
            })
    }

    /// Returns the next byte that is not white space, without consuming it.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.body.as_bytes();
        while bytes.get(self.at).copied().is_some_and(is_white_space) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Consumes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn count_node(&mut self) -> Result<(), ReadError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let expected = format!("expected at most {MAX_NODES} values");
            return Err(self.error_of(ReadErrorKind::TooManyValues, &expected));
        }
        Ok(())
    }

    fn error(&self, expected: &str) -> ReadError {
        self.error_of(ReadErrorKind::Json, expected)
    }

    fn error_of(&self, kind: ReadErrorKind, expected: &str) -> ReadError {
        let rest = &self.body[self.at.min(self.body.len())..];
        let found = if is_blank(rest) {
            ", but found the end"
        } else {
            ""
        };
        ReadError::at(kind, self.body, self.at, format!("{expected}{found}"))
    }
}
