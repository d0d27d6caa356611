//! Tests the types for workers: deserializing loses no data, and additions of later versions are accepted.

use cloud_infinite_job_record::{DataSchema, Event, Family, Outcome, SCHEMA_VERSION};
use serde_json::{Value, json};

#[test]
fn every_message_is_written_as_it_was_read() {
    assert_lossless(&super::cases::messages());
}

#[test]
#[ignore = "needs ../shared"]
fn messages_of_published_bodies_are_written_as_read() {
    assert_lossless(&super::vendor_bodies::messages());
}

fn assert_lossless(messages: &[String]) {
    for message in messages {
        let event: Event<'static> =
            serde_json::from_str(message).unwrap_or_else(|error| panic!("{error}, in {message}"));
        assert_eq!(&serde_json::to_string_pretty(&event).unwrap(), message);
    }
}

fn message() -> Value {
    json!({
        "specversion": "1.0",
        "id": "j1:Success",
        "source": "//ci.myqcloud.com",
        "type": "com.tencent.ci.task.succeeded",
        "datacontenttype": "application/json",
        "dataschema": "urn:cloud-infinite-callback:job-record:1",
        "data": {"family": "task", "outcome": "succeeded", "detail": {"JobId": "j1"}},
    })
}

#[test]
fn later_fields_and_words_do_not_stop_a_reader() {
    let mut message = message();
    message["partition"] = json!("a");
    message["data"]["outcome"] = json!("postponed");
    message["data"]["family"] = json!("broadcast");
    message["data"]["price"] = json!({"value": 1});
    message["data"]["moderation"] =
        json!({"verdict": "boring", "forbidden": "hidden", "score": 1, "reasons": []});
    let event: Event = serde_json::from_str(&message.to_string()).unwrap();
    let Event { data: record, .. } = event;
    assert_eq!(record.outcome, Outcome::Unknown("postponed".into()));
    assert_eq!(record.family, Family::Unknown("broadcast".into()));
    let moderation = record.moderation.unwrap();
    assert_eq!(moderation.verdict.as_str(), "boring");
    assert_eq!(moderation.forbidden.unwrap().as_str(), "hidden");
}

#[test]
fn another_version_is_not_read() {
    let read = |message: &Value| serde_json::from_value::<Event>(message.clone());
    assert_eq!(read(&message()).unwrap().dataschema, DataSchema::JobRecord1);
    assert_eq!(SCHEMA_VERSION, "1");
    for (name, other) in [
        ("specversion", "2.0"),
        ("datacontenttype", "text/xml"),
        ("dataschema", "urn:cloud-infinite-callback:job-record:2"),
    ] {
        let mut message = message();
        message[name] = json!(other);
        let error = read(&message).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("unknown variant `{other}`, expected ")),
            "{error}"
        );
    }
}

#[test]
fn detail_is_read_as_the_worker_likes() {
    #[derive(serde::Deserialize)]
    struct Job {
        #[serde(rename = "JobId")]
        id: String,
    }
    let message = message().to_string();
    let event: Event<Job> = serde_json::from_str(&message).unwrap();
    assert_eq!(event.data.detail.id, "j1");
    let event: Event<Value> = serde_json::from_str(&message).unwrap();
    assert_eq!(event.data.detail["JobId"], "j1");
    let event: Event = serde_json::from_str(&message).unwrap();
    assert_eq!(event.data.detail.get(), r#"{"JobId":"j1"}"#);
}
