//! Bodies that begin like JSON, held against serde_json's judgement.
#![no_main]

use cloud_infinite_callback::callback::ReadErrorKind;
use cloud_infinite_callback_fuzz::{is_out_of_range, messages, value};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|body: &[u8]| -> Corpus {
    if !body.starts_with(b"{") {
        return Corpus::Reject;
    }
    let theirs = value(body);
    match messages(body) {
        _ if is_out_of_range(&theirs) => {}
        // The one thing that is read here and not there.
        Ok(messages) => assert!(theirs.is_ok() || messages[0].contains("a trailing comma")),
        Err(error) => {
            let is_about_json = error.kind() == ReadErrorKind::Json;
            assert!(theirs.is_err() || !is_about_json, "{error}");
        }
    }
    Corpus::Keep
});
