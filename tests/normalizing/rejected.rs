//! Bodies that cannot be read, each with the whole text of its reason.

/// Returns a body in XML with this inside its only job.
fn xml(inside: &str) -> String {
    format!("<Response><JobsDetail>{inside}</JobsDetail></Response>")
}

#[track_caller]
fn rejected(body: impl AsRef<[u8]>, expected: &str) {
    let body = body.as_ref();
    let found = super::messages(body).map(|messages| messages.concat());
    assert_eq!(
        found,
        Err(expected.to_owned()),
        "{}",
        String::from_utf8_lossy(body)
    );
}

#[test]
fn err_neither_xml_nor_json() {
    let expected = "line 1, column 1: expected XML or a JSON object";
    for body in [
        "hello", "[1]", "\"text\"", "5", "null", "&lt;", "\u{A0}{}", "x{}", ",{}",
    ] {
        rejected(body, expected);
    }
}

#[test]
fn err_not_utf8() {
    rejected(
        b"<Response>\n ab\xFFc</Response>",
        "line 2, column 4: expected UTF-8",
    );
    rejected(
        b"{\"a\": \"\xED\xA0\x80\"}",
        "line 1, column 8: expected UTF-8",
    );
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "<Response/>".encode_utf16().flat_map(bytes).collect()
    };
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    rejected(
        &little,
        "line 1, column 2: expected a character that XML allows, but found U+0000",
    );
    rejected(&big, "line 1, column 1: expected XML or a JSON object");
    for marked in [
        [b"\xFF\xFE", &little[..]].concat(),
        [b"\xFE\xFF", &big[..]].concat(),
    ] {
        rejected(marked, "line 1, column 1: expected UTF-8");
    }
}

#[test]
fn err_no_job() {
    let expected = "no job: expected JobsDetail, WorkflowExecution, or code with data";
    for body in [
        "{}",
        r#"{"EventName": "TaskFinish"}"#,
        r#"{"JobsDetail": {"Code": "", "Input": {"Object": " "}}}"#,
        r#"{"JobsDetail": [], "NonExistJobIds": ["a"]}"#,
        r#"{"code": 0}"#,
        r#"{"code": 0, "data": {}}"#,
        r#"{"data": {"trace_id": "a"}}"#,
        r#"{"Response": "text"}"#,
        r#"{"Response": {"JobsDetail": {"JobId": "a"}}, "x": 1}"#,
        "<Response/>",
        "<Response>text</Response>",
        "<Response><JobsDetail/><NonExistJobIds>a</NonExistJobIds></Response>",
        "<JobsDetail/>",
    ] {
        rejected(body, expected);
    }
}

