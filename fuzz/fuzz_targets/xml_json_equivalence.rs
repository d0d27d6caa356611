//! A callback has the same messages in XML and JSON.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Result, Unstructured};
use cloud_infinite_callback_fuzz::messages;
use testkit::xml_json_equivalence::{Body, EVENTS, NAMES, TEXTS, Tree};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = body(&mut Unstructured::new(bytes)) else {
        return;
    };
    let (xml, json) = (body.to_xml(), body.to_json());
    assert_eq!(
        messages(xml.as_bytes()),
        messages(json.as_bytes()),
        "\n{xml}\n{json}"
    );
});

/// The maximum depth of trees: no step depends on a deeper level.
const MAX_DEPTH: usize = 6;

fn body(bytes: &mut Unstructured<'_>) -> Result<Body> {
    let event = bytes.arbitrary::<Option<()>>()?;
    let event = event.map(|()| bytes.choose(EVENTS)).transpose()?;
    let mut jobs = vec![Tree::Object(members(bytes, 0)?)];
    while more(bytes, 1, 4)? {
        jobs.push(Tree::Object(members(bytes, 0)?));
    }
    let siblings = members(bytes, 0)?;
    let mut headers = Vec::new();
    while more(bytes, 1, 3)? {
        // The prefix avoids the name `Key`: as a map, it would be a pair without a value.
        headers.push((format!("x-{}", name(bytes)?), text(bytes)?));
    }
    let names: BTreeSet<_> = headers.iter().map(|(name, _)| name).collect();
    Ok(Body {
        event: event.map(|event| (*event).to_owned()),
        jobs,
        siblings,
        headers_as_map: names.len() == headers.len() && bytes.arbitrary()?,
        headers,
        bare_scalars: bytes.arbitrary()?,
        arrays_of_one: bytes.arbitrary()?,
    })
}

fn members(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Vec<(String, Vec<Tree>)>> {
    // Each name once, with all its values: JSON keeps no order between repeated names.
    let mut members = BTreeMap::new();
    while more(bytes, 3, 4)? {
        let name = name(bytes)?;
        let mut values = vec![tree(bytes, depth + 1)?];
        while more(bytes, 1, 4)? {
            values.push(tree(bytes, depth + 1)?);
        }
        members.insert(name, values);
    }
    Ok(members.into_iter().collect())
}

fn tree(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Tree> {
    if depth < MAX_DEPTH && bytes.arbitrary()? {
        Ok(Tree::Object(members(bytes, depth)?))
    } else {
        Ok(Tree::Leaf(text(bytes)?))
    }
}

/// Decides whether to add another item, with a probability. Returns false if no bytes are left.
fn more(bytes: &mut Unstructured<'_>, numerator: u8, denominator: u8) -> Result<bool> {
    Ok(!bytes.is_empty() && bytes.ratio(numerator, denominator)?)
}

/// Returns a known name, or any other.
fn name(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(4, 5)? {
        return Ok((*bytes.choose(NAMES)?).to_owned());
    }
    let any = bytes.arbitrary::<&str>()?.chars();
    let is_legal =
        |character: &char| character.is_ascii_alphanumeric() || "_.-".contains(*character);
    Ok("n".to_owned() + &any.filter(is_legal).take(8).collect::<String>())
}

/// Returns a known text, or any that XML allows.
fn text(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(2, 3)? {
        return Ok((*bytes.choose(TEXTS)?).to_owned());
    }
    let is_legal = |character: &char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    Ok(bytes
        .arbitrary::<&str>()?
        .chars()
        .filter(is_legal)
        .collect())
}
