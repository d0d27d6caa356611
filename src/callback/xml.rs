//! Parses XML into the tree, from quick-xml's events.
//!
//! quick-xml checks less than the XML specification requires. This module also rejects document type
//! declarations, custom entities, forbidden characters, invalid names, repeated attributes, and text or a
//! second element outside the root. The content of the XML declaration and of processing instructions is
//! ignored.

use std::{borrow::Cow, collections::HashSet};

use quick_xml::{
    Error, Reader,
    errors::{IllFormedError, SyntaxError},
    escape::resolve_xml_entity,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    characters::{first_forbidden, is_blank, is_name, is_xml_character, trim},
    cos_headers,
    error::{ReadError, place},
    limits::NodeCounter,
    tree::{MIXED_TEXT, Member, Name, Node, Object},
};

// Errors that occur in several places.
const NO_DTD: &str = "document type declarations are not allowed";
const MISSING_ROOT: &str = "missing root element Response";
const INVALID_REFERENCE: &str = "unknown entity or invalid character reference";

const CDATA_END: &str = "]]>";

/// The root element of every callback in XML.
const ROOT: &str = "Response";

/// The possible first elements of a body without a root, as on Tencent's page about the workflow callback
/// (工作流回调).
const ROOT_CONTENT: [&str; 3] = ["EventName", "JobsDetail", "WorkflowExecution"];

/// Parses a document, and returns the content of its root `Response`. If the first element is one of
/// [`ROOT_CONTENT`], all top-level elements are read as the content of a missing root, and a warning is
/// returned as well.
///
/// # Errors
/// Returns [`ReadError`] if the body is not well-formed, exceeds a limit, or has another root.
pub(super) fn read(body: &str) -> Result<(Object<'_>, Option<String>), ReadError> {
    if let Some((at, character)) = first_forbidden(body) {
        let reason = format!("U+{:04X} is not allowed in XML", u32::from(character));
        return Err(ReadError::malformed(body, at, &reason));
    }
    let mut document = Document {
        body,
        counter: NodeCounter::default(),
        open: Vec::new(),
        members: Vec::new(),
        is_closed: false,
        missing_root: None,
    };
    // Searching the body once is faster than searching each text.
    let (has_returns, has_cdata_ends) = (body.contains('\r'), body.contains(CDATA_END));
    let mut reader = Reader::from_str(body);
    reader.config_mut().check_comments = true;
    reader.config_mut().expand_empty_elements = true;
    loop {
        let at = offset(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            let at = offset(reader.error_position());
            document.error(at, &document.describe(&error))
        })?;
        match event {
            Event::Start(start) => document.start(at, &start)?,
            // The reader expands empty elements, so there is no `Event::Empty`.
            Event::End(_) | Event::Empty(_) => document.end(),
            Event::Text(text) if has_cdata_ends && text.contains(CDATA_END) => {
                return Err(document.error(at, "\"]]>\" is not allowed in text"));
            }
            Event::Text(text) if has_returns => document.text(at, text.xml10_content())?,
            Event::Text(text) => document.text(at, text.into_inner())?,
            Event::CData(text) => document.append(at, text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let text = resolve(&reference);
                let text = text.ok_or_else(|| document.error(at, INVALID_REFERENCE))?;
                document.append(at, text)?;
            }
            Event::Decl(_) if is_blank(&body[..at]) => {}
            Event::Decl(_) => {
                return Err(document.error(at, "the XML declaration is only allowed at the start"));
            }
            Event::DocType(_) => return Err(document.error(at, NO_DTD)),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return document.finish(),
        }
    }
}

/// A document that is being parsed.
struct Document<'a> {
    body: &'a str,
    counter: NodeCounter,
    /// The open elements, outermost first.
    open: Vec<OpenElement<'a>>,
    /// The members of all open elements, outermost first; then the root, unless it is empty.
    members: Vec<Member<'a>>,
    /// Whether the root element is closed.
    is_closed: bool,
    /// The warning about a missing root. The first open element is then that root.
    missing_root: Option<String>,
}

/// An open element.
struct OpenElement<'a> {
    name: &'a str,
    at: usize,
    /// The text since the last child element; for a leaf, all of its text.
    text: Option<Cow<'a, str>>,
    has_elements: bool,
    /// The index of its first member.
    first: usize,
}

impl<'a> Document<'a> {
    fn start(&mut self, at: usize, start: &BytesStart<'_>) -> Result<(), ReadError> {
        // Sliced from the body, since the event's name does not live long enough.
        let name_at = at + '<'.len_utf8();
        let name = &self.body[name_at..name_at + start.name().0.len()];
        if !is_name(name) {
            return Err(self.error(at, "invalid element name"));
        }
        if start.len() > name.len() {
            check_attributes(start).map_err(|message| self.error(at, message))?;
        }
        if self.open.is_empty() && self.is_closed {
            return Err(self.error(at, "second root element"));
        }
        if self.open.is_empty() && name != ROOT {
            if !ROOT_CONTENT.contains(&name) {
                return Err(self.error(at, "the root element is not Response"));
            }
            let place = place(self.body, at);
            self.missing_root = Some(format!("{place}: {MISSING_ROOT}"));
            self.push(ROOT, at);
        }
        self.keep_mixed_text();
        let place = || place(self.body, at);
        self.counter.add(self.open.len(), "elements", place)?;
        self.push(name, at);
        Ok(())
    }

