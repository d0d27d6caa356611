//! Tests Tencent's published callback bodies as jobs in its lists.

use std::fs;

use cloud_infinite_callback::{
    callback::Payload,
    event::{events, to_json},
};
use serde_json::Value;

use crate::{
    command::{World, run},
    jobs::{Job, minutes_ago},
};

/// Returns the first element with this name, including its tags.
fn element(document: &str, name: &str) -> Option<String> {
    let begin = document.find(&format!("<{name}>"))?;
    let close = format!("</{name}>");
    let end = document.rfind(&close)? + close.len();
    Some(document[begin..end].to_owned())
}

/// Returns the only message of a body.
fn message(body: &str) -> Value {
    let payload = Payload::read(body.as_bytes()).expect("a published body can be read");
    let Payload::Callback(callback) = payload else {
        panic!("expected a callback, but found a probe")
    };
    let messages: Vec<_> = events(&callback).map(|event| to_json(&event)).collect();
    let [message] = &messages[..] else {
        panic!("one job a body: {messages:?}")
    };
    serde_json::from_str(message).expect("a message is JSON")
}

#[tokio::test]
#[ignore = "needs ../shared"]
async fn each_published_body_makes_the_message_of_its_callback() {
    let entries = fs::read_dir(testkit::shared("callbacks")).expect("it can be listed");
    let world = World::new().await;
    let mut count = 0;
    for path in entries.map(|entry| entry.expect("it can be listed").path()) {
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let body = fs::read_to_string(&path).expect("it is there");
        let tag = format!("t{count}");
        let task = element(&body, "JobsDetail");
        let filter = if task.is_some() {
            "--tag"
        } else {
            "--workflow-id"
        };
        let of_run = || element(&body, "WorkflowExecution").expect("a task or a run");
        let callback = message(&body);
        let job = Job {
            id: callback["data"]["jobId"]
                .as_str()
                .expect("a job")
                .to_owned(),
            tag: tag.clone(),
            queue: String::new(),
            state: "Success".to_owned(),
            created: minutes_ago(30),
            xml: task.unwrap_or_else(of_run),
        };
        match filter {
            "--tag" => world.ci.add([job]),
            _ => world.ci.add_runs([job]),
        }
        let window = ["--since", "87840h", "--until", "0s"];
        let arguments = [&["--all", filter, &tag][..], &window].concat();
        let ended = run(world.of_bucket("reconcile", &arguments)).await;
        assert_eq!(ended.code, Some(0), "{}: {ended:?}", path.display());
        let [message] = &world.queue.drain().await[..] else {
            panic!("{}: {ended:?}", path.display());
        };
        // The only sibling field in the bodies is `EventName`, which the kind of node implies.
        assert_eq!(message.event(), callback, "{}", path.display());
        count += 1;
    }
    assert!(count > 40, "{count} bodies");
}
