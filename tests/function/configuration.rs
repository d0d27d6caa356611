//! A function that is told nonsense does not start, and says all that is wrong.

use std::time::Duration;

use testkit::{
    bodies,
    function::{Settings, digest},
    function_url::{TOKEN, post_json},
};

/// Lambda gives a function ten seconds to start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Settings, and the variables that are wrong in them.
fn wrong_settings() -> Vec<(Settings, &'static [&'static str])> {
    let right = Settings::without_queue;
    let odd_digest = &digest(TOKEN)[1..];
    vec![
        (
            right()
                .without("QUEUE_URL")
                .with("CALLBACK_TOKEN_SHA256", "secret-in-the-wrong-place")
                .with("PUBLISH_BUDGET_MS", "soon"),
            &["QUEUE_URL", "CALLBACK_TOKEN_SHA256", "PUBLISH_BUDGET_MS"],
        ),
        (
            right()
                .with("QUEUE_URL", "")
                .without("CALLBACK_TOKEN_SHA256")
                .with("QUEUE_MAX_BYTES", "-1"),
            &["QUEUE_URL", "CALLBACK_TOKEN_SHA256", "QUEUE_MAX_BYTES"],
        ),
        (
            right()
                .with("QUEUE_URL", "jobs")
                .with("CALLBACK_AUTH", "None of your business")
                .with("QUEUE_MAX_BYTES", "1MiB"),
            &["QUEUE_URL", "CALLBACK_AUTH", "QUEUE_MAX_BYTES"],
        ),
        (
            right().with("CALLBACK_TOKEN_SHA256", odd_digest),
            &["CALLBACK_TOKEN_SHA256"],
        ),
        (
            right().with("CALLBACK_TOKEN_SHA256", ","),
            &["CALLBACK_TOKEN_SHA256"],
        ),
        (
            right()
                .with("CALLBACK_AUTH", "token")
                .without("CALLBACK_TOKEN_SHA256"),
            &["CALLBACK_TOKEN_SHA256"],
        ),
        // More than SQS takes: each message of that size would be refused.
        (
            right().with("QUEUE_MAX_BYTES", "1048577"),
            &["QUEUE_MAX_BYTES"],
        ),
    ]
}

#[tokio::test]
async fn a_function_with_a_wrong_configuration_names_all_that_is_wrong_and_ends() {
    for (settings, variables) in wrong_settings() {
        let function = crate::start(settings.clone()).await;
        let (status, output) = function.exit(START_LIMIT).await;
        let status = status.unwrap_or_else(|| panic!("{variables:?}: it runs"));
        assert!(!status.success(), "{variables:?}: {status}");
        let said: String = output.lines().collect::<Vec<_>>().join("\n");
        for variable in variables {
            assert!(
                said.contains(variable),
                "expected {variable}, but found {said}"
            );
        }
        assert!(
            !said.contains("secret-in-the-wrong-place"),
            "a value may be a secret: {said}"
        );
    }
}

#[tokio::test]
async fn variables_that_are_not_wrong_are_not_named() {
    let settings = Settings::without_queue().with("PUBLISH_BUDGET_MS", "soon");
    let (_, output) = crate::start(settings).await.exit(START_LIMIT).await;
    let said: String = output.lines().collect::<Vec<_>>().join("\n");
    assert!(said.contains("PUBLISH_BUDGET_MS"), "{said}");
    for variable in [
        "QUEUE_URL",
        "QUEUE_MAX_BYTES",
        "CALLBACK_TOKEN_SHA256",
        "CALLBACK_AUTH",
    ] {
        assert!(!said.contains(variable), "{variable}: {said}");
    }
}

#[tokio::test]
async fn the_defaults_are_enough_to_start() {
    let settings = Settings::without_queue().without("PUBLISH_BUDGET_MS");
    let function = crate::start(settings).await;
    let answer = function
        .call(&post_json(&bodies::to_json(&bodies::probe())))
        .await;
    assert_eq!(answer.status, 200);
}
