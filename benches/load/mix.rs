//! What is posted: all cases and some bodies that are none, each with its number in it, so that no two
//! callbacks and no two messages are alike.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cloud_infinite_callback::{callback::Payload, event};

use crate::harness::{bodies, page::in_repository};

/// Jobs in one body: as many as the queue takes in one call.
const JOBS: usize = 10;

/// The size of a body whose message is larger than the queue takes here, in bytes.
const OVERSIZE: usize = 2 * super::QUEUE_MAX_BYTES;

/// What the number is called where it is added.
const NAME: &str = "LoadNumber";

pub(crate) struct Mix {
    cases: Vec<Case>,
    many_jobs: String,
    oversize: String,
}

/// A body that takes a number.
struct Case {
    before: String,
    after: String,
    is_xml: bool,
}

impl Mix {
    pub(crate) fn new() -> Self {
        let folder = PathBuf::from(in_repository("tests/cases"));
        let files_in = |folder: PathBuf| {
            let entries = fs::read_dir(folder).expect("the cases are there");
            entries.map(|entry| entry.expect("a folder that can be read").path())
        };
        let mut paths: Vec<_> = files_in(folder)
            .flat_map(files_in)
            .filter(|path| !path.to_string_lossy().ends_with(".expected.json"))
            .collect();
        paths.sort();
        let all = paths.len();
        let cases: Vec<_> = paths.iter().filter_map(|path| Case::read(path)).collect();
        assert!(
            cases.len() * 20 > all * 19,
            "expected room for a number in nearly all of {all} cases, but found it in {}",
            cases.len()
        );
        let oversize = bodies::transcript(OVERSIZE);
        let is_oversize = |message: &String| message.len() > super::QUEUE_MAX_BYTES;
        assert!(messages(&oversize).is_some_and(|all| all.iter().all(is_oversize)));
        Self {
            cases,
            many_jobs: bodies::tasks(JOBS),
            oversize,
        }
    }

    /// How many cases there are.
    pub(crate) fn cases(&self) -> usize {
        self.cases.len()
    }

    /// The callback of this number: of a hundred one oversize, one that cannot be read, five with many
    /// jobs.
    pub(crate) fn body(&self, number: u64) -> String {
        let job_id = format!("<JobId>{number}-");
        match number % 100 {
            25 => self.oversize.replace("<JobId>", &job_id),
            75 => format!("<Response><JobsDetail>{job_id}"),
            place if place % 20 == 10 => self.many_jobs.replace("<JobId>", &job_id),
            _ => self.cases[(number % self.cases.len() as u64) as usize].body(number),
        }
    }
}

impl Case {
    /// None where the number has no place beside the jobs: JSON that is wrapped once more, or
    /// ends in a comma.
    fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).expect("a case is text");
        let is_xml = path.extension().is_some_and(|it| it == "xml");
        let place = text.rfind(if is_xml { "</Response>" } else { "}" })?;
        let (before, after) = text.split_at(place);
        let case = Self {
            before: before.to_owned(),
            after: after.to_owned(),
            is_xml,
        };
        let messages = messages(&case.body(4711))?;
        let is_told_apart = |message: &String| message.contains(r#""LoadNumber":"4711""#);
        messages.iter().all(is_told_apart).then_some(case)
    }

    fn body(&self, number: u64) -> String {
        let Self { before, after, .. } = self;
        if self.is_xml {
            format!("{before}<{NAME}>{number}</{NAME}>{after}")
        } else {
            format!(r#"{before},"{NAME}":"{number}"{after}"#)
        }
    }
}

/// What the function is to put on the queue for a body, by the library; none where it cannot be read.
pub(crate) fn messages(body: &str) -> Option<Vec<String>> {
    let Payload::Callback(callback) = Payload::read(body.as_bytes()).ok()? else {
        return None;
    };
    Some(
        event::events(&callback)
            .map(|event| event::to_json(&event))
            .collect(),
    )
}
