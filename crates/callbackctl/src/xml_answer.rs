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

/// Returns the elements directly inside the one element that `xml` is.
///
/// # Errors
/// If it is not well-formed, ends early, or its root has another name.
pub(crate) fn children<'x>(xml: &'x str, root: &str) -> Result<Vec<Element<'x>>, &'static str> {
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
            Event::Text(text) if depth == 1 && !text.trim().is_empty() => {
                return Err("expected elements, but found text");
            }
            Event::CData(_) | Event::GeneralRef(_) if depth == 1 => {
                return Err("expected elements, but found text");
            }
            Event::DocType(_) => return Err("expected no document type declaration"),
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
    /// Returns the elements directly inside this one.
    pub(crate) fn children(&self) -> Result<Vec<Element<'x>>, &'static str> {
        children(self.xml, self.name)
    }

    /// Returns whether there is nothing between the tags.
    pub(crate) fn is_empty(&self) -> bool {
        let inside = self.xml.split_once('>').map_or("", |(_, rest)| rest);
        let inside = inside.rsplit_once("</").map_or("", |(inside, _)| inside);
        inside.trim().is_empty()
    }

    /// Returns the text of an element without others inside, trimmed, unless it is empty.
    pub(crate) fn text(&self) -> Option<String> {
        let mut reader = Reader::from_str(self.xml);
        let mut all = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Text(text) => all += &text.xml10_content(),
                Event::CData(text) => all += &text.xml10_content(),
                Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                    Some(character) => all.push(character),
                    None => all += resolve_predefined_entity(&reference)?,
                },
                Event::Eof => break,
                _ => {}
            }
        }
        let text = all.trim();
        (!text.is_empty()).then(|| text.to_owned())
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
