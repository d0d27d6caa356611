//! A function with a wrong configuration does not start. `config` tests each variable.

use std::time::Duration;

use testkit::function::Settings;

/// Lambda's time limit for the start of a function.
const START_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn wrong_configuration_is_named_and_ends_the_function() {
    let right = Settings::without_queue;
    let secret = "secret-in-the-wrong-place";
    let cases: [(Settings, &[&str]); 2] = [
        (
            right().without("CALLBACK_TOKEN_SHA256"),
            &["CALLBACK_TOKEN_SHA256"],
        ),
        (
            right()
                .without("QUEUE_URL")
                .with("CALLBACK_TOKEN_SHA256", secret)
                .with("PUBLISH_BUDGET_MS", "soon"),
            &["QUEUE_URL", "CALLBACK_TOKEN_SHA256", "PUBLISH_BUDGET_MS"],
        ),
    ];
    for (settings, wrong) in cases {
        let (status, output) = crate::start(settings).await.exit(START_LIMIT).await;
        let status = status.unwrap_or_else(|| panic!("it runs: {output:?}"));
        assert!(!status.success(), "{status}");
        for variable in [
            "QUEUE_URL",
            "CALLBACK_TOKEN_SHA256",
            "PUBLISH_BUDGET_MS",
            "QUEUE_MAX_BYTES",
        ] {
            let is_named = output.lines().any(|line| line.contains(variable));
            assert_eq!(
                is_named,
                wrong.contains(&variable),
                "{variable}: {output:?}"
            );
        }
        // A value may be a secret.
        assert!(
            output.lines().all(|line| !line.contains(secret)),
            "{output:?}"
        );
    }
}
