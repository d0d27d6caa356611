//! Property tests with arbitrary bodies.

use cloud_infinite_callback::callback::ReadErrorKind;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::tree::{JsonStyle, Tree, quote};

/// Event names that select a family.
const EVENTS: &[&str] = &["TaskFinish", "ReviewImage", "ReviewVideo", "SomethingElse"];

/// Names that the code handles specially.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "State", "Code", "Message", "JobId", "Tag", "EndTime", "Input", "Operation", "Output", "Object",
    "Bucket", "Region", "MediaResult", "OutputFile", "ObjectName", "Md5Info", "Size", "Force",
    "Tags", "Data", "Snapshot", "Result", "PornInfo", "HitFlag", "Workflow", "Key", "BucketId", "Url",
    "ObjectUrl", "PicProcessResult", "ProcessResult", "MediaInfo", "Labels", "DetectDetail",
];

/// Texts that the code handles specially, including blank and number-like ones.
#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "Success", "Failed", "0", "7", "007", "13.654000", "-1e5", "true", "false", "null", "", " ",
    "\n\t", "-", "2024-05-06T07:08:09+0800", "soon", "a${Number}.jpg", "key ends in blank ",
];

fn name() -> impl Strategy<Value = String> {
    let known = select(NAMES).prop_map(str::to_owned);
    prop_oneof![4 => known, 1 => "[A-Za-z_][A-Za-z0-9_.-]{0,8}"]
}

/// Generates text that XML can contain.
fn text() -> impl Strategy<Value = String> {
    let known = select(TEXTS).prop_map(str::to_owned);
    let any = "[\\t\\n\\r -~\u{80}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]{0,12}";
    prop_oneof![3 => known, 1 => any]
}

/// Generates text with all characters. `any::<String>` has no control characters.
fn any_text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..16).prop_map(String::from_iter)
}

type Members = Vec<(String, Vec<Tree>)>;

