//! Parses JSON into the tree.
//!
//! This is a custom parser, since callbacks need three things that serde_json does not support: the trailing
//! commas of the vendor's own examples, numbers with their digits as written (13.654000) without a feature
//! that changes numbers for every crate in the build, and no recursion. serde_json still decodes strings with
//! escapes and checks numbers. A property test shows that both parsers agree on all other input.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    characters::is_white_space,
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
        open: Vec::new(),
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
    if text.len() > MAX_NUMBER_LENGTH || !text.parse().is_ok_and(f64::is_finite) {
        return None;
    }
    grammatical_number(text)
}

/// Returns a text as a number, if it is one by JSON's grammar.
fn grammatical_number(text: &str) -> Option<&RawValue> {
    // serde_json accepts white space around a number.
    let begins = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let ends = text.ends_with(|last: char| last.is_ascii_digit());
    if begins && ends {
        serde_json::from_str(text).ok()
    } else {
        None
    }
}

struct Parser<'a> {
    body: &'a str,
    at: usize,
    nodes: usize,
    /// The open objects and arrays, outermost first.
    open: Vec<Open<'a>>,
    /// The offsets of trailing commas.
    trailing_commas: Vec<usize>,
}

/// An object or array that is not complete yet.
struct Open<'a> {
    /// Its key in its parent, empty in an array.
    key: Cow<'a, str>,
    content: Content<'a>,
}

enum Content<'a> {
    Object(Vec<Member<'a>>),
    Array(Vec<Node<'a>>),
}

impl<'a> Open<'a> {
    fn end(&self) -> u8 {
        match self.content {
            Content::Object(_) => b'}',
            Content::Array(_) => b']',
        }
    }

    fn add(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        match &mut self.content {
            Content::Object(members) => members.push((key, value)),
            Content::Array(items) => value.append_to(items),
        }
    }

    fn close(self) -> (Cow<'a, str>, Option<Value<'a>>) {
        let value = match self.content {
            Content::Object(members) => cos_headers::object(members).map(Value::One),
            Content::Array(items) => Value::list(items),
        };
        (self.key, value)
    }
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Object<'a>, ReadError> {
        loop {
            let key = match self.open.last().map(|parent| &parent.content) {
                Some(Content::Object(_)) => self.key()?,
                _ => Cow::default(),
            };
            self.check_limits()?;
            let content = match self.peek() {
                Some(b'{') => Some(Content::Object(Vec::new())),
                Some(b'[') => Some(Content::Array(Vec::new())),
                _ => None,
            };
            let (key, value) = match content {
                None => (key, self.leaf()?.map(Value::One)),
                Some(content) => {
                    self.at += 1;
                    let opened = Open { key, content };
                    if !self.take(opened.end()) {
                        self.open.push(opened);
                        continue;
                    }
                    opened.close()
                }
            };
            if let Some(root) = self.complete(key, value)? {
                return Ok(root);
            }
        }
    }

    /// Adds a complete value to its parent, and closes the parents that end after it. Returns the root once it
    /// is closed.
    fn complete(
        &mut self,
        mut key: Cow<'a, str>,
        mut value: Option<Value<'a>>,
    ) -> Result<Option<Object<'a>>, ReadError> {
        while let Some(mut parent) = self.open.pop() {
            if let Some(value) = value {
                parent.add(key, value);
            }
            self.peek();
            let comma_at = self.at;
            let has_comma = self.take(b',');
            let end = parent.end();
            if self.take(end) {
                if has_comma {
                    self.trailing_commas.push(comma_at);
                }
                (key, value) = parent.close();
            } else if has_comma {
                self.open.push(parent);
                return Ok(None);
            } else {
                return Err(self.expected(&format!("\",\" or \"{}\"", char::from(end))));
            }
        }
        if self.peek().is_some() {
            return Err(self.expected("the end of the body"));
        }
        match value {
            Some(Value::One(Node::Object(root))) => Ok(Some(root)),
            _ => Ok(Some(Object::default())),
        }
    }

    /// Checks the limits before a value is parsed.
    fn check_limits(&mut self) -> Result<(), ReadError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let reason = format!("more than {MAX_NODES} values");
            return Err(self.error(ReadErrorKind::TooManyValues, reason));
        }
        // As in XML, leaves are a level as well, and the root has the level of `Response`.
        if self.open.len() - self.wrapper_depth() == MAX_DEPTH {
            self.peek();
            let reason = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(self.error(ReadErrorKind::TooDeep, reason));
        }
        Ok(())
    }

    /// Returns the depth of the wrapper `Response`, which is not counted twice.
    fn wrapper_depth(&self) -> usize {
        match &self.open[..] {
            [
                Open {
                    content: Content::Object(before),
                    ..
                },
                Open { key, .. },
                ..,
            ] => usize::from(before.is_empty() && key == "Response"),
            _ => 0,
        }
    }

    fn key(&mut self) -> Result<Cow<'a, str>, ReadError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a name in quotes"));
        }
        let key = self.string()?;
        if !self.take(b':') {
            return Err(self.expected("\":\" after a name"));
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
            _ => return Err(self.expected("a value")),
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
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
            at += rest.iter().position(is_special).unwrap_or(rest.len());
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    at += 2;
                }
                Some(_) => {
                    self.at = at;
                    return Err(self.invalid("unescaped control character"));
                }
                None => return Err(self.invalid("unclosed string")),
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
                self.invalid("invalid escape or lone surrogate")
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

    /// Creates an error about the next token.
    fn expected(&self, token: &str) -> ReadError {
        let found = match self.body[self.at..].bytes().all(is_white_space) {
            true => ", but found the end of the body",
            false => "",
        };
        self.invalid(format!("expected {token}{found}"))
    }

    fn invalid(&self, reason: impl Into<Cow<'static, str>>) -> ReadError {
        self.error(ReadErrorKind::Json, reason)
    }

    fn error(&self, kind: ReadErrorKind, reason: impl Into<Cow<'static, str>>) -> ReadError {
        ReadError::at(kind, self.body, self.at, reason)
    }
}
