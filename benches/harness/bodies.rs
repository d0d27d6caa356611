//! What is sent to the functions.

use std::{fmt::Write, fs, path::Path};

/// The callback's token, the last segment of the path.
const TOKEN: &str = "bench";

/// Its SHA-256.
pub(crate) const TOKEN_SHA256: &str =
    "1b32c28cb38c05480eccc1bd60ff97029b57a05c96718b96dad7e9d84894f549";

/// A task of the usual size, in XML.
pub(crate) fn task() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/task/ok_task_transcode.xml");
    fs::read_to_string(path).expect("the case is there")
}

/// A callback with so many jobs like that task, each with an id of its own.
pub(crate) fn tasks(jobs: usize) -> String {
    let task = task();
    let begin = task.find("<JobsDetail>").expect("a job");
    let end = task.find("</Response>").expect("a root");
    let mut callback = task[..begin].to_owned();
    for number in 0..jobs {
        let id = format!("<JobId>{number}-");
        callback += &task[begin..end].replace("<JobId>", &id);
    }
    callback + &task[end..]
}

/// A transcript of about so many bytes.
pub(crate) fn transcript(bytes: usize) -> String {
    let mut details = String::new();
    for number in 0.. {
        if details.len() > bytes {
            break;
        }
        writeln!(
            details,
            "<ResultDetail><EndMs>{number}900</EndMs><FinalSentence>早上好，世界 {number}</FinalSentence>\
             <SpeakerId>0</SpeakerId><StartMs>{number}000</StartMs></ResultDetail>"
        )
        .expect("memory takes it");
    }
    format!(
        "<Response><EventName>TaskFinish</EventName><JobsDetail><JobId>s1</JobId><State>Success</State>\
         <Tag>SpeechRecognition</Tag><Operation><SpeechRecognitionResult>{details}\
         </SpeechRecognitionResult></Operation></JobsDetail></Response>"
    )
}

/// What a function URL makes of a request with this body.
pub(crate) fn event(body: &str) -> String {
    serde_json::json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": format!("/{TOKEN}"),
        "rawQueryString": "",
        "headers": {
            "content-type": "application/xml",
            "user-agent": "Go-http-client/1.1",
            "host": "abc.lambda-url.eu-central-1.on.aws",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-central-1.on.aws",
            "domainPrefix": "abc",
            "http": {
                "method": "POST",
                "path": format!("/{TOKEN}"),
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "Go-http-client/1.1",
            },
            "requestId": "8f507cfc",
            "routeKey": "$default",
            "stage": "$default",
            "time": "06/May/2024:01:02:09 +0000",
            "timeEpoch": 1714957329000u64,
        },
        "body": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, body),
        "isBase64Encoded": true,
    })
    .to_string()
}