fn members(value: impl Strategy<Value = Tree>) -> impl Strategy<Value = Members> {
    vec((name(), vec(value, 1..4)), 0..6).prop_map(|mut members| {
        // Names are unique, because the order of repeated names differs between the formats.
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members.dedup_by(|(a, _), (b, _)| a == b);
        members
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    text()
        .prop_map(Tree::Leaf)
        .prop_recursive(4, 40, 6, |inner| members(inner).prop_map(Tree::Object))
}

fn headers() -> impl Strategy<Value = Vec<Tree>> {
    let pair = ("[A-Za-z-]{1,6}", text()).prop_map(|(name, value)| {
        let leaf = |text| vec![Tree::Leaf(text)];
        Tree::Object(vec![
            ("Key".into(), leaf(name)),
            ("Value".into(), leaf(value)),
        ])
    });
    vec(pair, 0..4)
}

fn job() -> impl Strategy<Value = Tree> {
    (members(tree()), headers()).prop_map(|(mut members, headers)| {
        members.push(("CosHeaders".into(), headers));
        Tree::Object(members)
    })
}

fn body() -> impl Strategy<Value = Tree> {
    let event = proptest::option::of(select(EVENTS));
    (event, vec(job(), 1..4), members(tree())).prop_map(|(event, jobs, mut members)| {
        let event = event.into_iter().map(|event| Tree::Leaf(event.to_owned()));
        members.push(("EventName".into(), event.collect()));
        members.push(("JobsDetail".into(), jobs));
        Tree::Object(members)
    })
}

fn style() -> impl Strategy<Value = JsonStyle> {
    any::<[bool; 3]>().prop_map(
        |[quotes_scalars, has_arrays_of_one, has_header_maps]| JsonStyle {
            quotes_scalars,
            has_arrays_of_one,
            has_header_maps,
        },
    )
}

/// Generates valid and almost valid parts of JSON.
const TOKENS: &str = r#"{ } [ ] , : "a" "a": "\n" "\u00e9" "\ud83d\ude00" "\ud83d" "\x" " \ 1 - 01 -1.50 1e3 1.
    true nul null {"b":1} [1] "a":1,"#;

fn token_soup() -> impl Strategy<Value = String> {
    let blanks = [" ", "\n"].into_iter();
    let tokens: Vec<_> = TOKENS.split_whitespace().chain(blanks).collect();
    vec(select(tokens), 0..12).prop_map(|tokens| format!("{{{}}}", tokens.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn xml_and_json_of_one_job_give_the_same_message(body in body(), style in style()) {
        let (xml, json) = (body.to_xml(), body.to_json(style));
        prop_assert_eq!(super::messages(xml.as_bytes()), super::messages(json.as_bytes()));
    }

    #[test]
    fn no_leaf_is_lost(body in body(), style in style()) {
        let json = body.to_json(style);
        let messages = super::messages_of_jobs(json.as_bytes());
        if messages.is_empty() {
            return Ok(());
        }
        let mut found: Vec<String> = Vec::new();
        for message in &messages {
            found.extend(Tree::of_json(message).leaves().into_iter().map(|(_, text)| text));
        }
        for (path, text) in body.leaves() {
            let is_found = found.iter().any(|leaf| {
                // A sibling that is not in the detail is quoted in a warning.
                *leaf == text || (leaf.contains("the job already has a field of this name") && leaf.contains(quote(&text).trim_matches('"')))
            });
            prop_assert!(is_found, "{} {:?} is not in {:?}", path, text, messages);
        }
    }

    #[test]
    fn any_message_is_made_of_characters_that_sqs_takes(id in any_text(), key in any_text()) {
        let job = serde_json::json!({ "JobId": id, "Input": { "Object": key, "BucketId": key } });
        let body = serde_json::json!({ "JobsDetail": job, "x\u{FFFF}": "\u{FFFE}" }).to_string();
        for message in super::messages_of_jobs(body.as_bytes()) {
            for character in message.chars() {
                let is_legal = matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}'
                    | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
                prop_assert!(is_legal, "{:?}", character);
            }
            let message: Value = serde_json::from_str(&message).unwrap();
            let id = message["id"].as_str().unwrap();
            prop_assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
            prop_assert_eq!(&message["data"]["detail"]["x\u{FFFF}"], "\u{FFFE}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        start in select(&["<", "<Response>", "<JobsDetail>&", "<!", "{", "{\"JobsDetail\":", "{\"a\":\"\\u"][..]),
        bytes in vec(any::<u8>(), 0..64),
    ) {
        let body = [start.as_bytes(), &bytes].concat();
        let _ = super::messages(&body);
        // Most byte strings are not UTF-8, which is detected before a parser runs.
        let _ = super::messages(String::from_utf8_lossy(&body).as_bytes());
    }

    #[test]
    fn no_damage_to_a_body_makes_it_panic(
        body in body(),
        is_xml in any::<bool>(),
        style in style(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = if is_xml { body.to_xml() } else { body.to_json(style) }.into_bytes();
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(length.index(bytes.len()) + 1);
        let _ = super::messages(&bytes);
    }

    #[test]
    fn what_is_json_is_what_serde_json_takes(soup in token_soup()) {
        let dense: String = soup.split_whitespace().collect();
        // Trailing commas are accepted here, but not by serde_json.
        prop_assume!(!dense.contains(",}") && !dense.contains(",]"));
        let is_read = match super::read(soup.as_bytes()) {
            Ok(_) => true,
            Err(error) => error.kind() == ReadErrorKind::NoJob,
        };
        prop_assert_eq!(is_read, serde_json::from_str::<Value>(&soup).is_ok(), "{}", soup);
    }

    #[test]
    fn only_success_or_live_video_gives_a_verdict(
        state in select(STATES),
        result in select(&["0", "1", "2", "3"][..]),
        event in proptest::option::of(select(&["ReviewImage", "ReviewVideo"][..])),
    ) {
        let job = json!({"State": state, "Result": result, "ForbidState": result,
            "PornInfo": {"HitFlag": result}});
        let mut body = json!({"JobsDetail": job});
        if let Some(event) = event {
            body["EventName"] = json!(event);
        }
        let record = record(&body);
        let verdict = match (state, result) {
            ("Success", "0") => "normal",
            ("Success" | "Auditing" | "Submitted" | "Running" | "Pause", "1") => "sensitive",
            ("Success" | "Auditing" | "Submitted" | "Running" | "Pause", "2") => "suspected",
            _ => "unknown",
        };
        prop_assert_eq!(&record["moderation"]["verdict"], verdict);
        prop_assert_eq!(&record["moderation"]["scenes"][0]["verdict"], verdict);
        prop_assert_eq!(record["moderation"]["hits"].is_array(), result != "0");
        let says_forbidden = record["moderation"]["forbidden"].is_string();
        prop_assert!(!says_forbidden || !matches!(state, "Failed" | "Cancel" | "Postponed"));
    }

    #[test]
    fn no_output_is_of_an_element_that_failed(
        state in select(STATES),
        elements in vec(element(), 0..5),
        as_asked in any::<bool>(),
        of_a_workflow in any::<bool>(),
    ) {
        let body = if of_a_workflow {
            let result = json!({"ObjectInfo": elements, "SpriteObjectInfo": elements});
            json!({"WorkflowExecution": {"State": state, "RunId": "r",
                "Tasks": [{"State": state, "JobId": "j", "ResultInfo": result}]}})
        } else {
            let output = if as_asked { json!({"Object": "asked.png"}) } else { Value::Null };
            json!({"JobsDetail": {"State": state, "Tag": "PicProcess",
                "Operation": {"PicProcessResult": elements, "Output": output}}})
        };
        let record = record(&body);
        let paths = |name: &str| -> Vec<String> {
            let all = record[name].as_array().into_iter().flatten();
            all.map(|one| one["path"].as_str().unwrap().to_owned()).collect()
        };
        let holder = |path: &str| path.rsplit_once('.').unwrap().0.to_owned();
        let failed: Vec<_> = paths("problems").iter().map(|path| holder(path)).collect();
        for path in paths("outputs") {
            prop_assert!(!failed.contains(&holder(&path)), "{} is in {:?}", path, failed);
            let is_asked = path == "Operation.Output.Object";
            prop_assert!(!is_asked || state == "Success" && failed.is_empty());
            let leaf = record["detail"].pointer(&pointer(&path));
            prop_assert!(leaf.is_some_and(Value::is_string), "{}", path);
        }
    }

    #[test]
    fn an_input_is_of_one_object(
        bucket in proptest::option::of(select(&["a-1", "b-1"][..])),
        region in proptest::option::of(select(&["x", "y"][..])),
        object in proptest::option::of(select(&["k", "l"][..])),
        url in proptest::option::of(select(URLS)),
        event in select(&["TaskFinish", "ReviewImage", "Other"][..]),
    ) {
        let named = json!({"BucketId": bucket, "Region": region, "Object": object, "Url": url});
        let job = if event == "TaskFinish" { json!({"Input": named}) } else { named };
        let body = json!({"EventName": event, "JobsDetail": job, "a": "b"});
        // Without these fields, the job is empty and therefore unreadable.
        prop_assume!(bucket.is_some() || region.is_some() || object.is_some() || url.is_some());
        let input = record(&body)["input"].clone();
        let named = [bucket, region, object];
        let found = ["bucket", "region", "object"].map(|name| input[name].as_str());
        let of_url = url.filter(|url| url.contains("myqcloud")).map(|_| [Some("a-1"), Some("x"), Some("k")]);
        let expected = match of_url {
            Some(of_url) if named.iter().zip(of_url).all(|(named, url)| named.is_none() || *named == url) => of_url,
            _ => named,
        };
        prop_assert_eq!(found, expected);
        prop_assert_eq!(input["url"].as_str(), url);
    }
}

#[rustfmt::skip]
const STATES: &[&str] = &[
    "Success", "Failed", "Auditing", "Submitted", "Running", "Pause", "Cancel", "Postponed",
];

const URLS: &[&str] = &[
    "https://a-1.cos.x.myqcloud.com/k?sign=1",
    "https://example.com/k",
];

/// Generates an element that names an object, and may have failed.
fn element() -> impl Strategy<Value = Value> {
    (
        proptest::option::of(select(&["Success", "Failed"][..])),
        proptest::option::of(select(&["Success", "0", "", "-1", "Broken"][..])),
        proptest::option::of(select(&["a.png", "b.png", "${Number}.png"][..])),
    )
        .prop_map(|(state, code, name)| json!({"State": state, "Code": code, "ObjectName": name, "x": "y"}))
}

/// Returns the record of a body with one job.
fn record(body: &Value) -> Value {
    let messages = super::messages(body.to_string().as_bytes()).unwrap();
    let message: Value = serde_json::from_str(&messages[0]).unwrap();
    message["data"].clone()
}

/// Returns the JSON pointer of a dotted path.
fn pointer(path: &str) -> String {
    format!("/{}", path.replace(['.', '['], "/").replace(']', ""))
}
