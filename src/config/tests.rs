//! Tests valid environments, and the errors of invalid ones.

use super::*;

const DIGEST: &str = "219c04a7bbd6d1a9e7e52c166bf6b61d015281b58d7af4507d2154a44bd34294";

/// Returns the configuration for these variables, in addition to those that Lambda sets.
pub(in crate::config) fn config(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let lambda = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
    ];
    Config::from_env(|name| {
        let set = variables
            .iter()
            .chain(&lambda)
            .find(|(variable, _)| *variable == name)?;
        Some(set.1.to_owned())
    })
    .1
    .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn ok_least() {
    let config = config(&[
        ("QUEUE_URL", "https://q/1/a"),
        ("CALLBACK_TOKEN_SHA256", DIGEST),
    ])
    .unwrap();
    assert_eq!(config.queue.url, "https://q/1/a");
    assert_eq!(config.queue.max_bytes, 1_048_576);
    assert_eq!(config.queue.budget, Duration::from_millis(2500));
    assert_eq!(config.vault_bucket, None);
    assert_eq!(config.aws.sqs_endpoint, None);
}

#[test]
fn ok_all() {
    let two = format!("{DIGEST}, {}", DIGEST.to_uppercase());
    let config = config(&[
        ("QUEUE_URL", " https://q/1/a.fifo/ "),
        ("CALLBACK_TOKEN_SHA256", &two),
        ("QUEUE_MAX_BYTES", "262144"),
        ("PUBLISH_BUDGET_MS", "900"),
        ("AWS_ENDPOINT_URL", "http://localhost:1"),
        ("AWS_ENDPOINT_URL_SQS", "http://localhost:2"),
        ("AWS_ENDPOINT_URL_S3", ""),
        ("AWS_SESSION_TOKEN", ""),
    ])
    .unwrap();
    assert_eq!(config.queue.url, "https://q/1/a.fifo");
    assert_eq!(config.queue.max_bytes, 262_144);
    assert_eq!(config.queue.budget, Duration::from_millis(900));
    assert_eq!(
        config.aws.sqs_endpoint.as_deref(),
        Some("http://localhost:2")
    );
    // Empty variables are regarded as not set.
    assert_eq!(
        config.aws.s3_endpoint.as_deref(),
        Some("http://localhost:1")
    );
    assert_eq!(config.aws.session_token, None);
}

#[test]
fn ok_authentication_is_disabled_only_explicitly() {
    assert!(config(&[("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")]).is_ok());
}

#[test]
fn err_all_invalid_variables_are_reported_together() {
    let expected = [
        "AWS_LAMBDA_LOG_LEVEL is not TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
        "AWS_LAMBDA_LOG_FORMAT is neither JSON nor Text",
        "CALLBACK_AUTH is neither token nor none",
        "CALLBACK_TOKEN_SHA256 contains a digest that does not have 64 hexadecimal digits",
        "QUEUE_URL is not an HTTP URL with a host",
        "QUEUE_MAX_BYTES is not a whole number from 8192 to 1048576",
        "PUBLISH_BUDGET_MS is not a whole number from 1 to 60000",
        "VAULT_BUCKET is not the name of an S3 bucket",
        "AWS_ENDPOINT_URL is not an HTTP URL with a host",
    ];
    let found = config(&[
        ("AWS_LAMBDA_LOG_LEVEL", "LOUD"),
        ("AWS_LAMBDA_LOG_FORMAT", "XML"),
        ("CALLBACK_AUTH", "off"),
        ("CALLBACK_TOKEN_SHA256", &DIGEST[1..]),
        ("QUEUE_URL", "arn:aws:sqs:eu-west-1:1:a"),
        ("QUEUE_MAX_BYTES", "1048577"),
        ("PUBLISH_BUDGET_MS", "2.5"),
        ("VAULT_BUCKET", "s3://vault"),
        ("AWS_ENDPOINT_URL", "localhost"),
    ]);
    assert_eq!(found.err().unwrap(), expected);
}

#[test]
fn err_values_that_no_request_can_have() {
    let needed = [("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")];
    for (variable, value) in [
        (
            "AWS_ENDPOINT_URL_SQS",
            "https://vpce-<id>.sqs.eu-west-1.vpce.amazonaws.com",
        ),
        ("AWS_ENDPOINT_URL_SQS", "http://localhost:${PORT}"),
        ("AWS_ENDPOINT_URL_S3", "http://h:4566:4566"),
        ("AWS_ENDPOINT_URL", "http://[::1"),
        ("AWS_ENDPOINT_URL", "https://"),
        ("AWS_ENDPOINT_URL", "https:///path"),
        ("AWS_REGION", "eu west 1"),
        ("AWS_REGION", "é"),
        ("AWS_ACCESS_KEY_ID", "a\nb"),
        ("AWS_SECRET_ACCESS_KEY", "\u{FFFD}"),
        ("AWS_SESSION_TOKEN", "a\nb"),
        ("VAULT_BUCKET", "..."),
        ("VAULT_BUCKET", "-vault"),
        ("VAULT_BUCKET", "va\u{FFFD}"),
    ] {
        let errors = config(&[&[(variable, value)], &needed[..]].concat());
        let errors = errors.err().unwrap_or_default();
        let is_named = errors.len() == 1 && errors[0].starts_with(variable);
        assert!(is_named, "{variable}={value}: {errors:?}");
    }
}

#[test]
fn err_missing() {
    let expected = [
        "CALLBACK_TOKEN_SHA256 is not set, and CALLBACK_AUTH is not none",
        "QUEUE_URL is not set",
    ];
    assert_eq!(config(&[("QUEUE_URL", " ")]).err().unwrap(), expected);
    let no_digest = [("QUEUE_URL", " "), ("CALLBACK_TOKEN_SHA256", ",")];
    assert!(config(&no_digest).err().unwrap()[0].starts_with("CALLBACK_TOKEN_SHA256 "));
    let nothing = Config::from_env(|_| None).1.err().unwrap();
    let missing: Vec<_> = nothing.iter().map(|problem| problem.variable).collect();
    assert_eq!(
        missing,
        [
            "CALLBACK_TOKEN_SHA256",
            "QUEUE_URL",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY"
        ]
    );
}
