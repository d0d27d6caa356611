//! Tests unreadable bodies with the complete text of their errors. `refused.txt` contains the short ones: each
//! body, followed by `=>` with its error, and a blank line.

/// Returns an XML body whose only job contains this text.
fn xml(inside: &str) -> String {
    format!("<Response><JobsDetail>{inside}</JobsDetail></Response>")
}

#[track_caller]
fn rejected(body: impl AsRef<[u8]>, expected: &str) {
    let body = body.as_ref();
    let found = super::messages(body).map(|messages| messages.concat());
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]);
    assert_eq!(found, Err(expected.to_owned()), "{start}");
}

#[test]
fn every_body_of_the_table_has_its_reason() {
    let table = include_str!("refused.txt");
    let wrong: Vec<_> = table
        .trim_end()
        .split("\n\n")
        .filter_map(|row| {
            let (body, expected) = row.split_once("\n=> ").expect("a body and a reason");
            let found = super::messages(body.as_bytes()).map(|messages| messages.concat());
            (found.as_ref().err().map(String::as_str) != Some(expected))
                .then(|| format!("{row}\n{found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn not_utf8() {
    rejected(
        b"<Response>\n ab\xFFc</Response>",
        "line 2, column 4: invalid UTF-8",
    );
    rejected(
        b"{\"a\": \"\xED\xA0\x80\"}",
        "line 1, column 8: invalid UTF-8",
    );
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "<Response/>".encode_utf16().flat_map(bytes).collect()
    };
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    rejected(&little, "line 1, column 2: U+0000 is not allowed in XML");
    rejected(&big, "line 1, column 1: neither XML nor a JSON object");
    for marked in [
        [b"\xFF\xFE", &little[..]].concat(),
        [b"\xFE\xFF", &big[..]].concat(),
    ] {
        rejected(marked, "line 1, column 1: invalid UTF-8");
    }
}

#[test]
fn an_empty_task_beside_a_workflow_is_not_there() {
    let body = br#"{"JobsDetail": [{}], "WorkflowExecution": {"RunId": "b"}}"#;
    assert!(super::messages(body).is_ok());
}

#[test]
fn siblings_copied_into_too_many_jobs() {
    let body = |jobs: usize, sibling: usize| {
        let jobs = vec![r#"{"JobId": "a"}"#; jobs].join(",");
        format!(
            r#"{{"JobsDetail": [{jobs}], "Note": "{}"}}"#,
            "a".repeat(sibling)
        )
    };
    // The name of the sibling and the punctuation have 10 bytes.
    let limit = 64 * 1024 * 1024 / 64 - 10;
    assert!(super::messages(body(64, limit).as_bytes()).is_ok());
    rejected(
        body(64, limit + 1),
        "the fields next to 64 jobs would be copied into each of them: 67108928 bytes, more than 67108864",
    );
    assert!(super::messages(body(1, 5_000_000).as_bytes()).is_ok());
}

#[test]
fn characters_that_xml_forbids() {
    for character in ["\u{0}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
        let code = u32::from(character.chars().next().unwrap());
        let found = format!("line 1, column 23: U+{code:04X} is not allowed in XML");
        rejected(xml(character), &found);
    }
}

#[test]
fn too_deep() {
    let nested = |depth: usize| {
        let inside = depth - "Response JobsDetail".split(' ').count();
        xml(&format!(
            "{}x{}",
            "<a>".repeat(inside),
            "</a>".repeat(inside)
        ))
    };
    let too_deep = "line 1, column 317: nested deeper than 100 levels";
    assert_readers_read(&nested(100));
    rejected(nested(101), too_deep);
    rejected(nested(100_000), too_deep);

    let nested = |depth: usize| {
        // The leaf and the root are also levels, like `Response` in XML.
        let inside = depth - "Response JobsDetail leaf".split(' ').count();
        format!(
            "{{\"JobsDetail\": {{\"a\": {}1{}}}}}",
            "[".repeat(inside),
            "]".repeat(inside)
        )
    };
    let too_deep = "line 1, column 120: nested deeper than 100 levels";
    assert_readers_read(&nested(100));
    rejected(nested(101), too_deep);
    rejected(nested(100_000), too_deep);
    let wrapped = |depth| format!("{{\"Response\": {}}}", nested(depth));
    assert_readers_read(&wrapped(100));
    rejected(wrapped(101), &too_deep.replace("120", "133"));
}

#[test]
fn messages_too_deep() {
    let (head, tail) = ("<Response><JobsDetail>", "</JobsDetail></Response>");
    // Each level is an object and an array in a message: the name is a list, or has two values.
    for [head, begin, end, tail] in [
        [head, "<Words>", "</Words>", tail],
        [head, "<a>1</a><a>", "</a>", tail],
        ["{\"JobsDetail\": ", "{\"Words\": ", "}", "}"],
    ] {
        let nested = |depth| [head, &begin.repeat(depth), "1", &end.repeat(depth), tail].concat();
        assert_readers_read(&nested(58));
        let too_deep = "a message would be nested deeper than 120 levels";
        rejected(nested(59), too_deep);
    }
}

/// Asserts that a worker can parse the message of a body with serde_json's depth limit.
#[track_caller]
fn assert_readers_read(body: &str) {
    let message = super::messages(body.as_bytes()).unwrap().remove(0);
    serde_json::from_str::<serde_json::Value>(&message).unwrap();
}

#[test]
fn too_many_nodes() {
    let elements = |count: usize| xml(&"<a>1</a>".repeat(count - 2));
    assert!(super::messages(elements(200_000).as_bytes()).is_ok());
    rejected(
        elements(200_001),
        "line 1, column 1600007: more than 200000 elements",
    );
    let values = |count: usize| {
        format!(
            "{{\"JobsDetail\": {{\"a\": [{}1]}}}}",
            "1,".repeat(count - 4)
        )
    };
    assert!(super::messages(values(200_000).as_bytes()).is_ok());
    rejected(
        values(200_001),
        "line 1, column 400017: more than 200000 values",
    );
}
