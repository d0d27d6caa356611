//! Log groups in MiniStack, one per test.

use aws_sdk_cloudwatchlogs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::InputLogEvent,
};
use jiff::Timestamp;
use serde_json::json;

use testkit::ministack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, endpoint};

/// The log stream of the function.
const STREAM: &str = "2026/11/24/[$LATEST]0123456789abcdef";

/// A log group for one test, with the log stream of a function.
pub(crate) struct LogGroup {
    client: Client,
    pub(crate) name: String,
}

impl LogGroup {
    pub(crate) async fn create(name: &str) -> Self {
        let client = client();
        let group = client.create_log_group().log_group_name(name).send().await;
        group.expect("MiniStack makes a log group");
        let stream = client.create_log_stream().log_group_name(name);
        let stream = stream.log_stream_name(STREAM).send().await;
        stream.expect("MiniStack makes a log stream");
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Writes the `published` line of the function for events at the current time.
    pub(crate) async fn add(&self, ids: &[String]) {
        self.add_at(ids, Timestamp::now()).await;
    }

    /// Writes the `published` line at another time.
    pub(crate) async fn add_at(&self, ids: &[String], time: Timestamp) {
        self.write(&published(ids), time).await;
    }

    /// Writes any line.
    pub(crate) async fn write(&self, line: &str, time: Timestamp) {
        let event = InputLogEvent::builder()
            .timestamp(time.as_millisecond())
            .message(line)
            .build()
            .expect("it has a time and a message");
        let request = self.client.put_log_events().log_group_name(&self.name);
        let request = request.log_stream_name(STREAM).log_events(event);
        request.send().await.expect("MiniStack takes a line");
    }

    /// Returns the lines that were not written by the function, with the names of their streams.
    pub(crate) async fn lines_of_others(&self) -> Vec<(String, String)> {
        let request = self.client.filter_log_events().log_group_name(&self.name);
        let page = request.send().await.expect("MiniStack reads a log");
        let events = page.events().iter();
        events
            .filter(|event| event.log_stream_name() != Some(STREAM))
            .map(|event| {
                let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
                (text(event.log_stream_name()), text(event.message()))
            })
            .collect()
    }
}

/// Returns the `published` line of the function for events.
pub(crate) fn published(ids: &[String]) -> String {
    json!({
        "timestamp": "2026-11-24T08:00:00.000000Z",
        "level": "INFO",
        "message": "published",
        "request.id": "8f507cfc",
        "jobs": ids.len(),
        "event.ids": ids,
        "target": "cloud_infinite_callback::telemetry",
    })
    .to_string()
}

fn client() -> Client {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests");
    let config = aws_sdk_cloudwatchlogs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint())
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}
