//! Parses JSON into the tree.
//!
//! This is a custom parser, since callbacks need three things that serde_json does not support: the trailing
//! commas of Tencent's own examples, numbers with their digits as written (13.654000) without a feature
//! that changes numbers for every crate in the build, and no recursion. serde_json still decodes strings with
//! escapes and checks numbers. A property test shows that both parsers agree on all other input.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    characters::{is_blank, is_white_space},
    cos_headers,
    error::{ReadError, place},
    limits::NodeCounter,
    tree::{Member, Name, Node, Object},
};

/// The wrapper around a body that was converted from XML.
const WRAPPER: &str = "Response";

/// The longest number, in characters, that parsers in every language accept.
const MAX_NUMBER_LENGTH: usize = 40;

/// Parses one JSON object, and removes the wrapper `Response` if that is its only name. Returns a warning as
/// well if trailing commas were skipped.
///
/// # Errors
/// Returns [`ReadError`] if the body is not JSON, exceeds a limit, or is not an object.
pub(super) fn read(body: &str) -> Result<(Object<'_>, Option<String>), ReadError> {
    let mut parser = Parser {
        body,
        at: 0,
        counter: NodeCounter::default(),
        open: Vec::new(),
        members: Vec::new(),
        trailing_commas: Vec::new(),
    };
    let root = unwrap(parser.document()?);
    parser.counter.check_messages(&root)?;
    let warning = parser.trailing_commas.first().map(|&at| {
        let place = place(body, at);
        match parser.trailing_commas.len() {
            1 => format!("{place}: skipped a trailing comma"),
            count => format!("{place}: skipped a trailing comma (the first of {count})"),
        }
    });
    Ok((root, warning))
}

/// Parses a string as a JSON number. Returns `None` if it is not valid JSON, is longer than 40 characters, or is
/// not finite as an IEEE 754 double. Workers could not parse a message with any other number.
pub(crate) fn number(text: &str) -> Option<&RawValue> {
    // Unlike serde_json, `f64` accepts no whitespace.
    if text.len() > MAX_NUMBER_LENGTH || !text.parse().is_ok_and(f64::is_finite) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Removes the wrapper, if the root has no other name.
fn unwrap(mut root: Object<'_>) -> Object<'_> {
    if !root.names().map(|(name, _)| name).eq([WRAPPER]) {
        return root;
    }
    match <[_; 1]>::try_from(root.take(WRAPPER)) {
        Ok([Node::Object(response)]) => response,
        // This is not a wrapper. `Callback::new` reports that there is no job.
        _ => root,
    }
}

struct Parser<'a> {
    body: &'a str,
    at: usize,
    counter: NodeCounter,
    /// The open objects and arrays, outermost first.
    open: Vec<Open<'a>>,
    /// The members of all open objects, outermost first.
    members: Vec<Member<'a>>,
    /// The offsets of trailing commas.
    trailing_commas: Vec<usize>,
}

/// An object or array that is not complete yet.
struct Open<'a> {
    /// Its name in its object. The items of an array have the name of the array.
    name: Name<'a>,
    /// The closing bracket.
    end: u8,
    /// The index of an object's first member.
    first: usize,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<Object<'a>, ReadError> {
        loop {
            let name = match self.open.last() {
                None => Name::Borrowed(""),
                Some(array) if array.end == b']' => array.name.clone(),
                Some(_) => self.name()?,
            };
            let end = match self.peek() {
                Some(b'{') => Some(b'}'),
                Some(b'[') => Some(b']'),
                _ => None,
            };
            // As in XML, a leaf counts as a level, and the root is at the same level as `Response`.
            let depth = self.open.len() - usize::from(self.has_wrapper());
            let place = || place(self.body, self.at);
            self.counter.add(depth, "values", place)?;
            if let Some(end) = end {
                self.at += 1;
                let first = self.members.len();
                self.open.push(Open { name, end, first });
                if self.peek() != Some(end) {
                    continue;
                }
            } else {
                let leaf = self.leaf()?;
                self.members.extend(leaf.map(|leaf| (name, leaf)));
            }
            self.close()?;
            if self.open.is_empty() {
                return match self.members.pop() {
                    Some((_, Node::Object(root))) => Ok(root),
                    _ => Ok(Object::default()),
                };
            }
        }
    }

    /// Closes the objects and arrays that end after a value, and consumes the comma after them.
    fn close(&mut self) -> Result<(), ReadError> {
        while let Some(open) = self.open.last() {
            let (first, end) = (open.first, open.end);
            self.peek();
            let comma_at = self.at;
            let has_comma = self.take(b',');
            if !self.take(end) {
                return match has_comma {
                    true => Ok(()),
                    false => Err(self.expected(&format!("\",\" or \"{}\"", char::from(end)))),
                };
            }
            self.trailing_commas.extend(has_comma.then_some(comma_at));
            let closed = self.open.pop().filter(|closed| closed.end == b'}');
            if let Some(Open { name, .. }) = closed {
                let object = cos_headers::object_without_empty_headers(
                    self.members.drain(first..).collect(),
                );
                self.members.extend(object.map(|object| (name, object)));
            }
        }
        match self.peek() {
            Some(_) => Err(self.expected("the end of the body")),
            None => Ok(()),
        }
    }

    /// Returns whether the first value in the root is the wrapper, which is not counted twice.
    fn has_wrapper(&self) -> bool {
        let first = self.open.get(1);
        first.is_some_and(|value| value.first == 0 && *value.name == *WRAPPER)
    }

    /// Parses the name of a member.
    fn name(&mut self) -> Result<Name<'a>, ReadError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a name in quotes"));
        }
        let name = match self.string()? {
            Cow::Borrowed(name) => Name::Borrowed(name),
            Cow::Owned(name) => Name::Decoded(name.into()),
        };
        if !self.take(b':') {
            return Err(self.expected("\":\" after a name"));
        }
        Ok(name)
    }

    fn leaf(&mut self) -> Result<Option<Node<'a>>, ReadError> {
        if self.peek() == Some(b'"') {
            return Ok(Node::text(self.string()?));
        }
        let rest = &self.body[self.at..];
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte);
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        let word = &rest[..length];
        // A number, a boolean or `null`.
        if serde_json::from_str::<&RawValue>(word).is_err() {
            return Err(self.expected("a value"));
        }
        self.at += length;
        Ok((word != "null").then_some(Node::Text(Cow::Borrowed(word))))
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
                    return Err(self.error("unescaped control character"));
                }
                None => return Err(self.error("unclosed string")),
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
                self.error("invalid escape or lone surrogate")
            })
    }

    /// Returns the next byte that is not whitespace, without consuming it.
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
        let found = match is_blank(&self.body[self.at..]) {
            true => ", but found the end of the body",
            false => "",
        };
        self.error(&format!("expected {token}{found}"))
    }

    fn error(&self, reason: &str) -> ReadError {
        ReadError::malformed(self.body, self.at, reason)
    }
}
