//! Each file `tests/cases/<family>/ok_<name>.xml` or `.json` becomes the messages of
//! `ok_<name>.expected.json`, byte for byte. So XML and JSON of one name give equal bytes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use cloud_infinite_job_record::Event;

/// How many pairs of family and type the cases show at least.
const KINDS: usize = 56;

fn bodies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files_in = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let mut bodies: Vec<_> = files_in(&folder)
        .flat_map(|family| files_in(&family))
        .filter(|path| !path.to_string_lossy().ends_with(".expected.json"))
        .collect();
    bodies.sort();
    bodies
}

/// The messages of all cases.
pub(super) fn messages() -> Vec<String> {
    super::messages_of_files(&bodies())
}

#[test]
fn every_case_gives_its_expected_messages() {
    let mut wrong = Vec::new();
    for body in bodies() {
        let expected = fs::read_to_string(body.with_extension("expected.json"))
            .unwrap_or_else(|error| panic!("{}: no expected messages: {error}", body.display()));
        let found = match super::messages(&fs::read(&body).unwrap()) {
            Ok(messages) => messages
                .iter()
                .map(|message| format!("{message}\n"))
                .collect(),
            Err(reason) => format!("unreadable: {reason}"),
        };
        if found != expected {
            wrong.push(format!(
                "{}:\n{}",
                body.display(),
                difference(&expected, &found)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_job_kind_has_a_case_in_both_formats() {
    let kinds = |format: &str| {
        let bodies = bodies().into_iter();
        let bodies: Vec<_> = bodies
            .filter(|path| path.extension().unwrap() == format)
            .collect();
        let mut kinds = BTreeSet::new();
        for message in super::messages_of_files(&bodies) {
            let event: Event = serde_json::from_str(&message).unwrap();
            let kind = event.data.kind.unwrap_or_default().into_owned();
            kinds.insert((event.data.family.as_str().to_owned(), kind));
        }
        kinds
    };
    assert_eq!(kinds("xml"), kinds("json"));
    let count = kinds("xml").len();
    assert!(count >= KINDS, "expected {KINDS} kinds, but found {count}");
}

/// The first lines that differ.
fn difference(expected: &str, found: &str) -> String {
    let mut lines = expected.lines().zip(found.lines()).enumerate();
    match lines.find(|(_, (expected, found))| expected != found) {
        Some((number, (expected, found))) => {
            format!(
                "  line {}: expected {expected}\n  but found {found}",
                number + 1
            )
        }
        None => format!(
            "  expected {} bytes, but found {}",
            expected.len(),
            found.len()
        ),
    }
}
