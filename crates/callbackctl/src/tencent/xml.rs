//! Splits XML responses into elements, which are slices of the text.
//!
//! The node of a job is parsed by the function's parser instead: an unreadable node must not make the other
//! nodes of its page unreadable.

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

/// An element of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'x> {
    pub(crate) name: &'x str,
    /// The whole element, including its tags.
    pub(crate) xml: &'x str,
    /// The content between its tags.
    pub(crate) content: &'x str,
}

/// Returns the children of the root element of `xml`.
///
/// # Errors
/// Returns an error if the document is not well-formed or incomplete, has another root element, or contains text
/// between elements.
pub(crate) fn children<'x>(xml: &'x str, root: &str) -> Result<Vec<Element<'x>>, &'static str> {
    let document = elements(xml)?;
    if !document.text.is_empty() {
        return Err("the response is not XML");
    }
    match &document.elements[..] {
        [found] if found.name == root => {
            let inside = elements(found.content)?;
            match &*inside.text {
                "" => Ok(inside.elements),
                _ => Err("the response has text between its elements"),
            }
        }
        [] => Err("the response is empty"),
        [_] => Err("the response has another root element"),
        _ => Err("the response has several root elements"),
    }
}

/// The content of an element.
struct Content<'x> {
    elements: Vec<Element<'x>>,
    /// The text between the elements, trimmed.
    text: String,
    /// Whether all of the text could be decoded.
    is_decoded: bool,
}

/// Parses a document, or the content of an element.
fn elements(xml: &str) -> Result<Content<'_>, &'static str> {
    let mut reader = Reader::from_str(xml);
    let position = |reader: &Reader<&[u8]>| reader.buffer_position() as usize;
    let mut content = Content {
        elements: Vec::new(),
        text: String::new(),
        is_decoded: true,
    };
    let slice = |begin: usize, content: &std::ops::Range<usize>, end: usize| {
        let name = &xml[begin + 1..];
        let end_of_name = name.find(|c: char| c.is_whitespace() || "/>".contains(c));
        Element {
            name: &name[..end_of_name.unwrap_or_default()],
            xml: &xml[begin..end],
            content: &xml[content.clone()],
        }
    };
    loop {
        let begin = position(&reader);
        match reader
            .read_event()
            .map_err(|_| "the response is not well-formed XML")?
        {
            Event::Start(start) => {
                let inside = position(&reader);
                let end = reader.read_to_end(start.name());
                let end = end.map_err(|_| "the response is incomplete or not well-formed")?;
                let inside = inside..end.end as usize;
                let element = slice(begin, &inside, position(&reader));
                content.elements.push(element);
            }
            Event::Empty(_) => {
                let end = position(&reader);
                content.elements.push(slice(begin, &(end..end), end));
            }
            Event::Text(text) => content.text += &text.xml10_content(),
            Event::CData(text) => content.text += &text.xml10_content(),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref();
                match (character, resolve_predefined_entity(&reference)) {
                    (Ok(Some(character)), _) => content.text.push(character),
                    (Ok(None), Some(text)) => content.text += text,
                    _ => content.is_decoded = false,
                }
            }
            Event::DocType(_) => return Err("the response has a document type declaration"),
            Event::Eof => break,
            _ => {}
        }
    }
    content.text = content.text.trim().to_owned();
    Ok(content)
}

/// Returns the first element of a text.
pub(crate) fn element(xml: &str) -> Option<Element<'_>> {
    elements(xml).ok()?.elements.first().copied()
}

/// Returns the first child with this name.
pub(crate) fn child<'x>(elements: &[Element<'x>], name: &str) -> Option<Element<'x>> {
    let mut elements = elements.iter();
    elements.find(|element| element.name == name).copied()
}

/// Returns the text of the first child with this name, unless it is empty.
pub(crate) fn child_text(elements: &[Element<'_>], name: &str) -> Option<String> {
    child(elements, name)?.text()
}

impl<'x> Element<'x> {
    /// Returns the child elements. Ignores text between them.
    pub(crate) fn children(&self) -> Vec<Element<'x>> {
        elements(self.content).map_or(Vec::new(), |content| content.elements)
    }

    /// Returns the text of an element, trimmed, unless it is empty or cannot be decoded.
    pub(crate) fn text(&self) -> Option<String> {
        let content = elements(self.content).ok()?;
        (content.is_decoded && !content.text.is_empty()).then_some(content.text)
    }
}
