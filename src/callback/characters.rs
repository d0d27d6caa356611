//! Classifies characters: whitespace, and what XML 1.0 allows in text and names.

/// Returns whether a byte is whitespace, in XML and in JSON. Other Unicode whitespace is text.
pub(super) fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns whether a text is nothing but whitespace.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_white_space)
}

/// Removes the whitespace around a text.
pub(crate) fn trim(text: &str) -> &str {
    // By bytes: `trim_matches` decodes characters.
    let bytes = text.as_bytes();
    let is_text = |byte: &u8| !is_white_space(*byte);
    let begin = bytes.iter().position(is_text).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(is_text).map_or(begin, |at| at + 1);
    &text[begin..end]
}

/// Finds the first character that XML forbids, with its offset.
pub(super) fn first_forbidden(body: &str) -> Option<(usize, char)> {
    // Besides control characters, only U+FFFE and U+FFFF are forbidden, which both start with the rare byte 0xEF.
    let is_suspect = |byte: u8| byte == 0xEF || byte < b' ' && !is_white_space(byte);
    // Without an early exit, the search compiles to vector instructions.
    if !body
        .bytes()
        .fold(false, |found, byte| found | is_suspect(byte))
    {
        return None;
    }
    let mut characters = body.char_indices();
    characters.find(|(_, character)| !is_xml_character(*character))
}

/// Returns whether a character matches the `Char` production of XML 1.0.
pub(crate) fn is_xml_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    }
}

/// Returns whether a text matches the `Name` production of XML 1.0.
pub(super) fn is_name(name: &str) -> bool {
    // Fast path: Tencent's names contain only these. Checking the complete rule takes ten times as long.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(is_plain) {
        return true;
    }
    let mut characters = name.chars();
    characters.next().is_some_and(is_name_start)
        && characters.all(|character| {
            is_name_start(character)
                || matches!(character, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}'
                    | '\u{203F}'..='\u{2040}')
        })
}

fn is_name_start(character: char) -> bool {
    matches!(character, ':' | 'A'..='Z' | '_' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}
