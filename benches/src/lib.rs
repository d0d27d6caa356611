//! The bodies that both benches measure.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testkit::bodies::{snapshot, tasks};

/// Returns a path in the repository.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Reads the body of a test case.
///
/// # Panics
/// If there is no such case.
pub fn case(name: &str) -> String {
    let path = in_repository("tests/cases").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a speech recognition task with this many sentences, of some 210 bytes each as XML.
pub fn transcript(sentences: usize) -> Value {
    let sentence = |number| {
        json!({
            "EndMs": format!("{number}900"),
            "FinalSentence": format!("早上好，世界 {number}"),
            "SpeakerId": "0",
            "StartMs": format!("{number}000"),
        })
    };
    let sentences: Vec<_> = (0..sentences).map(sentence).collect();
    let mut job = snapshot(1);
    job["Tag"] = json!("SpeechRecognition");
    job["Operation"]["SpeechRecognitionResult"] = json!({ "ResultDetail": sentences });
    tasks([job])
}
