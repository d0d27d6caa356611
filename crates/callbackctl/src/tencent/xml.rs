//! Parses the vendor's answers in XML, as far as a client needs them: elements as slices of the text.
//!
//! A job's node is not parsed here, but cut out whole for the function's own parser.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

/// An element inside another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'x> {
    pub(crate) name: &'x str,
    /// The element whole, tags included.
    pub(crate) xml: &'x str,
}

/// Returns the children of the root element of `xml`.
///
/// # Errors
/// If it is not well-formed, ends early, has text next to the elements, or its root has another name.
pub(crate) fn children<'x>(xml: &'x str, root: &str) -> Result<Vec<Element<'x>>, &'static str> {
    parse(xml, root, false)
}

fn parse<'x>(
    xml: &'x str,
    root: &str,
    may_have_text: bool,
) -> Result<Vec<Element<'x>>, &'static str> {
    let mut reader = Reader::from_str(xml);
    let mut children = Vec::new();
    let mut depth = 0;
    let mut begin = 0;
    let mut is_over = false;
    loop {
        let at = position(&reader);
        let event = reader
            .read_event()
            .map_err(|_| "expected XML that is well-formed")?;
        match event {
            Event::Start(start) => {
                check_root(&start, root, depth, is_over)?;
                depth += 1;
                if depth == 2 {
                    begin = at;
                }
            }
            Event::Empty(start) => {
                check_root(&start, root, depth, is_over)?;
                is_over |= depth == 0;
                if depth == 1 {
                    children.push(element(&xml[at..position(&reader)]));
                }
            }
            Event::End(_) => {
                depth -= 1;
                is_over |= depth == 0;
                if depth == 1 {
                    children.push(element(&xml[begin..position(&reader)]));
                }
            }
            Event::Text(text) if depth == 0 && !text.trim().is_empty() => {
                return Err("expected XML, but found text");
            }
            Event::Text(text) if depth == 1 && !may_have_text && !text.trim().is_empty() => {
                return Err("expected elements, but found text");
            }
            Event::CData(_) | Event::GeneralRef(_) if depth == 1 && !may_have_text => {
                return Err("expected elements, but found text");
            }
            // Inside an element it makes only that unreadable.
            Event::DocType(_) if depth < 2 => return Err("expected no document type declaration"),
            Event::Eof if is_over => return Ok(children),
            Event::Eof => return Err("expected the end of the XML, but the answer ends early"),
            _ => {}
        }
    }
}

/// Returns the first child with this name.
pub(crate) fn child<'x>(elements: &[Element<'x>], name: &str) -> Option<Element<'x>> {
    elements
        .iter()
        .find(|element| element.name == name)
        .copied()
}

/// Returns the text of the first child with this name, unless it is empty.
pub(crate) fn child_text(elements: &[Element<'_>], name: &str) -> Option<String> {
    child(elements, name)?.text()
}

impl<'x> Element<'x> {
    /// Returns the elements directly inside this one. There may be text next to them. It was read as a
    /// part of a document, so it is well-formed as far as that.
    pub(crate) fn children(&self) -> Vec<Element<'x>> {
        parse(self.xml, self.name, true).unwrap_or_default()
    }

    /// Returns where the opening tag ends.
    pub(crate) fn inside(&self) -> usize {
        let mut reader = Reader::from_str(self.xml);
        // It begins with the tag, and was read before.
        let _ = reader.read_event();
        position(&reader)
    }

    /// Returns whether there is nothing between the tags.
    pub(crate) fn is_empty(&self) -> bool {
        let inside = self.xml.split_once('>').map_or("", |(_, rest)| rest);
        let inside = inside.rsplit_once("</").map_or("", |(inside, _)| inside);
        inside.trim().is_empty()
    }

    /// Returns the text of an element without others inside, trimmed, unless it is empty.
    pub(crate) fn text(&self) -> Option<String> {
        let (text, is_complete) = text(self.xml);
        let text = text.trim();
        (is_complete && !text.is_empty()).then(|| text.to_owned())
    }
}

/// Returns all text of a document without its markup, and whether all of it could be read.
pub(crate) fn text(xml: &str) -> (String, bool) {
    let mut reader = Reader::from_str(xml);
    let mut all = String::new();
    let mut is_complete = true;
    loop {
        match reader.read_event() {
            Ok(Event::Text(text)) => all += &text.xml10_content(),
            Ok(Event::CData(text)) => all += &text.xml10_content(),
            Ok(Event::GeneralRef(reference)) => {
                let character = reference.resolve_char_ref();
                match (character, resolve_predefined_entity(&reference)) {
                    (Ok(Some(character)), _) => all.push(character),
                    (Ok(None), Some(text)) => all += text,
                    _ => is_complete = false,
                }
            }
            Ok(Event::Eof) => return (all, is_complete),
            Ok(_) => {}
            Err(_) => return (all, false),
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("a position in memory")
}

fn check_root(
    start: &BytesStart<'_>,
    root: &str,
    depth: usize,
    is_over: bool,
) -> Result<(), &'static str> {
    if depth > 0 {
        return Ok(());
    }
    if is_over {
        return Err("expected one root element, but found a second one");
    }
    if start.name().0 != root {
        return Err("expected another root element");
    }
    Ok(())
}

/// Names an element by its opening tag.
fn element(xml: &str) -> Element<'_> {
    let name = xml.trim_start_matches('<');
    let end = name.find(|character: char| character.is_whitespace() || "/>".contains(character));
    Element {
        name: &name[..end.unwrap_or(name.len())],
        xml,
    }
}
