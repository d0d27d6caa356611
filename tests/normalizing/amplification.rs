//! Tests small bodies that could produce large records. The derived fields must be a small multiple of the
//! body, and `detail` must be complete.

/// The limit for the outputs of a job, and a margin for the other fields.
const BOUND: usize = 8 * 1024 * 1024;

fn record_of(operation: &str) -> String {
    let body = format!(
        r#"{{"JobsDetail": {{"JobId": "j", "State": "Success", "Operation": {operation}}}}}"#
    );
    super::messages(body.as_bytes()).unwrap().remove(0)
}

#[test]
fn a_long_text_that_every_output_repeats() {
    let names = vec![r#""a""#; 10_000].join(",");
    let long = "p".repeat(100_000);
    for operation in [
        format!(
            r#"{{"MediaResult": {{"OutputFile": {{"ObjectPrefix": "{long}", "ObjectName": [{names}]}}}}}}"#
        ),
        format!(
            r#"{{"MediaResult": {{"OutputFile": {{"Bucket": "{long}", "ObjectName": [{names}]}}}}}}"#
        ),
        format!(
            r#"{{"Output": {{"Region": "{long}"}}, "PicProcessResult": {{"ObjectName": [{names}]}}}}"#
        ),
        format!(
            r#"{{"MediaResult": {{"OutputFile": {{"Md5Info": {{"ObjectName": "a", "Md5": "{long}"}}, "ObjectName": [{names}]}}}}}}"#
        ),
    ] {
        let record = record_of(&operation);
        assert!(record.len() < BOUND, "{} bytes", record.len());
        let warning = "Operation.outputs: more than 4194304 bytes; ";
        assert!(record.contains(warning), "{}", &record[..1000]);
    }
}

#[test]
fn as_many_pages_as_the_vendor_makes_are_all_there() {
    let pages: Vec<_> = (0..5000)
        .map(|page| format!(r#"{{"TgtUri": "documents/of/some/length/{page}.jpg"}}"#))
        .collect();
    let record = record_of(&format!(
        r#"{{"DocProcessResult": {{"PageInfo": [{}]}}}}"#,
        pages.join(",")
    ));
    assert!(!record.contains("were dropped"));
    assert!(record.contains("\"object\": \"documents/of/some/length/4999.jpg\""));
}

#[test]
fn a_long_event_name_that_every_job_repeats() {
    let long = "e".repeat(100_000);
    let jobs = vec![r#"{"JobId":"j"}"#; 3000].join(",");
    let body = format!(r#"{{"EventName": "{long}", "JobsDetail": [{jobs}]}}"#);
    let error = super::messages(body.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("would be copied"), "{error}");
}