    fn push(&mut self, name: &'a str, at: usize) {
        self.open.push(OpenElement {
            name,
            at,
            text: None,
            has_elements: false,
            first: self.members.len(),
        });
    }

    fn end(&mut self) {
        if self.open.last().is_some_and(|element| element.has_elements) {
            self.keep_mixed_text();
        }
        // quick-xml has checked that the end tag matches the open element.
        let Some(element) = self.open.pop() else {
            return;
        };
        let node = match element.has_elements {
            true => cos_headers::object_without_empty_headers(
                self.members.drain(element.first..).collect(),
            ),
            false => element.text.and_then(Node::text),
        };
        let member = node.map(|node| (Name::Borrowed(element.name), node));
        self.members.extend(member);
        self.is_closed = self.open.is_empty();
    }

    /// Keeps the text before a child element or the end of its parent. Each piece is one value.
    fn keep_mixed_text(&mut self) {
        let Some(element) = self.open.last_mut() else {
            return;
        };
        element.has_elements = true;
        // Whitespace between elements is dropped before it is trimmed.
        let text = element.text.take().filter(|text| !is_blank(text));
        self.members.extend(text.map(|text| {
            let trimmed = match text {
                Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
                Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
            };
            (Name::Borrowed(MIXED_TEXT), Node::Text(trimmed))
        }));
    }

    fn text(&mut self, at: usize, text: Cow<'a, str>) -> Result<(), ReadError> {
        if self.open.is_empty() && is_blank(&text) {
            Ok(())
        } else {
            self.append(at, text)
        }
    }

    fn append(&mut self, at: usize, more: Cow<'a, str>) -> Result<(), ReadError> {
        let Some(element) = self.open.last_mut() else {
            return Err(self.error(at, "text outside the root element"));
        };
        match &mut element.text {
            Some(text) => text.to_mut().push_str(&more),
            empty => *empty = Some(more),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(Object<'a>, Option<String>), ReadError> {
        if let Some(element) = self.innermost() {
            let found = "expected the closing tag of this element, but found the end of the body";
            return Err(self.error(element.at, found));
        }
        // A missing root has no closing tag either.
        self.end();
        if !self.is_closed {
            return Err(self.error(self.body.len(), MISSING_ROOT));
        }
        let root = match self.members.pop() {
            Some((_, Node::Object(root))) => root,
            _ => Object::default(),
        };
        self.counter.check_messages(&root)?;
        Ok((root, self.missing_root))
    }

    /// Returns the innermost open element of the body.
    fn innermost(&self) -> Option<&OpenElement<'a>> {
        let missing_root = usize::from(self.missing_root.is_some());
        self.open[missing_root..].last()
    }

    fn error(&self, at: usize, reason: &str) -> ReadError {
        ReadError::malformed(self.body, at, reason)
    }

    /// Describes an error of quick-xml without the names that it quotes from the body.
    fn describe(&self, error: &Error) -> String {
        let text = match error {
            Error::Syntax(SyntaxError::UnclosedDoctype)
            | Error::IllFormed(IllFormedError::MissingDoctypeName) => NO_DTD,
            // These texts quote nothing.
            Error::Syntax(error) => return error.to_string(),
            Error::IllFormed(IllFormedError::DoubleHyphenInComment) => {
                "\"--\" is not allowed in a comment"
            }
            Error::IllFormed(IllFormedError::UnclosedReference) => "unescaped \"&\"",
            Error::IllFormed(_) => match self.innermost() {
                Some(element) => {
                    let place = place(self.body, element.at);
                    return format!(
                        "expected the closing tag of the element at {place}, but found another"
                    );
                }
                None => "closing tag without an opening tag",
            },
            _ => "malformed XML",
        };
        text.to_owned()
    }
}

/// Returns the text of a reference, if XML allows it.
fn resolve(reference: &BytesRef<'_>) -> Option<Cow<'static, str>> {
    match reference.resolve_char_ref().ok()? {
        Some(character) if is_xml_character(character) => Some(character.to_string().into()),
        Some(_) => None,
        None => resolve_xml_entity(reference).map(Cow::Borrowed),
    }
}

/// Checks that attributes are well-formed. They have no meaning in a callback and are dropped.
fn check_attributes(start: &BytesStart<'_>) -> Result<(), &'static str> {
    let mut names = HashSet::new();
    // quick-xml's own check for repeated names is quadratic.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|_| "invalid attribute")?;
        if !is_name(attribute.key.0) {
            return Err("invalid attribute name");
        }
        if !names.insert(attribute.key.0) {
            return Err("duplicate attribute");
        }
        if attribute.value.contains('<') {
            return Err("\"<\" is not allowed in an attribute");
        }
        for piece in attribute.value.split('&').skip(1) {
            let name = piece.split_once(';').ok_or(INVALID_REFERENCE)?.0;
            resolve(&BytesRef::new(name)).ok_or(INVALID_REFERENCE)?;
        }
    }
    Ok(())
}

/// Converts a position to an index.
fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
