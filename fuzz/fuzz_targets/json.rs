//! Compares the JSON parser with serde_json, on bodies that begin with `{`.
#![no_main]

use cloud_infinite_callback::callback::ReadErrorKind;
use cloud_infinite_callback_fuzz::{is_out_of_range, messages, parse_json};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|body: &[u8]| -> Corpus {
    if !body.starts_with(b"{") {
        return Corpus::Reject;
    }
    let expected = parse_json(body);
    match messages(body) {
        _ if is_out_of_range(&expected) => {}
        // The parser accepts trailing commas, with a warning. serde_json does not.
        Ok(messages) => assert!(expected.is_ok() || messages[0].contains("a trailing comma")),
        Err(error) => {
            let is_about_json = error.kind() == ReadErrorKind::Malformed;
            assert!(expected.is_err() || !is_about_json, "{error}");
        }
    }
    Corpus::Keep
});
