//! Each file `tests/cases/<family>/<name>.xml` or `.json` is a body. `<name>.snap` next to it is the snapshot
//! of its messages, in YAML.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use cloud_infinite_job_record::Event;
use insta::{Settings, assert_snapshot, glob};

use super::tree::{JsonStyle, Tree};

/// The members that are equal in all messages.
const CONSTANTS: [&str; 3] = ["\"specversion\"", "\"datacontenttype\"", "\"dataschema\""];

/// The folder of cases about the formats. XML and JSON with the same name share a snapshot, which contains
/// `detail`.
const FORMAT: &str = "format";

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files_in = |folder: &Path| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    files_in(&folder)
        .flat_map(|family| files_in(&family))
        .collect()
}

fn is_snapshot(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "snap")
}

fn is_of_format(path: &Path) -> bool {
    path.parent().unwrap().ends_with(FORMAT)
}

/// Returns the messages of all cases.
pub(super) fn messages() -> Vec<String> {
    let mut bodies = files();
    bodies.retain(|path| !is_snapshot(path));
    super::messages_of_files(&bodies)
}

#[test]
fn every_body_has_the_messages_of_its_snapshot() {
    glob!("../cases", "*/*.{xml,json}", |path| {
        let messages = super::messages(&fs::read(path).unwrap()).unwrap();
        let with_detail = is_of_format(path);
        let documents: Vec<_> = messages
            .iter()
            .map(|message| to_yaml(message, with_detail))
            .collect();
        let mut settings = Settings::clone_current();
        settings.set_snapshot_path(path.parent().unwrap());
        settings.set_prepend_module_to_snapshot(false);
        settings.remove_snapshot_suffix();
        settings.remove_input_file();
        settings.set_omit_expression(true);
        settings.bind(|| {
            assert_snapshot!(
                path.file_stem().unwrap().to_str().unwrap(),
                documents.join("---\n")
            )
        });
    });
}

#[test]
fn every_snapshot_has_a_body() {
    for snapshot in files().iter().filter(|path| is_snapshot(path)) {
        let has_body = ["xml", "json"]
            .iter()
            .any(|format| snapshot.with_extension(format).exists());
        assert!(has_body, "{} has no body", snapshot.display());
    }
}

#[test]
fn the_twin_in_the_other_format_gives_the_same_messages() {
    for path in files() {
        if is_snapshot(&path) || is_of_format(&path) {
            continue;
        }
        let body = fs::read_to_string(&path).unwrap();
        let twins = if path.extension().unwrap() == "xml" {
            let tree = Tree::of_xml(&body);
            let other = JsonStyle {
                quotes_scalars: true,
                has_arrays_of_one: true,
                has_header_maps: true,
            };
            vec![tree.to_json(JsonStyle::default()), tree.to_json(other)]
        } else {
            vec![Tree::of_json(&body).to_xml()]
        };
        let messages = super::messages(body.as_bytes());
        for twin in twins {
            assert_eq!(
                super::messages(twin.as_bytes()),
                messages,
                "{}:\n{twin}",
                path.display()
            );
        }
    }
}

#[test]
fn every_documented_job_kind_has_a_case() {
    let messages = messages();
    let shown: BTreeSet<_> = messages
        .iter()
        .filter_map(|message| serde_json::from_str::<Event>(message).unwrap().data.kind)
        .collect();
    let page = include_str!("../../crates/schema-gen/src/job-kinds.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`'));
    let kinds: Vec<_> = names
        .filter(|name| name.starts_with(char::is_uppercase))
        .collect();
    assert!(kinds.contains(&"Transcode"), "{kinds:?}");
    for kind in kinds {
        assert!(shown.contains(kind), "{kind} has no case");
    }
}

/// Rewrites an indented message as YAML. Preserves the order, digits and escapes, and omits the constants.
fn to_yaml(message: &str, with_detail: bool) -> String {
    let shown = match message.split_once("\n    \"detail\": {") {
        Some((shown, _)) if !with_detail => shown,
        _ => message,
    };
    let mut yaml = String::new();
    // Whether each open bracket belongs to an array.
    let mut arrays = Vec::new();
    let mut starts_item = false;
    for line in shown.lines() {
        let member = line.trim_start().trim_end_matches(',');
        // Removes the indentation of the outermost object.
        let mut indent = (line.len() - line.trim_start().len()).saturating_sub(2);
        if matches!(member, "}" | "]") {
            arrays.pop();
        } else if CONSTANTS.iter().all(|name| !member.starts_with(name)) {
            let is_item = arrays.last() == Some(&true);
            let opened = member.strip_suffix(['{', '[']);
            if opened.is_some() {
                arrays.push(member.ends_with('['));
            }
            if opened == Some("") {
                starts_item = is_item;
                continue;
            }
            if starts_item {
                indent -= "- ".len();
            }
            let bullet = if is_item || starts_item { "- " } else { "" };
            starts_item = false;
            let shown = without_quotes(opened.unwrap_or(member).trim_end());
            yaml += &format!("{:indent$}{bullet}{shown}\n", "");
        }
    }
    yaml
}

/// Removes the quotes around the name of a member, if YAML does not require them.
fn without_quotes(member: &str) -> String {
    let parts = member
        .strip_prefix('"')
        .and_then(|member| member.split_once("\":"));
    match parts {
        Some((name, value)) if name.chars().all(char::is_alphanumeric) => format!("{name}:{value}"),
        _ => member.to_owned(),
    }
}
