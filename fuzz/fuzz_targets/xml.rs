//! Any bytes, mostly similar to XML.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let _ = cloud_infinite_callback_fuzz::messages(body);
});
