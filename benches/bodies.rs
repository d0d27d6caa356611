//! The bodies that reading is measured on, what is done with them, and the least that could be.

use std::{fs, hint::black_box, path::Path};

use cloud_infinite_callback::{callback::Payload, event};
use quick_xml::{Reader, events};
use serde::de::IgnoredAny;

/// What is measured of a body.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// The least: every event of quick-xml, or serde_json with every value ignored.
    Bare,
    /// The tree.
    Read,
    /// All that is pure: the tree, the records, the messages.
    Whole,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Bare, Self::Read, Self::Whole];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Read => "read",
            Self::Whole => "whole",
        }
    }

    pub(crate) fn run(self, bodies: &[String]) {
        for body in bodies {
            let body = black_box(body.as_bytes());
            match self {
                Self::Bare => bare(body),
                Self::Read => {
                    black_box(Payload::read(body).expect("a readable body"));
                }
                Self::Whole => {
                    let payload = Payload::read(body).expect("a readable body");
                    let Payload::Callback(callback) = payload else {
                        unreachable!("no body here is a probe")
                    };
                    for event in event::events(&callback) {
                        black_box(event::to_json(&event));
                    }
                }
            }
        }
    }
}

fn bare(body: &[u8]) {
    if body.starts_with(b"<") {
        let mut reader = Reader::from_reader(body);
        while !matches!(
            black_box(reader.read_event().expect("well-formed XML")),
            events::Event::Eof
        ) {}
    } else {
        black_box(serde_json::from_slice::<IgnoredAny>(body).expect("JSON"));
    }
}

/// Bodies that are measured together.
pub(crate) struct Row {
    pub(crate) name: String,
    make: Box<dyn Fn() -> Vec<String>>,
}

impl Row {
    fn new(name: String, make: impl Fn() -> Vec<String> + 'static) -> Self {
        let make = Box::new(make);
        Self { name, make }
    }

    /// None where they are missing on this machine.
    pub(crate) fn bodies(&self) -> Vec<String> {
        (self.make)()
    }
}

/// A case of each family: 1 to 3 KB.
const CASES: &[(&str, &str)] = &[
    ("task", "task/ok_task_transcode"),
    ("workflow", "workflow/ok_workflow_with_outputs"),
    ("moderation detail", "moderation/ok_moderation_video"),
    (
        "moderation simple",
        "moderation/ok_moderation_simple_text_hit",
    ),
];

/// The list that is long in long bodies of a family. Those of moderation Simple have none.
const LISTS: &[(&str, &str, &str)] = &[
    ("task", "task/ok_task_speech_recognition", "ResultDetail"),
    ("workflow", "workflow/ok_workflow_with_outputs", "Tasks"),
    (
        "moderation detail",
        "moderation/ok_moderation_video",
        "Snapshot",
    ),
];

/// A row a family and format as the tests' cases are, one a size given in KB, and one for all
/// published bodies.
pub(crate) fn rows(sizes: &[usize]) -> Vec<Row> {
    let mut rows = Vec::new();
    for format in ["xml", "json"] {
        rows.push(Row::new(format!("published {format}"), move || {
            published(format)
        }));
        for &(family, file) in CASES {
            // Its only format is JSON.
            if (family, format) != ("moderation simple", "xml") {
                rows.push(Row::new(format!("{family} {format}"), move || {
                    vec![case(file, format)]
                }));
            }
        }
        for &(family, file, list) in LISTS {
            for &size in sizes {
                rows.push(Row::new(
                    format!("{family} {format} {size} KB"),
                    move || vec![grown(&case(file, format), list, size * 1000)],
                ));
            }
        }
    }
    rows
}

fn case(name: &str, format: &str) -> String {
    let path = format!("{}/tests/cases/{name}.{format}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("a case")
}

/// What the vendor has published, less what nobody can read: one page lacks a bracket, and
/// serde_json stops at the trailing commas of others.
fn published(format: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/callbacks");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == format)
        })
        .map(|path| fs::read_to_string(path).expect("text"))
        .filter(|body| format == "xml" || serde_json::from_str::<IgnoredAny>(body).is_ok())
        .collect()
}

/// A body of `size` bytes or a little more, by repeats of what stands in its first `list`, and
/// without indentation.
fn grown(body: &str, list: &str, size: usize) -> String {
    let body: String = body.lines().map(str::trim).collect();
    let (before, items, separator, after) = if body.starts_with('<') {
        let (begin, end) = (format!("<{list}>"), format!("</{list}>"));
        let (before, rest) = body.split_once(&begin).expect("the list");
        let (item, after) = rest.split_once(&end).expect("its end");
        let item = format!("{begin}{item}{end}");
        (before.to_owned(), item, "", after.to_owned())
    } else {
        let (before, rest) = body.split_once(&format!("\"{list}\": ")).expect("the list");
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        values.next().expect("its value").expect("JSON");
        let (value, after) = rest.split_at(values.byte_offset());
        let items = value.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let items = items.unwrap_or(value).to_owned();
        (
            format!("{before}\"{list}\": ["),
            items,
            ",",
            format!("]{after}"),
        )
    };
    let missing = size.saturating_sub(before.len() + after.len());
    let count = missing.div_ceil(items.len() + separator.len());
    format!("{before}{}{after}", vec![items; count].join(separator))
}
