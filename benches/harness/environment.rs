//! What Lambda sets, and what our function and its peers are configured by.

use std::env;

use super::bodies::TOKEN_SHA256;

/// The environment of a function with a queue and a vault at this URL.
pub(crate) fn environment(aws: &str) -> Vec<(&'static str, String)> {
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_ENDPOINT_URL", aws),
        ("QUEUE_URL", &format!("{aws}/000000000000/jobs")),
        ("VAULT_BUCKET", "vault"),
        ("CALLBACK_TOKEN_SHA256", TOKEN_SHA256),
        ("PATH", &env::var("PATH").unwrap_or_default()),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}
