//! Bodies that begin like JSON, held against serde_json's judgement.
#![no_main]

use cloud_infinite_callback_fuzz::{is_out_of_range, messages, value};
use libfuzzer_sys::{Corpus, fuzz_target};

/// What reasons say that are none of JSON's grammar.
const OWN_RULES: &[&str] = &["expected a job", "expected an object", "expected a depth"];

fuzz_target!(|body: &[u8]| -> Corpus {
    if !body.starts_with(b"{") {
        return Corpus::Reject;
    }
    let theirs = value(body);
    match messages(body) {
        _ if is_out_of_range(&theirs) => {}
        // The one thing that is read here and not there.
        Ok(messages) => assert!(theirs.is_ok() || messages[0].contains("a trailing comma")),
        Err(reason) => {
            let is_ours = OWN_RULES.iter().any(|rule| reason.contains(rule));
            assert!(theirs.is_err() || is_ours, "{reason}");
        }
    }
    Corpus::Keep
});