#[test]
fn err_a_job_that_is_no_object() {
    let found = |index| format!("JobsDetail[{index}]: text instead of an object");
    rejected(r#"{"JobsDetail": "text"}"#, &found(0));
    rejected(r#"{"JobsDetail": [{"JobId": "a"}, 5]}"#, &found(1));
    rejected(r#"{"JobsDetail": [[{"JobId": "a"}, [5]]]}"#, &found(1));
    rejected(xml("text"), &found(0));
}

#[test]
fn err_tasks_and_a_workflow_in_one_body() {
    let expected = "both JobsDetail and WorkflowExecution in one body";
    for body in [
        r#"{"JobsDetail": {"JobId": "a"}, "WorkflowExecution": {"RunId": "b"}}"#,
        "<Response><WorkflowExecution><RunId>b</RunId></WorkflowExecution><JobsDetail><a>b</a></JobsDetail></Response>",
    ] {
        rejected(body, expected);
    }
    // What is empty is not there.
    assert!(
        super::messages(br#"{"JobsDetail": [{}], "WorkflowExecution": {"RunId": "b"}}"#).is_ok()
    );
}

#[test]
fn err_siblings_that_would_be_copied_into_too_many_jobs() {
    let body = |jobs: usize, sibling: usize| {
        let jobs = vec![r#"{"JobId": "a"}"#; jobs].join(",");
        format!(
            r#"{{"JobsDetail": [{jobs}], "Note": "{}"}}"#,
            "a".repeat(sibling)
        )
    };
    // The name of the sibling and its punctuation have 10 bytes.
    let limit = 64 * 1024 * 1024 / 64 - 10;
    assert!(super::messages(body(64, limit).as_bytes()).is_ok());
    rejected(
        body(64, limit + 1),
        "the fields next to 64 jobs would be copied into each of them: 67108928 bytes, more than 67108864",
    );
    assert!(super::messages(body(1, 5_000_000).as_bytes()).is_ok());
}

#[test]
fn err_xml_that_is_not_well_formed() {
    for (body, expected) in [
        (
            "<Response><a></Response>",
            "line 1, column 14: expected the closing tag of the element at line 1, column 11, but found another",
        ),
        (
            "<Response><a>",
            "line 1, column 11: expected the closing tag of this element, but found the end of the body",
        ),
        (
            "<Response></Response></a>",
            "line 1, column 22: expected an element, but found a closing tag",
        ),
        (
            "</Response>",
            "line 1, column 1: expected an element, but found a closing tag",
        ),
        (
            "<Response",
            "line 1, column 1: expected \">\", but found the end of the body",
        ),
        (
            "<Response>\n<!-- x",
            "line 2, column 1: expected \"-->\", but found the end of the body",
        ),
        (
            "<?xml version=\"1.0\"?>",
            "line 1, column 22: expected an element, but found the end",
        ),
        (
            "<Response/>x",
            "line 1, column 12: expected an element, but found text outside of the root",
        ),
        (
            "<Response/>&#65;",
            "line 1, column 12: expected an element, but found text outside of the root",
        ),
        (
            "<Response/><![CDATA[x]]>",
            "line 1, column 12: expected an element, but found text outside of the root",
        ),
        (
            "<Response/><Response/>",
            "line 1, column 12: expected the end, but found a second root element",
        ),
        (
            "<JobsDetail><a></JobsDetail>",
            "line 1, column 16: expected the closing tag of the element at line 1, column 13, but found another",
        ),
        (
            "<JobsDetail>",
            "line 1, column 1: expected the closing tag of this element, but found the end of the body",
        ),
        (
            "<EventName>a</EventName></Response>",
            "line 1, column 25: expected an element, but found a closing tag",
        ),
        (
            "<RequestId>a</RequestId><JobsDetail/>",
            "line 1, column 1: expected the root element Response, but found another",
        ),
        (
            "<Reply/>",
            "line 1, column 1: expected the root element Response, but found another",
        ),
        (
            "<response/>",
            "line 1, column 1: expected the root element Response, but found another",
        ),
        (
            "<n:Response/>",
            "line 1, column 1: expected the root element Response, but found another",
        ),
        (
            "<Response><1/></Response>",
            "line 1, column 11: expected the name of an element after \"<\"",
        ),
        (
            "<Response>< a/></Response>",
            "line 1, column 11: expected the name of an element after \"<\"",
        ),
        (
            "<Response><a/><?xml version=\"1.0\"?></Response>",
            "line 1, column 15: expected the XML declaration only at the start",
        ),
        (
            "<Response><!-- a -- b --></Response>",
            "line 1, column 18: expected no \"--\" inside a comment",
        ),
        (
            "<Response>a]]>b</Response>",
            "line 1, column 11: expected \"]]&gt;\" in text, but found \"]]>\"",
        ),
    ] {
        rejected(body, expected);
    }
}

#[test]
fn err_document_type_declaration() {
    let expected =
        |column| format!("line 1, column {column}: expected no document type declaration");
    rejected("<!DOCTYPE Response><Response/>", &expected(1));
    rejected(
        "<!DOCTYPE r [<!ENTITY a \"b\">]><Response>&a;</Response>",
        &expected(1),
    );
    rejected("<!DOCTYPE Response", &expected(1));
    for external in [
        "<!DOCTYPE Response SYSTEM \"http://127.0.0.1/a.dtd\"><Response/>",
        "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/hostname\">]><Response>&a;</Response>",
        "<!DOCTYPE r [<!ENTITY % a SYSTEM \"http://127.0.0.1/a.dtd\"> %a;]><Response/>",
    ] {
        rejected(external, &expected(1));
    }
    rejected("<!DOCTYPE><Response/>", &expected(10));
}

#[test]
fn err_entities_and_characters_that_xml_forbids() {
    let unknown = "line 1, column 23: expected a predefined entity or a character that XML allows";
    for reference in [
        "&a;",
        "&nbsp;",
        "&#0;",
        "&#x1F;",
        "&#xFFFE;",
        "&#xD800;",
        "&#x110000;",
        "&#;",
    ] {
        rejected(xml(reference), unknown);
    }
    rejected(
        xml("a & b"),
        "line 1, column 25: expected \";\" after \"&\" and a name",
    );
    for character in ["\u{0}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
        let code = u32::from(character.chars().next().unwrap());
        let found = format!(
            "line 1, column 23: expected a character that XML allows, but found U+{code:04X}"
        );
        rejected(xml(character), &found);
    }
}

#[test]
fn err_attributes() {
    for (attributes, expected) in [
        ("a", "expected attributes as name=\"value\""),
        ("a=b", "expected attributes as name=\"value\""),
        ("a=\"1\" a=\"2\"", "expected each attribute once"),
        (
            "a=\"<\"",
            "expected \"&lt;\" in an attribute, but found \"<\"",
        ),
        (
            "a=\"&b;\"",
            "expected a predefined entity or a character that XML allows",
        ),
        (
            "a=\"b & c\"",
            "expected a predefined entity or a character that XML allows",
        ),
        ("1=\"b\"", "expected the name of an attribute"),
    ] {
        rejected(
            xml(&format!("<a {attributes}/>")),
            &format!("line 1, column 23: {expected}"),
        );
    }
}

#[test]
fn err_json_that_is_not_json() {
    for (body, expected) in [
        (
            "{",
            "line 1, column 2: expected a name in quotes, but found the end",
        ),
        ("{\"a\"}", "line 1, column 5: expected \":\" after a name"),
        ("{\"a\":}", "line 1, column 6: expected a value"),
        (
            "{\"a\": 1",
            "line 1, column 8: expected \",\" or \"}\", but found the end",
        ),
        (
            "{\"a\": 1 \"b\": 2}",
            "line 1, column 9: expected \",\" or \"}\"",
        ),
        (
            "{\"a\": [1 2]}",
            "line 1, column 10: expected \",\" or \"]\"",
        ),
        ("{\"a\": [1}", "line 1, column 9: expected \",\" or \"]\""),
        (
            "{\"a\": 1,,}",
            "line 1, column 9: expected a name in quotes",
        ),
        ("{,}", "line 1, column 2: expected a name in quotes"),
        ("{\"a\": [,]}", "line 1, column 8: expected a value"),
        ("{\"a\": [1,,]}", "line 1, column 10: expected a value"),
        ("{a: 1}", "line 1, column 2: expected a name in quotes"),
        ("{\"a\": 'b'}", "line 1, column 7: expected a value"),
        ("{\"a\": NaN}", "line 1, column 7: expected a value"),
        ("{\"a\": Infinity}", "line 1, column 7: expected a value"),
        ("{\"a\": 01}", "line 1, column 7: expected a value"),
        ("{\"a\": 1.}", "line 1, column 7: expected a value"),
        ("{\"a\": nul}", "line 1, column 7: expected a value"),
        (
            "{\"a\": 1}}",
            "line 1, column 9: expected the end of the body",
        ),
        (
            "{\"a\": 1}\n{}",
            "line 2, column 1: expected the end of the body",
        ),
        (
            "{\"a\": \"b",
            "line 1, column 7: expected a quote at the end of this string",
        ),
        (
            "{\"a\": \"\n\"}",
            "line 1, column 8: expected escaped control characters in a string",
        ),
        (
            "{\"a\": \"\\x\"}",
            "line 1, column 7: expected only JSON's escapes and no lone surrogate in this string",
        ),
        (
            "{\"a\": \"\\ud800\"}",
            "line 1, column 7: expected only JSON's escapes and no lone surrogate in this string",
        ),
        (
            "{\"a\": 1} // b",
            "line 1, column 10: expected the end of the body",
        ),
    ] {
        rejected(body, expected);
    }
}

#[test]
fn err_too_deep() {
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
        // The leaf is a level as well, and the root is one, as `Response` in XML.
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

/// Asserts that a worker can read the message of a body with serde_json's own limit of depth.
#[track_caller]
fn assert_readers_read(body: &str) {
    let message = super::messages(body.as_bytes()).unwrap().remove(0);
    serde_json::from_str::<serde_json::Value>(&message).unwrap();
}

#[test]
fn err_too_many_nodes() {
    let elements = |count: usize| xml(&"<a>1</a>".repeat(count - 2));
    assert!(super::messages(elements(200_000).as_bytes()).is_ok());
    rejected(
        elements(200_001),
        "line 1, column 1600007: expected at most 200000 elements",
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
        "line 1, column 400017: expected at most 200000 values",
    );
}
